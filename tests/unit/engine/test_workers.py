"""Workers: what they make of results, bugs and a stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gallery_operator.engine.backoff import Backoff
from gallery_operator.engine.keys import Key
from gallery_operator.engine.metrics import NoMetrics
from gallery_operator.engine.queue import WorkQueue
from gallery_operator.engine.workers import DONE, Outcome, Reconcile, Requeue, Workers
from tests.unit.engine.clocks import LoopClock

pytestmark = pytest.mark.looptime

A = Key("ImageVersion", "ns", "a")
B = Key("ImageVersion", "ns", "b")


class Recorded(NoMetrics):
    def __init__(self) -> None:
        self.results: list[tuple[str, str]] = []
        self.retries = 0
        self.active = 0

    def queue_retried(self, kind: str) -> None:
        self.retries += 1

    def reconciled(self, kind: str, result: str, seconds: float) -> None:
        self.results.append((kind, result))

    def active_workers(self, kind: str, change: int) -> None:
        self.active += change


class Bench:
    """Queue, backoff (always 5 to 10 s the first time) and workers on one virtual clock."""

    def __init__(self, count: int = 2) -> None:
        clock = LoopClock()
        self.metrics = Recorded()
        self.backoff = Backoff()
        self.queue = WorkQueue(clock, metrics=self.metrics)
        self.workers = Workers(self.queue, self.backoff, clock, count=count, metrics=self.metrics)
        self.calls: list[tuple[Key, float]] = []

    @asynccontextmanager
    async def running(self, reconcile: Reconcile) -> AsyncIterator[None]:
        async def recorded(key: Key) -> Requeue:
            self.calls.append((key, asyncio.get_running_loop().time()))
            return await reconcile(key)

        self.workers.start(recorded)
        yield
        await self.workers.stop(grace=10)
        assert self.metrics.active == 0

    def times(self, key: Key = A) -> list[float]:
        return [when for called, when in self.calls if called == key]


async def test_a_reconcile_that_is_done_is_not_repeated() -> None:
    bench = Bench()

    async def reconcile(key: Key) -> Requeue:
        return DONE

    async with bench.running(reconcile):
        bench.queue.add(A)
        await asyncio.sleep(3600)
    assert bench.times() == [0]
    assert bench.metrics.results == [("ImageVersion", "success")]


async def test_a_reconcile_that_asks_for_another_look_gets_it_then() -> None:
    bench = Bench()

    async def reconcile(key: Key) -> Requeue:
        return Requeue(after=15)

    async with bench.running(reconcile):
        bench.queue.add(A)
        await asyncio.sleep(50)
    assert bench.times() == pytest.approx([0, 15, 30, 45], abs=0.01)
    assert bench.metrics.results[0] == ("ImageVersion", "requeue_after")
    assert bench.metrics.retries == 0


async def test_failures_are_retried_with_a_growing_backoff_until_a_success_resets_it() -> None:
    bench = Bench()

    async def reconcile(key: Key) -> Requeue:
        return Requeue(outcome=Outcome.FAILED) if len(bench.times()) < 4 else DONE

    async with bench.running(reconcile):
        bench.queue.add(A)
        await asyncio.sleep(3600)
    first, second, third, fourth = bench.times()
    assert 5 <= second - first <= 10.01
    assert 5 <= third - second <= 20.01
    assert 5 <= fourth - third <= 40.01
    assert bench.metrics.retries == 3
    assert bench.backoff.failures(A) == 0


async def test_a_failure_that_names_a_delay_is_not_retried_before_it() -> None:
    bench = Bench()

    async def reconcile(key: Key) -> Requeue:
        return Requeue(after=100, outcome=Outcome.FAILED) if len(bench.times()) == 1 else DONE

    async with bench.running(reconcile):
        bench.queue.add(A)
        await asyncio.sleep(3600)
    assert bench.times() == pytest.approx([0, 100], abs=0.01)


async def test_a_terminal_error_waits_for_a_change_without_backoff() -> None:
    bench = Bench()

    async def reconcile(key: Key) -> Requeue:
        return Requeue(outcome=Outcome.TERMINAL)

    async with bench.running(reconcile):
        bench.queue.add(A)
        await asyncio.sleep(3600)
    assert bench.times() == [0]
    assert bench.metrics.results == [("ImageVersion", "terminal")]


@pytest.mark.parametrize("bug", [RuntimeError("boom"), asyncio.CancelledError(), TimeoutError()])
async def test_a_bug_kills_no_worker_and_is_retried(bug: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(count=1)

    async def reconcile(key: Key) -> Requeue:
        if key == A and len(bench.times()) == 1:
            raise bug
        return DONE

    async with bench.running(reconcile):
        bench.queue.add(A)
        bench.queue.add(B)
        await asyncio.sleep(60)
        assert bench.workers.alive == 1
    assert len(bench.times(A)) == 2
    assert len(bench.times(B)) == 1
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.exc_info[1] is bug
    assert "ImageVersion/ns/a" in record.message
    assert ("ImageVersion", "error") in bench.metrics.results


async def test_a_bug_that_events_provoke_again_and_again_is_logged_once_per_backoff(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()

    async def reconcile(key: Key) -> Requeue:
        raise RuntimeError

    async with bench.running(reconcile):
        for _ in range(20):  # within the first backoff, which is at least 5 s
            bench.queue.add(A)
            await asyncio.sleep(0.1)
        assert len(bench.calls) == 20
        assert len(caplog.records) == 1
        await asyncio.sleep(3600)
    assert 1 < len(caplog.records) < len(bench.calls)


async def test_no_more_reconciles_run_at_once_than_there_are_workers() -> None:
    bench = Bench(count=3)
    most = 0

    async def reconcile(key: Key) -> Requeue:
        nonlocal most
        most = max(most, bench.metrics.active)
        await asyncio.sleep(1)
        return DONE

    async with bench.running(reconcile):
        for number in range(10):
            bench.queue.add(Key("ImageVersion", "ns", str(number)))
        await asyncio.sleep(60)
    assert most == 3
    assert len(bench.calls) == 10


async def test_a_stop_lets_running_reconciles_finish_and_starts_no_others() -> None:
    bench = Bench(count=1)
    finished: list[Key] = []

    async def reconcile(key: Key) -> Requeue:
        await asyncio.sleep(5)
        finished.append(key)
        return DONE

    async with bench.running(reconcile):
        bench.queue.add(A)
        bench.queue.add(B)
        await asyncio.sleep(1)
    assert finished == [A]
    assert bench.workers.alive == 0


async def test_a_stop_cancels_what_does_not_end_in_time() -> None:
    bench = Bench(count=1)
    cancelled = asyncio.Event()

    async def reconcile(key: Key) -> Requeue:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return DONE

    async with bench.running(reconcile):
        bench.queue.add(A)
        await asyncio.sleep(1)
    assert cancelled.is_set()
    assert asyncio.get_running_loop().time() == pytest.approx(11, abs=0.1)
    assert bench.workers.alive == 0


async def test_run_returns_when_the_workers_have_been_stopped() -> None:
    bench = Bench()

    async def reconcile(key: Key) -> Requeue:
        return DONE

    running = asyncio.create_task(bench.workers.run(reconcile))
    bench.queue.add(A)
    await asyncio.sleep(1)
    assert not running.done()
    await bench.workers.stop(grace=1)
    await asyncio.wait_for(running, 1)


async def test_a_stop_before_the_start_is_fine() -> None:
    await Bench().workers.stop(grace=1)


async def test_at_least_one_worker_is_needed() -> None:
    with pytest.raises(ValueError, match="worker"):
        Bench(count=0)
