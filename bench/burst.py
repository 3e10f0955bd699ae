"""Many versions applied at once: when is the last PUT sent, and how soon does the status say what Azure did?"""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.figures import Figure
from bench.landscape import Landscape
from bench.process import BenchmarkError, Operator
from bench.world import World, is_ready
from dev.azure_simulator import Durations
from dev.azure_simulator.throttling import BUCKETS, WINDOWS, Bucket, Window

VERSIONS = 1000
PER_DEFINITION = 100
#: How many times as fast as real time the clock runs while limits are waited for.
THROTTLED_SPEED = 2.0

_UNTHROTTLED = 60.0  # seconds
_PATIENCE = 600.0  # real seconds
_POLICY = "CreateUpdateGalleryImageVersion"
_WINDOW_SECONDS = (180, 1800)  # of the maxima in WINDOWS

_POLL = 15.0  # seconds, the operator's own
#: How long versions take in Azure, so that they finish at all phases of the poll.
_LIVES = (16.0, 19.0, 22.0, 25.0, 28.0)


def unthrottled(world: World) -> Iterator[Figure]:
    """Nothing limits the requests but the operator itself."""
    with world.operator("--arm-share", "100") as operator:
        seconds = _last_put(world, operator, world.landscape(VERSIONS, PER_DEFINITION))
        yield Figure("burst", "last of 1,000 PUTs sent", seconds, "s", _UNTHROTTLED)
        yield Figure("burst", "PUTs", len(world.traffic().version_puts), "requests", VERSIONS)
        yield Figure("burst", "peak memory", operator.peak_memory, "MB")
        yield Figure("burst", "most tasks", operator.most_tasks, "", 200)


def throttled(world: World) -> Iterator[Figure]:
    """Azure's limits hold; the clock of both sides is accelerated, and times are of that clock."""
    allowed = least_seconds(VERSIONS)
    with world.operator() as operator:
        world.switchboard.configure(throttling=True)
        seconds = _last_put(world, operator, world.landscape(VERSIONS, PER_DEFINITION))
        refused = sum(each.status == 429 for each in world.traffic().entries)
        yield Figure("burst, throttled", "what the limits allow", allowed, "s")
        yield Figure("burst, throttled", "last of 1,000 PUTs sent", seconds, "s", 1.1 * allowed)
        yield Figure("burst, throttled", "PUTs", len(world.traffic().version_puts), "requests", VERSIONS)
        yield Figure("burst, throttled", "requests that Azure refused (429)", refused, "requests")


def latency(world: World) -> Iterator[Figure]:
    """Versions finish in Azure at all phases of the poll; their objects must say so."""
    landscape = world.landscape(4 * len(_LIVES), 2 * len(_LIVES))
    lives: dict[str, float] = {}
    with world.operator() as operator:
        _prepare(world, operator, landscape)
        objects = list(landscape.version_objects())
        for number, life in enumerate(_LIVES):
            quick = Durations(version_create=life, home_region=life / 2, further_region=life / 4, region_stagger=0)
            world.switchboard.configure(durations=quick.model_dump())
            batch = objects[number :: len(_LIVES)]
            world.create(batch)
            lives |= {each["metadata"]["name"]: life for each in batch}
            _wait_for_puts(world, len(lives))
        told = _when_ready(world, len(lives))
    sent = {
        each.path.split("/images/")[1].replace("/versions/", "-"): each.time for each in world.traffic().version_puts
    }
    worst = max(told[name] - sent[name].timestamp() - life for name, life in lives.items())
    yield Figure("latency", "Azure finished until status says so", worst, "s", _POLL + 1)


def least_seconds(versions: int) -> float:
    """Return in how many seconds Azure's limits let that many PUTs of versions pass, each sent as early as it may be.

    A token bucket for writes, and the windows of the compute policy, which begin with the first PUT.
    """
    size, per_second = BUCKETS["writes"]
    bucket = Bucket(size, per_second, size, 0.0)
    windows = [Window(allowed, seconds) for allowed, seconds in zip(WINDOWS[_POLICY], _WINDOW_SECONDS, strict=True)]
    now = 0.0
    for _ in range(versions):
        now = max([now, *(each.start + each.seconds for each in windows if each.used >= each.allowed)])
        bucket.refill(now)
        now += max(0.0, (1 - bucket.tokens) / per_second)
        bucket.refill(now)
        bucket.tokens -= 1
        for each in windows:
            each.roll(now)
            each.used += 1
    return now


def _prepare(world: World, operator: Operator, landscape: Landscape) -> None:
    """Let gallery and definitions be created before any version is applied."""
    world.create(landscape.parent_objects())
    operator.wait_for(
        "gallery and definitions created",
        lambda scrape: scrape.decisions("ImageDefinition", "UpToDate") >= landscape.definitions,
    )


def _last_put(world: World, operator: Operator, landscape: Landscape) -> float:
    """Apply the versions; return the seconds of the clock from the first one's creation to the last PUT."""
    _prepare(world, operator, landscape)
    began = world.switchboard.now()
    world.create(landscape.version_objects())
    _wait_for_puts(world, landscape.versions)
    return (max(each.time for each in world.traffic().version_puts) - began).total_seconds()


def _wait_for_puts(world: World, count: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while (sent := len(world.traffic().version_puts)) < count:
        if time.monotonic() > deadline:
            msg = f"only {sent} of {count} PUTs were sent"
            raise BenchmarkError(msg)
        time.sleep(0.5)


def _when_ready(world: World, count: int) -> dict[str, float]:
    """Return when (Unix seconds) each version's object was first seen to be Ready."""
    seen: dict[str, float] = {}
    deadline = time.monotonic() + _PATIENCE
    while len(seen) < count:
        versions, now = world.versions(), time.time()
        for each in versions:
            if is_ready(each):
                seen.setdefault(each["metadata"]["name"], now)
        if time.monotonic() > deadline:
            msg = f"only {len(seen)} of {count} versions became Ready"
            raise BenchmarkError(msg)
        time.sleep(0.05)
    return seen
