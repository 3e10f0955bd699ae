"""Laws of the work queue that hold for every sequence of events."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import looptime
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery_operator.engine.keys import Key
from gallery_operator.engine.queue import WorkQueue
from tests.unit.engine.clocks import LoopClock

KEYS = [Key(kind, "ns", name) for kind in ("Gallery", "ImageVersion") for name in "abc"]
WORK = 2.0  # seconds that a worker keeps a key

keys = st.sampled_from(KEYS)
pauses = st.tuples(st.just("pause"), st.none(), st.floats(0.1, 10))
adds = st.tuples(st.just("add"), keys, st.just(0.0))
delayed_adds = st.tuples(st.just("add_after"), keys, st.floats(0.1, 30))
scripts = st.lists(st.one_of(pauses, adds, delayed_adds), max_size=40)


@dataclass
class Diary:
    """What was asked for and what was done, with the loop's time."""

    wishes: list[tuple[Key, float, float]] = field(default_factory=list)  # key, asked at, due at
    starts: list[tuple[Key, float]] = field(default_factory=list)
    most_on_one_key: int = 0


async def act_out(script: list[tuple[str, Key | None, float]], workers: int) -> Diary:
    loop = asyncio.get_running_loop()
    queue = WorkQueue(LoopClock())
    diary = Diary()
    holding: Counter[Key] = Counter()

    async def work() -> None:
        while True:
            key = await queue.get()
            holding[key] += 1
            diary.most_on_one_key = max(diary.most_on_one_key, holding[key])
            diary.starts.append((key, loop.time()))
            await asyncio.sleep(WORK)
            holding[key] -= 1
            queue.done(key)

    tasks = [asyncio.create_task(work()) for _ in range(workers)]
    for what, key, seconds in script:
        if key is None:
            await asyncio.sleep(seconds)
            continue
        diary.wishes.append((key, loop.time(), loop.time() + seconds))
        if what == "add":
            queue.add(key)
        else:
            queue.add_after(key, seconds)
    await asyncio.sleep(30 + WORK * (len(script) + 1))
    assert len(queue) == 0
    assert queue.delayed == 0
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    return diary


def run(script: list[tuple[str, Key | None, float]], workers: int) -> Diary:
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        return runner.run(act_out(script, workers))


@given(scripts, st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_no_key_is_lost_and_no_key_has_two_workers(script: list[tuple[str, Key | None, float]], workers: int) -> None:
    diary = run(script, workers)
    assert diary.most_on_one_key <= 1
    for key, asked, _ in diary.wishes:
        assert any(started == key and when >= asked for started, when in diary.starts), f"{key} of {asked} was lost"


@given(scripts)
@settings(max_examples=60, deadline=None)
def test_with_a_free_worker_a_key_starts_when_it_is_first_due(script: list[tuple[str, Key | None, float]]) -> None:
    diary = run(script, workers=len(KEYS))
    for key, asked, due in diary.wishes:
        latest = due + WORK  # the key itself may be worked on when it gets due
        assert any(started == key and asked <= when <= latest + 1e-3 for started, when in diary.starts)


@given(scripts, st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_nothing_is_done_that_nobody_asked_for(script: list[tuple[str, Key | None, float]], workers: int) -> None:
    diary = run(script, workers)
    wished = Counter(key for key, _, _ in diary.wishes)
    started = Counter(key for key, _ in diary.starts)
    assert all(started[key] <= wished[key] for key in KEYS)
    for key, when in diary.starts:
        assert any(wish == key and due <= when + 1e-3 for wish, _, due in diary.wishes), f"{key} started too early"
