"""The operator as a process of its own, configured by the chart's Deployment and acting as its ServiceAccount."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import requests

ROOT = Path(__file__).parents[2]
#: Real seconds in which anything a test waits for must have come; a loaded machine is slow.
PATIENCE = 60.0

T = TypeVar("T")


def eventually(look: Callable[[], T | None], what: str, *, otherwise: Callable[[], str] = lambda: "") -> T:
    """Return what `look` returns as soon as that is truthy; fails, telling `otherwise`, when it never is."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {PATIENCE:.0f} s\n{otherwise()}")


class RunningOperator:
    """A process of the operator and what it logs."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]

    def wait_for_port(self) -> int:
        """Return the port of health and metrics."""

        def port() -> int | None:
            assert self._process.poll() is None, self.log()
            return next((line["port"] for line in self.lines() if "port" in line), None)

        return eventually(port, "the operator serves health", otherwise=self.log)

    def wait_until_ready(self) -> None:
        """Return when /readyz says 200."""
        url = f"http://127.0.0.1:{self.wait_for_port()}/readyz"
        eventually(lambda: requests.get(url, timeout=10).ok, "the operator is ready", otherwise=self.log)

    def wait(self) -> int:
        """Return the exit code of a process that ends by itself."""
        return self._process.wait(PATIENCE)

    def stop(self) -> int:
        """End it as the kubelet does, and return its exit code."""
        self._process.terminate()
        return self._process.wait(PATIENCE)


def container(deployment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the one container of a Deployment."""
    (only,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(only)


@contextmanager
def running(deployment: Mapping[str, Any], environment: Mapping[str, str], log: Path) -> Iterator[RunningOperator]:
    """Run what the Deployment's container would run, with its variables and those of `environment` on top."""
    only = container(deployment)
    declared = {each["name"]: each["value"] for each in only["env"]}
    own = {"PATH": os.environ["PATH"], "HOME": str(log.parent), "PYTHONPATH": str(ROOT / "operator")}
    command = [sys.executable, "-m", "gallery_operator", *only["args"]]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**own, **declared, **environment}, cwd=log.parent, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield RunningOperator(process, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
