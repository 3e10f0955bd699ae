"""`python -m bench`: measure, print a table, write JSON, and exit with 1 when a budget is missed."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import burst, steady
from bench.figures import Figure, print_table, write_json
from bench.process import BenchmarkError
from bench.world import World

_SCENARIOS = ("steady", "burst", "throttled", "latency")


def main() -> int:
    """Run what the command line asks for; 0: every budget is met, 1: one is missed, or a benchmark failed."""
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything that was started is stopped
    figures: list[Figure] = []
    failed = False
    for name, measure in _chosen(arguments):
        print(f"{name} ...", flush=True)
        try:
            figures += measure()
        except BenchmarkError as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed = True
    print_table(figures)
    write_json(figures, arguments.json)
    print(f"Written to {arguments.json}")
    return int(failed or any(each.met is False for each in figures))


def _chosen(arguments: argparse.Namespace) -> Iterator[tuple[str, Callable[[], list[Figure]]]]:
    """Yield each measurement with its name; each one has a world of its own."""
    if "steady" in arguments.only:
        for size in arguments.sizes:
            yield f"steady, {size:,} versions", _steady(size, arguments.per_definition)
    for name, speed, measure in (
        ("burst", 1.0, burst.unthrottled),
        ("throttled", burst.THROTTLED_SPEED, burst.throttled),
        ("latency", 1.0, burst.latency),
    ):
        if name in arguments.only:
            yield name, _in_world(speed, measure)


def _steady(size: int, per_definition: int) -> Callable[[], list[Figure]]:
    return _in_world(1.0, lambda world: steady.run(world, size, per_definition))


def _in_world(speed: float, measure: Callable[[World], Iterator[Figure]]) -> Callable[[], list[Figure]]:
    def run() -> list[Figure]:
        with World.open(speed=speed) as world:
            return list(measure(world))

    return run


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--sizes", type=_sizes, default=[1000, 10000], metavar="N,N", help="image versions to measure")
    parser.add_argument("--per-definition", type=int, default=100, metavar="N", help="image versions per definition")
    parser.add_argument("--only", type=_names, default=list(_SCENARIOS), help=f"some of {','.join(_SCENARIOS)}")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"), help="where the figures go")
    return parser


def _sizes(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(_SCENARIOS):
        msg = f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(_SCENARIOS)}"
        raise argparse.ArgumentTypeError(msg)
    return names


if __name__ == "__main__":
    sys.exit(main())
