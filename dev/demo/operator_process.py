"""The operator as a process of its own, that can be killed at any moment."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from dev.demo.processes import tied

#: Seconds until the operator must say that it is ready; one is usual, a loaded machine may need many.
START_TIMEOUT = 60.0
#: Seconds it has to end after SIGTERM: more than the grace it gives to what it is doing.
STOP_TIMEOUT = 30.0


class OperatorError(Exception):
    """The operator did not start, or ended by itself."""


class OperatorProcess:
    """`gallery-operator run` with some environment; its log goes to one file, whatever the number of starts."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        self._environment = _clean_environment() | dict(environment) | {"GALLERY_OPERATOR_PORT": "0"}
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._port: int | None = None

    def start(self) -> None:
        """Start it and return when it says that it is ready. Raises OperatorError."""
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self._port = None
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                tied([sys.executable, "-m", "gallery_operator", "run"]),
                env=self._environment,
                cwd=self.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the demo, which then stops the operator
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not self.ready():
            self.check()
            if time.monotonic() > deadline:
                raise OperatorError(f"the operator was not ready after {START_TIMEOUT:.0f} s")
            time.sleep(0.05)

    def ready(self) -> bool:
        """Tell whether /readyz answers 200."""
        self._port = self._port or self._logged_port()
        if self._port is None:
            return False
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    def check(self) -> None:
        """Raise OperatorError if it was started and has ended by itself."""
        if self._process is not None and (code := self._process.poll()) is not None:
            raise OperatorError(f"the operator ended by itself with exit code {code}")

    def kill(self) -> None:
        """SIGKILL it: it has no chance to finish anything."""
        self._end(signal.SIGKILL)

    def stop(self) -> int | None:
        """SIGTERM it, and return its exit code; None when it was not running."""
        return self._end(signal.SIGTERM)

    def tail(self, lines: int = 25) -> str:
        """Return the end of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(line[:400] for line in self.log.read_text(errors="replace").splitlines()[-lines:])

    def _end(self, number: signal.Signals) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        process.send_signal(number)
        try:
            return process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _logged_port(self) -> int | None:
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            match = re.search(rb"Serving health and metrics port=(\d+)", log.read())
        return int(match[1]) if match else None


def _clean_environment() -> dict[str, str]:
    """Return our environment without what would lead the operator to another cloud or cluster."""
    foreign = ("AZURE_", "GALLERY_OPERATOR_", "KUBECONFIG")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    direct = [each for each in (kept.get("NO_PROXY"), "localhost", "127.0.0.1") if each]
    return kept | {"NO_PROXY": ",".join(direct), "GALLERY_OPERATOR_LOG_FORMAT": "text"}
