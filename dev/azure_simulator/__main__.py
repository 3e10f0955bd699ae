"""`python -m dev.azure_simulator`: run the simulator alone, and say how to point `az` and the operator at it."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from dev.azure_simulator import AzureSimulator, Endpoints, Settings, Switchboard, fill


def main() -> None:
    """Run until SIGINT or SIGTERM."""
    arguments = _parser().parse_args()
    settings = Settings(
        throttling=arguments.throttling,
        create_lag=arguments.create_lag,
        child_delete_lag=arguments.child_delete_lag,
        retry_after=arguments.retry_after,
    )
    signal.signal(signal.SIGTERM, _interrupt)
    with AzureSimulator.start(
        arguments.folder,
        speed=arguments.speed,
        port=arguments.port,
        settings=settings,
        clock_file=arguments.clock_file,
    ) as simulator:
        if arguments.fill:
            Switchboard(simulator.endpoints).create(fill.resources(arguments.fill))
        _announce(simulator.endpoints, as_json=arguments.json)
        try:
            simulator.wait()
        except KeyboardInterrupt:
            print("Stopping.", file=sys.stderr)


def _announce(endpoints: Endpoints, *, as_json: bool) -> None:
    if as_json:
        print(endpoints.to_json(), flush=True)
        return
    print(f"Azure simulator at {endpoints.url}\n\nFor the operator:")
    for name, value in endpoints.environment().items():
        print(f"  export {name}={value}")
    print("\nFor the Azure CLI:")
    for command in endpoints.az_commands():
        print(f"  {command}")
    print("\nCtrl-C stops it.", flush=True)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dev.azure_simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: any free one)")
    parser.add_argument("--speed", type=float, default=1.0, help="how many times as fast as real time the clock runs")
    parser.add_argument("--clock-file", type=Path, help="clock shared with the operator; taken as it is if it exists")
    parser.add_argument("--folder", type=Path, help="where to put the CA certificate and the clock")
    parser.add_argument("--json", action="store_true", help="print the endpoints as one line of JSON")
    parser.add_argument("--fill", type=int, default=0, metavar="N", help="create N image versions to begin with")
    parser.add_argument("--throttling", action="store_true", help="enforce the rate limits of Azure")
    parser.add_argument("--create-lag", type=float, default=0, metavar="S", help="404 for S seconds after a creation")
    parser.add_argument(
        "--child-delete-lag",
        type=float,
        default=0,
        metavar="S",
        help="refuse a parent's deletion for S seconds after that of its last child (Azure: about 15)",
    )
    parser.add_argument("--retry-after", type=int, default=60, metavar="S", help="Retry-After of version operations")
    return parser


if __name__ == "__main__":
    main()
