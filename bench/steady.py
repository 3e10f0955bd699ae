"""A filled gallery that nobody touches: the first start, a restart, and idling."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.figures import Figure
from bench.landscape import Landscape
from bench.process import BenchmarkError, Operator, Scrape
from bench.world import Traffic, World, is_ready

_RESTART = 60.0  # seconds
_MEMORY = 256.0  # MB
_TASKS = 200.0
_IDLE_CPU = 3.0  # percent of one core
#: Seconds between two resyncs, as the operator has it unless told otherwise.
_RESYNC = 1800.0
#: Seconds between two resyncs while their cost is measured, and how many of them are measured.
_SHORT_RESYNC = 60.0
_RESYNCS = 2.0
#: Each look comes 0.8 to 1.2 resyncs after the last one.
_JITTER = 1.25
_QUIET = 30.0  # seconds


def run(world: World, versions: int, per_definition: int) -> Iterator[Figure]:
    """Measure a landscape of so many versions; at the end all three phases have been judged."""
    landscape = world.landscape(versions, per_definition)
    world.switchboard.create(landscape.parent_resources())
    world.switchboard.create(landscape.version_resources())
    world.create(landscape.parent_objects())
    world.create(landscape.version_objects())
    yield from _first_start(world, landscape)
    yield from _restart(world, landscape)
    yield from _idle(world, landscape)


def _first_start(world: World, landscape: Landscape) -> Iterator[Figure]:
    """The objects are new to the operator: it claims and reports each. Azure's limits are out of the way."""
    scenario = f"first start, {landscape.versions:,}"
    mark, written = world.mark(), world.kubernetes_writes()
    with world.operator("--arm-share", "100") as operator:
        seconds = operator.wait_for("every object looked at", lambda scrape: _looked_at(scrape, landscape))
        traffic = world.traffic(mark)
        yield Figure(scenario, "until every object was looked at", seconds, "s")
        yield from _footprint(scenario, operator)
    unready = [each["metadata"]["name"] for each in world.versions() if not is_ready(each)]
    if unready:
        msg = f"{len(unready)} versions did not become Ready, such as {unready[0]}"
        raise BenchmarkError(msg)
    yield Figure(scenario, "ARM reads", traffic.reads, "requests")
    yield Figure(scenario, "ARM writes", len(traffic.writes), "requests", 0)
    yield Figure(scenario, "Kubernetes writes", world.kubernetes_writes() - written, "requests")


def _restart(world: World, landscape: Landscape) -> Iterator[Figure]:
    """Nothing changed while the operator was away; then it is left alone for a while."""
    scenario = f"restart, {landscape.versions:,}"
    mark, written = world.mark(), world.kubernetes_writes()
    with world.operator() as operator:
        seconds = operator.wait_for("every object looked at", lambda scrape: _looked_at(scrape, landscape))
        cpu = operator.cpu_seconds
        traffic = world.traffic(mark)
        yield Figure(scenario, "until every object was looked at", seconds, "s", _RESTART)
        yield Figure(scenario, "CPU until then", cpu, "s")
        yield Figure(scenario, "ARM reads", traffic.reads, "requests")
        yield Figure(scenario, "ARM reads of single versions", traffic.version_reads, "requests", 0)
        yield Figure(scenario, "ARM writes", len(traffic.writes), "requests", 0)
        yield Figure(scenario, "Kubernetes writes", world.kubernetes_writes() - written, "requests", 0)
        yield from _footprint(scenario, operator)


def _idle(world: World, landscape: Landscape) -> Iterator[Figure]:
    """What idling costs: the time between resyncs, and one resync of everything, once per resync."""
    scenario = f"idle, {landscape.versions:,}"
    with world.operator() as operator:
        operator.wait_for("every object looked at", lambda scrape: _looked_at(scrape, landscape))
        quiet = _cpu(operator, _QUIET) / _QUIET
    with world.operator("--resync", f"{_SHORT_RESYNC:.0f}s") as operator:
        operator.wait_for("every object looked at", lambda scrape: _looked_at(scrape, landscape))
        time.sleep(1.2 * _SHORT_RESYNC)  # the looks spread over the resync
        mark, written, before = world.mark(), world.kubernetes_writes(), operator.scrape()
        window = _RESYNCS * _SHORT_RESYNC
        busy = _cpu(operator, window) - quiet * window
        looks = operator.scrape().decisions("ImageVersion") - before.decisions("ImageVersion")
        resync = busy / looks * landscape.versions
        yield Figure(scenario, "CPU between resyncs", 100 * quiet, "% of a core")
        yield Figure(scenario, "CPU for one resync of everything", resync, "s")
        yield Figure(scenario, "CPU with a resync in 30 minutes", 100 * (quiet + resync / _RESYNC), "%", _IDLE_CPU)
        yield Figure(scenario, "Kubernetes writes", world.kubernetes_writes() - written, "requests", 0)
        yield from _idle_traffic(scenario, world.traffic(mark), landscape)
        yield from _footprint(scenario, operator)


def _idle_traffic(scenario: str, traffic: Traffic, landscape: Landscape) -> Iterator[Figure]:
    lists = traffic.lists / landscape.definitions / _RESYNCS
    yield Figure(scenario, "LISTs per definition and resync", lists, "", _JITTER)
    yield Figure(scenario, "ARM reads of single versions", traffic.version_reads, "requests", 0)
    yield Figure(scenario, "ARM writes", len(traffic.writes), "requests", 0)


def _footprint(scenario: str, operator: Operator) -> Iterator[Figure]:
    yield Figure(scenario, "peak memory", operator.peak_memory, "MB", _MEMORY)
    yield Figure(scenario, "most tasks", operator.most_tasks, "", _TASKS)


def _looked_at(scrape: Scrape, landscape: Landscape) -> bool:
    return scrape.idle and scrape.decisions("ImageVersion") >= landscape.versions


def _cpu(operator: Operator, seconds: float) -> float:
    """Return the CPU seconds that the operator takes in so many real ones; nobody asks it anything meanwhile."""
    before = operator.cpu_seconds
    time.sleep(seconds)
    return operator.cpu_seconds - before
