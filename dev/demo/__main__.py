"""The command line: `python -m dev.demo [--keep] [--namespace NAME]`."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import sysconfig
import time
from collections.abc import Sequence

from dev.control_plane import BuildError, KubectlError, StartError, use
from dev.demo.manifests import PREFIX
from dev.demo.narrator import Narrator
from dev.demo.operator_process import OperatorError
from dev.demo.stage import Stage, StoryError, opened
from dev.demo.story import STEPS, Step


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m dev.demo",
        description="Tell and verify the life of an image version, on a real API server and a simulated Azure. With "
        "KUBECONFIG set that cluster is used, else one is started. Exits with 0 only if everything held.",
    )
    parser.add_argument("--keep", action="store_true", help="leave everything running in the end, until Ctrl-C")
    parser.add_argument("--namespace", default="gallery-demo", help="a new one (default: %(default)s)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    narrator = Narrator()
    try:
        with use() as cluster, opened(cluster, narrator, namespace=options.namespace) as stage:
            held = tell(stage)
            if options.keep:
                keep(stage)
            return 0 if held else 1
    except KeyboardInterrupt:
        return 130
    except (BuildError, StartError, KubectlError, OSError) as error:
        narrator.failure(str(error))
        return 1


def tell(stage: Stage, steps: Sequence[Step] = STEPS) -> bool:
    """Tell the story; return whether all of it held."""
    began = time.monotonic()
    for number, step in enumerate(steps, 1):
        stage.tell.heading(number, len(steps), step.title, step.act.__doc__ or "")
        step_began = time.monotonic()
        try:
            step.act(stage)
        except StoryError as error:
            stage.tell.failure(error.fact, expected=error.expected, found=error.found, log_tail=stage.operator.tail())
            return False
        except (KubectlError, OperatorError, OSError, ValueError) as error:
            stage.tell.failure(f"{type(error).__name__}: {error}", log_tail=stage.operator.tail())
            return False
        stage.tell.took(time.monotonic() - step_began)
    stage.tell.end(time.monotonic() - began)
    return True


def keep(stage: Stage) -> None:
    """Say how to go on by hand, and wait for Ctrl-C."""
    version = f"imageversion {PREFIX}1.0.0"
    stage.tell.invitation(
        {
            "Publish once more, and watch it replicate": [
                "kubectl apply -f examples/quickstart/",
                "kubectl get imageversions --watch",
            ],
            "Change something, and see what was sent to Azure": [
                f'kubectl patch {version} --type=merge -p \'{{"spec":{{"replicas":2}}}}\'',
                "azure 'journal?match=^PUT' | python3 -m json.tool",
            ],
            "Change a tag in Azure behind the operator's back, let an hour pass, and read the gallery's Events": [
                f'azure \'resource?id={stage.gallery_id}\' -X PATCH -d \'{{"tags":{{"team":"me"}}}}\'',
                "azure clock -d '{\"advance\":3600}'",
                "kubectl describe gallery platform",
            ],
        },
        setup=_setup(stage),
    )
    try:
        while True:
            stage.operator.check()
            time.sleep(0.5)
    except KeyboardInterrupt:
        stage.tell.note("Stopping")


def _setup(stage: Stage) -> list[str]:
    """Return the lines that prepare another terminal."""
    ca, url = stage.endpoints.ca_file, stage.endpoints.url
    lines = [
        f"export KUBECONFIG={stage.kubectl.kubeconfig}",
        f'azure() {{ curl --silent --cacert {ca} {url}/_simulator/"$@"; echo; }}',
    ]
    if shutil.which("kubectl") is None:
        lines.append(f"export PATH={sysconfig.get_path('scripts')}{os.pathsep}$PATH")
    return lines


if __name__ == "__main__":
    sys.exit(main())
