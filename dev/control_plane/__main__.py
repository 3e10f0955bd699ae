"""The command line: `python -m dev.control_plane up | build | kubectl -- ARGUMENTS`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from dev.control_plane import BuildError, ControlPlane, StartError
from dev.control_plane.binaries import find_or_build
from dev.control_plane.kubectl import executable


def up(folder: Path | None) -> None:
    """Run a control plane until Ctrl-C or SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT, too: a shell's background job ignores it
        signal.signal(number, signal.default_int_handler)
    with ControlPlane.start(folder) as plane:
        print(f"export KUBECONFIG={plane.kubeconfig}", flush=True)
        print("Ctrl-C stops it.", file=sys.stderr, flush=True)
        plane.wait()


def build() -> None:
    """Make the programs available and say where they are."""
    binaries = find_or_build()
    print(binaries.kube_apiserver)
    print(binaries.etcd)


def kubectl(arguments: list[str]) -> None:
    """Become kubectl, for the cluster of KUBECONFIG."""
    if not os.environ.get("KUBECONFIG"):
        sys.exit("KUBECONFIG is not set: paste the export line that `python -m dev.control_plane up` prints")
    os.execv(executable(), ["kubectl", *arguments])


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dev.control_plane", description="A real kube-apiserver and etcd.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("up", help="run one until Ctrl-C; prints the line that makes kubectl use it")
    run.add_argument("--folder", type=Path, help="keep data and logs here (default: a temporary folder)")
    commands.add_parser("build", help="only make the programs available, and print where they are")
    client = commands.add_parser("kubectl", help="run the kubectl of this environment on the cluster of KUBECONFIG")
    client.add_argument("arguments", nargs=argparse.REMAINDER, help="after --: what to pass to kubectl")
    return parser.parse_args(arguments)


def main() -> None:
    options = parse()
    try:
        if options.command == "up":
            up(options.folder)
        elif options.command == "build":
            build()
        else:
            kubectl(options.arguments[1:] if options.arguments[:1] == ["--"] else options.arguments)
    except KeyboardInterrupt:
        print(file=sys.stderr)  # the shell's prompt goes on a line of its own
    except (BuildError, StartError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
