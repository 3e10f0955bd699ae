"""The cluster that tests and the demo use: the one of KUBECONFIG, or else a control plane started for the occasion."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kubernetes.client import ApiClient
from kubernetes.config import new_client_from_config

from dev.control_plane.kubeconfig import write_private
from dev.control_plane.kubectl import Kubectl, executable
from dev.control_plane.server import ControlPlane


@dataclass(frozen=True)
class Cluster:
    """A cluster to use. `foreign` means: it was there before us, so leave it as it was found."""

    kubeconfig: Path
    foreign: bool

    @cached_property
    def kubectl(self) -> Kubectl:
        return Kubectl(self.kubeconfig)

    @cached_property
    def client(self) -> ApiClient:
        """For what a test does often: starting kubectl takes a hundred times as long as a request."""
        client: ApiClient = new_client_from_config(str(self.kubeconfig))  # type: ignore[no-untyped-call]
        return client


@contextmanager
def use(*, quiet: bool = False) -> Iterator[Cluster]:
    """Yield the cluster of KUBECONFIG where that is set; else start a control plane, and stop it at the end.

    Raises FileNotFoundError when KUBECONFIG names a file that does not exist, and what `ControlPlane.start` raises.
    """
    paths = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    if not paths:
        with ControlPlane.start(quiet=quiet) as plane:
            yield Cluster(plane.kubeconfig, foreign=False)
        return
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"KUBECONFIG names {path}, which does not exist")
    if len(paths) == 1:
        yield Cluster(paths[0], foreign=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Cluster(_merged(Path(folder) / "kubeconfig"), foreign=True)


def _merged(target: Path) -> Path:
    """Write to `target` the current context of the files in KUBECONFIG, merged by kubectl's rules."""
    command = [str(executable()), "config", "view", "--raw", "--flatten", "--minify"]
    return write_private(target, subprocess.run(command, capture_output=True, text=True, check=True).stdout)
