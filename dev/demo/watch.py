"""Every state an object goes through, not just those that a look now and then happens to see."""

from __future__ import annotations

import subprocess
import tempfile

from dev.control_plane import Kubectl
from dev.control_plane.kubectl import executable

#: Seconds that kubectl has to end.
_END = 10.0


class Watch:
    """`kubectl get KIND --watch` of one object, by name, which need not exist yet: one line per change."""

    def __init__(self, kubectl: Kubectl, kind: str, name: str, jsonpath: str) -> None:
        """`jsonpath`: what a line tells of the object."""
        self._lines = tempfile.NamedTemporaryFile(prefix="watch-")  # noqa: SIM115 - it lives as long as this object
        self._process = subprocess.Popen(
            [
                executable(),
                f"--kubeconfig={kubectl.kubeconfig}",
                "get",
                kind,
                f"--field-selector=metadata.name={name}",
                "--watch",
                f'--output=jsonpath={jsonpath}{{"\\n"}}',
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._lines.fileno(),
            stderr=subprocess.DEVNULL,
        )

    def seen(self) -> list[str]:
        """Return the lines so far, each that differs from the one before it."""
        with open(self._lines.name) as file:
            lines = [line.strip() for line in file]
        return [line for number, line in enumerate(lines) if line and (not number or line != lines[number - 1])]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(_END)
        self._lines.close()
