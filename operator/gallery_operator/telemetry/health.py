"""Health checks: callables that return None when all is well, or else one line that says what is not."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

Check = Callable[[], str | None]


class LoopLag:
    """How late the event loop runs what is due: the sign that something blocks it.

    It measures once per `interval` and remembers the last `samples` measurements; the check fails when all of them are
    above `limit` seconds, so that one long garbage collection kills nobody.
    """

    def __init__(self, limit: float = 1.0, *, interval: float = 1.0, samples: int = 10) -> None:
        self._limit = limit
        self._interval = interval
        self._lags: deque[float] = deque(maxlen=samples)
        self._samples = samples
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to measure on the running loop."""
        loop = asyncio.get_running_loop()
        self._expect(loop, loop.time() + self._interval)

    def stop(self) -> None:
        """Measure no more."""
        if self._timer:
            self._timer.cancel()

    def _expect(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        self._timer = loop.call_at(when, self._measure, loop, when)

    def _measure(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        now = loop.time()
        self._lags.append(max(0.0, now - when))
        self._expect(loop, now + self._interval)

    def __call__(self) -> str | None:
        if len(self._lags) < self._samples or min(self._lags) <= self._limit:
            return None
        return f"the event loop lags by {min(self._lags):.1f} s and more (limit {self._limit:.1f} s)"
