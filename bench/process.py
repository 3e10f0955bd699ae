"""The operator as a process of its own, seen from outside: its port, its log, and what the system says of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import psutil
import requests
from prometheus_client.parser import text_string_to_metric_families

_READY = 1800.0  # seconds; a benchmark that waits longer has failed
#: Seconds between two looks at the metrics, which cost the operator about 10 ms each.
_LOOK = 0.5


class BenchmarkError(Exception):
    """A benchmark cannot go on; the message says why."""


class Scrape:
    """What /metrics said at one moment."""

    def __init__(self, text: str) -> None:
        self._samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of all samples of that name that have these labels; 0 when there is none."""
        return sum(
            sample.value for sample in self._samples if sample.name == name and labels.items() <= sample.labels.items()
        )

    @property
    def idle(self) -> bool:
        """Whether no key waits for a worker and no worker has one."""
        waiting = self.total("workqueue_depth")
        return waiting == 0 and self.total("workqueue_unfinished_work_seconds") == 0

    def decisions(self, kind: str, plan: str | None = None) -> float:
        """Return how many looks at objects of a kind ended in a decision, or in that one."""
        wanted = {} if plan is None else {"plan": plan}
        return self.total("gallery_operator_plans_total", kind=kind.lower(), **wanted)


class Operator:
    """A running operator; a context manager that stops it.

    :param environment: what it gets beside ours.
    :param log: file that takes its log.
    """

    def __init__(self, environment: Mapping[str, str], log: Path, *options: str) -> None:
        self._log = log
        self.started = time.monotonic()
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gallery_operator", "run", "--port", "0", *options],
                env={**os.environ, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._system = psutil.Process(self._process.pid)
        self._session = requests.Session()
        self._session.trust_env = False
        self._url = f"http://127.0.0.1:{self._find_port()}"
        self.most_tasks = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.started

    def stop(self) -> None:
        """End it with SIGTERM, and with SIGKILL when it does not listen."""
        self._session.close()
        self._process.terminate()
        try:
            self._process.wait(40)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def scrape(self) -> Scrape:
        """Return its metrics; raises BenchmarkError when it has ended."""
        self._check_alive()
        scrape = Scrape(self._session.get(f"{self._url}/metrics", timeout=60).text)
        self.most_tasks = max(self.most_tasks, scrape.total("gallery_operator_asyncio_tasks"))
        return scrape

    def wait_for(self, what: str, condition: Callable[[Scrape], bool], timeout: float = _READY) -> float:
        """Wait until the metrics fulfil a condition and return the operator's age then."""
        deadline = time.monotonic() + timeout
        while not condition(self.scrape()):
            if time.monotonic() > deadline:
                msg = f"the operator did not come so far: {what}\n{self._tail()}"
                raise BenchmarkError(msg)
            time.sleep(_LOOK)
        return self.age

    def ready(self) -> bool:
        """Whether /readyz says so."""
        return self._session.get(f"{self._url}/readyz", timeout=60).ok

    @property
    def cpu_seconds(self) -> float:
        """CPU time, user and system, since it was started."""
        times = self._system.cpu_times()
        return times.user + times.system

    @property
    def peak_memory(self) -> float:
        """The largest resident set so far, in MB (of 2**20 bytes)."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        msg = "the system does not tell a process's peak memory"
        raise BenchmarkError(msg)

    def _find_port(self) -> int:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for line in self._log.read_text(errors="replace").splitlines():
                if '"port"' in line and line.endswith("}"):
                    return int(json.loads(line)["port"])
            self._check_alive()
            time.sleep(0.02)
        msg = f"the operator does not say its port\n{self._tail()}"
        raise BenchmarkError(msg)

    def _check_alive(self) -> None:
        if self._process.poll() is not None:
            msg = f"the operator ended with {self._process.returncode}\n{self._tail()}"
            raise BenchmarkError(msg)

    def _tail(self) -> str:
        return "\n".join(line[:300] for line in self._log.read_text(errors="replace").splitlines()[-10:])
