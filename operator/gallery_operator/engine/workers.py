"""Workers: a fixed number of tasks that take keys from the queue and reconcile them, whatever happens."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from gallery_operator.clock import Clock
from gallery_operator.engine.backoff import Backoff
from gallery_operator.engine.keys import Key
from gallery_operator.engine.metrics import EngineMetrics, NoMetrics
from gallery_operator.engine.queue import QueueClosed, WorkQueue

log = logging.getLogger(__name__)


class Outcome(Enum):
    """How a reconcile ended, for backoff and metrics."""

    SUCCESS = "success"
    FAILED = "error"  # may go better next time: try again with backoff
    TERMINAL = "terminal"  # a person must act: no backoff


@dataclass(frozen=True, slots=True)
class Requeue:
    """What a reconcile asks for.

    :param after: look again in so many seconds of the clock; None: only when something changes. After a failure it is
        the least delay (a Retry-After), the backoff may be longer.
    """

    after: float | None = None
    outcome: Outcome = Outcome.SUCCESS


#: Nothing more to do until something changes.
DONE = Requeue()

Reconcile = Callable[[Key], Awaitable[Requeue]]


class Workers:
    """`count` tasks that reconcile keys of the queue until they are stopped.

    An exception that leaves a reconcile is a bug of ours: it is logged with its traceback, at most once per backoff
    period of its key, and the key is tried again with backoff. No worker dies of it.
    """

    def __init__(
        self, queue: WorkQueue, backoff: Backoff, clock: Clock, *, count: int, metrics: EngineMetrics | None = None
    ) -> None:
        if count < 1:
            msg = f"at least one worker is needed, not {count}"
            raise ValueError(msg)
        self._queue = queue
        self._backoff = backoff
        self._clock = clock
        self._count = count
        self._metrics = metrics or NoMetrics()
        self._tasks: list[asyncio.Task[None]] = []
        self._silent_until: dict[Key, float] = {}  # keys whose bug was logged -> until when (Unix seconds of the clock)

    @property
    def alive(self) -> int:
        """How many workers run."""
        return sum(not task.done() for task in self._tasks)

    def start(self, reconcile: Reconcile) -> None:
        """Start the workers as tasks of the running loop."""
        self._tasks = [
            asyncio.create_task(self._work(reconcile), name=f"worker-{number}") for number in range(self._count)
        ]

    async def run(self, reconcile: Reconcile) -> None:
        """Start the workers and return when they have been stopped."""
        self.start(reconcile)
        await asyncio.wait(self._tasks)

    async def stop(self, grace: float) -> None:
        """Hand out no more keys, give running reconciles `grace` real seconds, then cancel what still runs."""
        self._queue.shut_down()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=grace)
        for task in late:
            task.cancel()
        if late:
            log.warning("Cancelled reconciles that did not end in time", extra={"count": len(late)})
            await asyncio.wait(late)

    async def _work(self, reconcile: Reconcile) -> None:
        while True:
            try:
                key = await self._queue.get()
            except QueueClosed:
                return
            try:
                self._settle(key, await self._reconcile(reconcile, key))
            finally:
                self._queue.done(key)
            await asyncio.sleep(0)  # a reconcile that never waits must not keep the loop from everything else

    async def _reconcile(self, reconcile: Reconcile, key: Key) -> Requeue:
        started = time.monotonic()
        self._metrics.active_workers(key.kind, +1)
        try:
            requeue = self._with_backoff(key, await reconcile(key))
        except asyncio.CancelledError as bug:
            if _cancelled_from_outside():
                raise
            requeue = self._bug(key, bug)
        except Exception as bug:  # noqa: BLE001 - whatever it is, the other keys are to go on
            requeue = self._bug(key, bug)
        finally:
            self._metrics.active_workers(key.kind, -1)
        self._metrics.reconciled(key.kind, _result(requeue), time.monotonic() - started)
        return requeue

    def _settle(self, key: Key, requeue: Requeue) -> None:
        if requeue.outcome is Outcome.FAILED:
            self._metrics.queue_retried(key.kind)
        else:
            self._backoff.forget(key)
            self._silent_until.pop(key, None)
        if requeue.after is not None:
            self._queue.add_after(key, requeue.after)

    def _with_backoff(self, key: Key, requeue: Requeue) -> Requeue:
        if requeue.outcome is not Outcome.FAILED:
            return requeue
        return Requeue(max(requeue.after or 0, self._backoff.next(key)), Outcome.FAILED)

    def _bug(self, key: Key, bug: BaseException) -> Requeue:
        requeue = self._with_backoff(key, Requeue(outcome=Outcome.FAILED))
        now = self._clock.now().timestamp()
        if now >= self._silent_until.get(key, 0):
            self._silent_until[key] = now + (requeue.after or 0)
            extra = {"kind": key.kind, "namespace": key.namespace, "object": key.name, "retry_after": requeue.after}
            log.error("Reconcile of %s failed unexpectedly", key, exc_info=bug, extra=extra)
        return requeue


def _result(requeue: Requeue) -> str:
    """Return the `result` label as controller-runtime spells it."""
    if requeue.outcome is Outcome.SUCCESS and requeue.after is not None:
        return "requeue_after"
    return requeue.outcome.value


def _cancelled_from_outside() -> bool:
    """Tell whether this task is being cancelled, or a CancelledError merely leaked out of something it awaited."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
