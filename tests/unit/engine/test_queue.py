"""The rules of the work queue, on virtual time."""

from __future__ import annotations

import asyncio

import pytest

from gallery_operator.engine.keys import Key
from gallery_operator.engine.queue import QueueClosed, WorkQueue
from tests.unit.engine.clocks import LoopClock

pytestmark = pytest.mark.looptime

A = Key("ImageVersion", "ns", "a")
B = Key("ImageVersion", "ns", "b")
GALLERY = Key("Gallery", "ns", "g")


def now() -> float:
    return asyncio.get_running_loop().time()


async def take_all(queue: WorkQueue) -> list[Key]:
    taken = []
    while len(queue):
        key = await queue.get()
        taken.append(key)
        queue.done(key)
    return taken


async def test_a_key_added_three_times_is_worked_on_once() -> None:
    queue = WorkQueue(LoopClock())
    for _ in range(3):
        queue.add(A)
    assert await take_all(queue) == [A]


async def test_keys_of_one_kind_come_in_the_order_they_were_added() -> None:
    queue = WorkQueue(LoopClock())
    queue.add(B)
    queue.add(A)
    assert await take_all(queue) == [B, A]


async def test_a_key_added_while_it_is_worked_on_comes_again_after_done_and_not_before() -> None:
    queue = WorkQueue(LoopClock())
    queue.add(A)
    key = await queue.get()
    queue.add(A)
    queue.add(A)
    assert len(queue) == 0
    queue.done(key)
    assert await take_all(queue) == [A]


async def test_done_for_a_key_nobody_works_on_is_an_error() -> None:
    with pytest.raises(KeyError):
        WorkQueue(LoopClock()).done(A)


async def test_a_burst_of_versions_does_not_delay_a_gallery() -> None:
    queue = WorkQueue(LoopClock())
    for number in range(1000):
        queue.add(Key("ImageVersion", "ns", str(number)))
    queue.add(GALLERY)
    assert (await queue.get()).kind == "ImageVersion"
    assert await queue.get() == GALLERY


async def test_kinds_take_turns_as_long_as_they_have_keys() -> None:
    queue = WorkQueue(LoopClock())
    for number in range(3):
        queue.add(Key("ImageVersion", "ns", str(number)))
    for number in range(2):
        queue.add(Key("Gallery", "ns", str(number)))
    kinds = [key.kind for key in await take_all(queue)]
    assert kinds == ["ImageVersion", "Gallery", "ImageVersion", "Gallery", "ImageVersion"]


async def test_a_delayed_key_comes_when_it_is_due() -> None:
    queue = WorkQueue(LoopClock())
    queue.add_after(A, 30)
    assert await queue.get() == A
    assert now() == pytest.approx(30)


async def test_delayed_keys_come_in_the_order_they_are_due() -> None:
    queue = WorkQueue(LoopClock())
    queue.add_after(A, 30)
    queue.add_after(B, 20)
    queue.add_after(GALLERY, 10)
    assert [await queue.get() for _ in range(3)] == [GALLERY, B, A]
    assert now() == pytest.approx(30)


@pytest.mark.parametrize("delays", [(10, 60), (60, 10)])
async def test_of_two_delays_the_earlier_one_counts_and_the_later_one_is_forgotten(delays: tuple[int, int]) -> None:
    queue = WorkQueue(LoopClock())
    for delay in delays:
        queue.add_after(A, delay)
    queue.done(await queue.get())
    assert now() == pytest.approx(10)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 3600)


@pytest.mark.parametrize("delay", [0, -5])
async def test_a_delay_that_is_over_means_now(delay: float) -> None:
    queue = WorkQueue(LoopClock())
    queue.add_after(A, delay)
    assert len(queue) == 1


async def test_delays_are_counted_on_the_clock_not_on_the_wall() -> None:
    queue = WorkQueue(LoopClock(speed=60))
    queue.add_after(A, 600)
    await queue.get()
    assert now() == pytest.approx(10)


async def test_a_step_of_the_clock_is_noticed_within_the_longest_nap() -> None:
    clock = LoopClock(longest_nap=0.05)
    queue = WorkQueue(clock)
    queue.add_after(A, 86_400)
    await asyncio.sleep(1)
    assert len(queue) == 0
    clock.step(86_400)
    await queue.get()
    assert now() <= 1.05 + 1e-6


async def test_ten_thousand_delayed_keys_need_no_task() -> None:
    queue = WorkQueue(LoopClock())
    before = len(asyncio.all_tasks())
    for number in range(10_000):
        queue.add_after(Key("ImageVersion", "ns", str(number)), 1 + number % 60)
    await asyncio.sleep(30)
    assert len(asyncio.all_tasks()) == before
    assert queue.delayed + len(queue) == 10_000
    assert queue.delayed == pytest.approx(5_000, abs=200)


async def test_alternating_delays_do_not_pile_up() -> None:
    queue = WorkQueue(LoopClock())
    for _ in range(1000):
        queue.add_after(A, 36_000)
        queue.add_after(A, 1)
        queue.done(await queue.get())
    assert queue.delayed == 0
    assert len(queue._heap) < 200


async def test_waiting_workers_each_get_one_key() -> None:
    queue = WorkQueue(LoopClock())
    waiting = [asyncio.create_task(queue.get()) for _ in range(2)]
    await asyncio.sleep(0)
    queue.add(A)
    queue.add(B)
    assert set(await asyncio.gather(*waiting)) == {A, B}


async def test_a_worker_that_gives_up_waiting_takes_no_key_with_it() -> None:
    queue = WorkQueue(LoopClock())
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add(A)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    assert await asyncio.wait_for(queue.get(), 1) == A


async def test_after_shut_down_everyone_who_waits_is_sent_home() -> None:
    queue = WorkQueue(LoopClock())
    waiting = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    queue.shut_down()
    ends = await asyncio.gather(*waiting, queue.get(), return_exceptions=True)
    assert [type(end) for end in ends] == [QueueClosed] * 4


async def test_after_shut_down_nothing_is_handed_out_or_taken_in() -> None:
    queue = WorkQueue(LoopClock())
    queue.add(A)
    queue.add_after(B, 1)
    queue.shut_down()
    queue.shut_down()
    queue.add(GALLERY)
    queue.add_after(GALLERY, 1)
    await asyncio.sleep(5)
    with pytest.raises(QueueClosed):
        await queue.get()
    assert len(queue) == 1


async def test_running_seconds_name_the_keys_that_workers_have() -> None:
    queue = WorkQueue(LoopClock(), monotonic=now)
    queue.add(A)
    queue.add(B)
    key = await queue.get()
    await asyncio.sleep(7)
    assert queue.running_seconds() == {key: pytest.approx(7)}
    queue.done(key)
    assert queue.running_seconds() == {}
