"""A clock for tests that run on looptime's virtual time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class LoopClock:
    """Shows the loop's time, can be stepped, and can run faster than the loop."""

    def __init__(self, *, speed: float = 1.0, longest_nap: float | None = None) -> None:
        self.longest_nap = longest_nap
        self._speed = speed
        self._stepped = timedelta(0)

    def now(self) -> datetime:
        return EPOCH + self._stepped + timedelta(seconds=asyncio.get_running_loop().time() * self._speed)

    def real_seconds(self, seconds: float) -> float:
        return seconds / self._speed

    def step(self, seconds: float) -> None:
        self._stepped += timedelta(seconds=seconds)
