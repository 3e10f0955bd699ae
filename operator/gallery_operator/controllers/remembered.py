"""What was asked of Azure is remembered for a while; who asks for the same thing meanwhile waits for one answer."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

from gallery_operator.clock import Clock

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[V]):
    at: datetime
    value: V


class Remembered(Generic[V]):
    """Answers by key, at most `limit` of them: those that were asked for last.

    An error is raised to the caller that asked, and not remembered: the next one asks again.
    """

    def __init__(self, clock: Clock, limit: int) -> None:
        self._clock = clock
        self._limit = limit
        self._entries: OrderedDict[str, _Entry[V]] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get(self, key: str, max_age: float, fetch: Callable[[], Awaitable[V]]) -> V:
        """Return the answer as it was at most `max_age` seconds ago. Raises what `fetch` raises."""
        oldest = self._clock.now() - timedelta(seconds=max_age)
        if (known := self._since(key, oldest)) is not None:
            return known.value
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            entry = self._since(key, oldest)  # someone may have asked meanwhile
            if entry is None:
                entry = _Entry(self._clock.now(), await fetch())
                self._keep(key, entry)
        return entry.value

    def _since(self, key: str, oldest: datetime) -> _Entry[V] | None:
        entry = self._entries.get(key)
        if entry is None or entry.at < oldest:
            return None
        self._entries.move_to_end(key)
        return entry

    def peek(self, key: str) -> V | None:
        """Return what is known without asking; None when nothing is."""
        entry = self._entries.get(key)
        return None if entry is None else entry.value

    def forget(self, key: str) -> None:
        """Drop an answer: the next one who asks gets a new one."""
        self._entries.pop(key, None)

    def put(self, key: str, value: V) -> None:
        """Take note of an answer that came another way."""
        self._keep(key, _Entry(self._clock.now(), value))

    def _keep(self, key: str, entry: _Entry[V]) -> None:
        self._entries[key] = entry
        self._entries.move_to_end(key)
        while len(self._entries) > self._limit:
            self._entries.popitem(last=False)
