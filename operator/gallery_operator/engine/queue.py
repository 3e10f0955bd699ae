"""A work queue with the rules of client-go's: https://pkg.go.dev/k8s.io/client-go/util/workqueue.

- A key that is added twice before a worker takes it is worked on once.
- A key that is added while a worker has it is worked on again, after that worker is done: one worker per key.
- A key that is added for later keeps the earliest time asked for.

Two things differ. Kinds take turns, so that a burst of one kind does not delay another. And after `shut_down` nothing
more is handed out: everything can be found again from the API server and Azure, so a stopping process owes no key.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections import deque
from collections.abc import Callable

from gallery_operator.clock import Clock
from gallery_operator.engine.keys import Key
from gallery_operator.engine.metrics import EngineMetrics, NoMetrics


class QueueClosed(Exception):  # noqa: N818 - a signal to the waiting worker, not an error
    """The queue hands out nothing more."""


class WorkQueue:
    """Keys that are due, keys that are due later, and keys that are being worked on.

    Not thread-safe: every call comes from the event loop's thread. Adding and taking are O(log n); all delays together
    need one timer of the loop and no task.

    :param clock: tells when a delayed key is due.
    :param monotonic: real seconds for the metrics.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        metrics: EngineMetrics | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._metrics = metrics or NoMetrics()
        self._monotonic = monotonic
        self._closed = False
        self._ready: dict[str, deque[Key]] = {}
        self._turns: deque[str] = deque()  # kinds that have ready keys, in the order they are served
        self._available = asyncio.Semaphore(0)  # counts the ready keys
        self._wanted: dict[Key, float] = {}  # keys to be worked on -> since when (monotonic)
        self._running: dict[Key, float] = {}  # keys that a worker has -> since when (monotonic)
        self._due: dict[Key, float] = {}  # delayed keys -> when they are due (Unix seconds of the clock)
        self._heap: list[tuple[float, int, Key]] = []  # the same by time; an entry that `_due` disowns is skipped
        self._tickets = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """Return how many keys wait for a worker."""
        return sum(len(keys) for keys in self._ready.values())

    @property
    def delayed(self) -> int:
        """How many keys are due later."""
        return len(self._due)

    def running_seconds(self) -> dict[Key, float]:
        """Return the keys that workers have, and for how many real seconds already."""
        now = self._monotonic()
        return {key: now - since for key, since in self._running.items()}

    def add(self, key: Key) -> None:
        """Ask for the key to be worked on now, or, if a worker has it, as soon as that worker is done."""
        if self._closed or key in self._wanted:
            return
        self._wanted[key] = self._monotonic()
        self._metrics.queue_added(key.kind)
        if key not in self._running:
            self._make_ready(key)

    def add_after(self, key: Key, seconds: float) -> None:
        """Ask for the key to be worked on in `seconds` of the clock. An earlier time already asked for stays."""
        if self._closed:
            return
        if seconds <= 0:
            self.add(key)
            return
        due = self._clock.now().timestamp() + seconds
        if due >= self._due.get(key, float("inf")):
            return
        self._due[key] = due
        heapq.heappush(self._heap, (due, next(self._tickets), key))
        self._drop_disowned()
        if self._heap[0][2] is key:
            self._set_timer()

    async def get(self) -> Key:
        """Wait for a key and take it. The caller owes a `done`. Raises QueueClosed after `shut_down`."""
        await self._available.acquire()
        if self._closed:
            self._available.release()  # for the next one who waits
            raise QueueClosed
        kind = self._turns.popleft()
        keys = self._ready[kind]
        key = keys.popleft()
        if keys:
            self._turns.append(kind)
        now = self._monotonic()
        self._running[key] = now
        self._metrics.queue_taken(kind, now - self._wanted.pop(key))
        self._metrics.queue_depth(kind, len(keys))
        return key

    def done(self, key: Key) -> None:
        """Give back a key that `get` returned; raises KeyError for any other."""
        self._metrics.queue_done(key.kind, self._monotonic() - self._running.pop(key))
        if key in self._wanted and not self._closed:
            self._make_ready(key)

    def shut_down(self) -> None:
        """Hand out nothing more; whoever waits in `get` gets QueueClosed."""
        if self._closed:
            return
        self._closed = True
        if self._timer:
            self._timer.cancel()
        self._available.release()

    def _make_ready(self, key: Key) -> None:
        keys = self._ready.setdefault(key.kind, deque())
        if not keys:
            self._turns.append(key.kind)
        keys.append(key)
        self._metrics.queue_depth(key.kind, len(keys))
        self._available.release()

    def _set_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if not self._heap:
            return
        nap = self._clock.real_seconds(self._heap[0][0] - self._clock.now().timestamp())
        if self._clock.longest_nap is not None:  # someone may step the clock or change its speed meanwhile
            nap = min(nap, self._clock.longest_nap)
        self._timer = asyncio.get_running_loop().call_later(max(nap, 0), self._on_timer)

    def _on_timer(self) -> None:
        now = self._clock.now().timestamp()
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            if self._due.get(key) == due:
                del self._due[key]
                self.add(key)
        self._set_timer()

    def _drop_disowned(self) -> None:
        """Keep the heap within twice the number of delayed keys; the cost is O(1) per add on average."""
        if len(self._heap) > 2 * len(self._due) + 64:
            self._heap = [entry for entry in self._heap if self._due.get(entry[2]) == entry[0]]
            heapq.heapify(self._heap)
