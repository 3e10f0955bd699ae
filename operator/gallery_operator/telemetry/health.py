"""Health checks: callables that return None when all is well, or else one line that says what is not."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

Check = Callable[[], str | None]


class Heartbeat:
    """Something that has to happen now and then: a watch event, a finished reconcile.

    :param max_age: seconds after the last beat (or the start) from which on the check fails.
    """

    def __init__(self, max_age: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._max_age = max_age
        self._monotonic = monotonic
        self._last = monotonic()

    def beat(self) -> None:
        """It happened."""
        self._last = self._monotonic()

    @property
    def age(self) -> float:
        """Seconds since it last happened."""
        return self._monotonic() - self._last

    def __call__(self) -> str | None:
        return None if self.age <= self._max_age else f"nothing for {self.age:.0f} s (limit {self._max_age:.0f} s)"


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

    @property
    def worst(self) -> float:
        """The longest lag remembered, in seconds."""
        return max(self._lags, default=0.0)

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
