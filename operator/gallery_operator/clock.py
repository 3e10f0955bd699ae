"""Time as a dependency.

Policies count in hours and days, so everything that asks "what time is it?" or "wake me in …" asks a `Clock`. In a
cluster that is the system clock. Demo and tests run operator and simulator on one accelerated clock kept in a file.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import orjson


class Clock(Protocol):
    """What time it is, and how long a stretch of it lasts for real."""

    #: The longest real sleep, in seconds, after which a waiter must look at the clock again; None: no limit.
    longest_nap: float | None

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        ...

    def real_seconds(self, seconds: float) -> float:
        """Return how many seconds really pass while `seconds` pass on this clock."""
        ...


class SystemClock:
    """The machine's clock."""

    longest_nap: float | None = None

    def now(self) -> datetime:
        return datetime.now(UTC)

    def real_seconds(self, seconds: float) -> float:
        return seconds


@dataclass(frozen=True)
class Tempo:
    """At real time `anchor` (Unix seconds) the clock showed `shown`; it runs `speed` times as fast as real time."""

    anchor: float
    shown: float
    speed: float

    def at(self, real: float) -> float:
        return self.shown + (real - self.anchor) * self.speed


class FileClock:
    """A clock that several processes share through a small JSON file; whoever writes the file steps or speeds it.

    The file holds `{"anchor": <unix s>, "shown": <unix s>, "speed": <factor>}`.
    """

    longest_nap: float | None = 0.05

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version = (-1, -1)
        self._tempo = Tempo(0.0, 0.0, 1.0)
        self._read()

    @classmethod
    def create(cls, path: Path, *, speed: float = 1.0, shown: datetime | None = None) -> FileClock:
        """Write a new clock file that shows `shown` (default: the present) and return the clock."""
        now = time.time()
        _write(path, Tempo(now, shown.timestamp() if shown else now, speed))
        return cls(path)

    def now(self) -> datetime:
        self._read()
        return datetime.fromtimestamp(self._tempo.at(time.time()), UTC)

    def real_seconds(self, seconds: float) -> float:
        self._read()
        return seconds / self._tempo.speed

    def advance(self, by: timedelta) -> None:
        """Step the clock forward for every process that reads the file."""
        self._change(by=by)

    def set_speed(self, speed: float) -> None:
        """Let the clock run `speed` times as fast as real time from now on."""
        self._change(speed=speed)

    def _change(self, *, by: timedelta = timedelta(0), speed: float | None = None) -> None:
        self._read()
        now = time.time()
        shown = self._tempo.at(now) + by.total_seconds()
        _write(self._path, Tempo(now, shown, self._tempo.speed if speed is None else speed))

    def _read(self) -> None:
        stat = self._path.stat()
        version = (stat.st_mtime_ns, stat.st_ino)  # two writes may fall into one tick of the file system's clock
        if version != self._version:
            self._tempo = Tempo(**orjson.loads(self._path.read_bytes()))
            self._version = version


def _write(path: Path, tempo: Tempo) -> None:
    if tempo.speed <= 0:
        msg = f"a clock's speed is greater than 0, not {tempo.speed}"
        raise ValueError(msg)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(orjson.dumps({"anchor": tempo.anchor, "shown": tempo.shown, "speed": tempo.speed}))
    temporary.replace(path)
