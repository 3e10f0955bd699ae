"""Every state an object goes through, not just those that a look now and then happens to see."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from dev.control_plane import Kubectl
from dev.control_plane.kubectl import executable
from dev.demo.processes import tied

#: Seconds that kubectl has to begin to watch, and to end.
_START, _END = 30.0, 10.0


class Watch:
    """`kubectl get KIND --watch` of one object, by name, which need not exist yet: one line per change."""

    def __init__(self, kubectl: Kubectl, kind: str, name: str, jsonpath: str) -> None:
        """`jsonpath`: what a line tells of the object."""
        self._lines = tempfile.NamedTemporaryFile(prefix="watch-")  # noqa: SIM115 - it lives as long as this object
        self._requests = tempfile.NamedTemporaryFile(prefix="watch-")  # noqa: SIM115
        self._process = subprocess.Popen(
            tied(
                [
                    str(executable()),
                    f"--kubeconfig={kubectl.kubeconfig}",
                    "get",
                    kind,
                    f"--field-selector=metadata.name={name}",
                    "--watch",
                    f'--output=jsonpath={jsonpath}{{"\\n"}}',
                    "-v=6",  # it says on standard error what it asks the API server
                ]
            ),
            stdin=subprocess.DEVNULL,
            stdout=self._lines.fileno(),
            stderr=self._requests.fileno(),
        )
        self._wait_until_watching()

    def seen(self) -> list[str]:
        """Return the lines so far, each that differs from the one before it."""
        lines = [line.strip() for line in Path(self._lines.name).read_text().splitlines()]
        return [line for number, line in enumerate(lines) if line and (not number or line != lines[number - 1])]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(_END)
        self._lines.close()
        self._requests.close()

    def _wait_until_watching(self) -> None:
        deadline = time.monotonic() + _START
        while "watch=true" not in Path(self._requests.name).read_text():
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.close()
                raise TimeoutError("kubectl get --watch did not begin to watch")
            time.sleep(0.05)
