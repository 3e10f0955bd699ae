"""Answers of Azure that are remembered for a while."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gallery_operator.controllers.remembered import Remembered


class Hands:
    """A clock that is set by hand."""

    longest_nap: float | None = None

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 23, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def real_seconds(self, seconds: float) -> float:
        return seconds


class Azure:
    """Answers with the number of the question."""

    def __init__(self) -> None:
        self.asked = 0
        self.answering = asyncio.Event()
        self.answering.set()

    async def __call__(self) -> int:
        self.asked += 1
        number = self.asked
        await self.answering.wait()
        return number


async def test_an_answer_is_good_for_its_age_and_then_asked_for_anew() -> None:
    clock, azure = Hands(), Azure()
    known: Remembered[int] = Remembered(clock, 8)
    assert known.peek("a") is None
    assert await known.get("a", 60.0, azure) == 1
    clock.time += timedelta(seconds=60)
    assert await known.get("a", 60.0, azure) == 1
    clock.time += timedelta(seconds=1)
    assert await known.get("a", 60.0, azure) == 2
    assert known.peek("a") == 2


async def test_who_asks_at_the_same_time_shares_one_answer_and_other_keys_do_not_wait() -> None:
    clock, azure = Hands(), Azure()
    known: Remembered[int] = Remembered(clock, 8)
    azure.answering.clear()
    asking = [asyncio.create_task(known.get("a", 60.0, azure)) for _ in range(5)]
    while azure.asked == 0:
        await asyncio.sleep(0)
    other = Azure()
    assert await known.get("b", 60.0, other) == 1
    azure.answering.set()
    assert await asyncio.gather(*asking) == [1] * 5
    assert azure.asked == 1


async def test_a_caller_that_is_cancelled_leaves_the_question_to_the_next() -> None:
    clock, azure = Hands(), Azure()
    known: Remembered[int] = Remembered(clock, 8)
    azure.answering.clear()
    first, second = (asyncio.create_task(known.get("a", 60.0, azure)) for _ in range(2))
    while azure.asked == 0:
        await asyncio.sleep(0)
    first.cancel()
    azure.answering.set()
    assert await second == 2
    assert first.cancelled() or first.cancelling()


async def test_an_error_is_raised_and_not_remembered() -> None:
    known: Remembered[int] = Remembered(Hands(), 8)

    async def refuse() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await known.get("a", 60.0, refuse)
    assert await known.get("a", 60.0, Azure()) == 1


async def test_what_was_asked_for_longest_ago_is_forgotten_first() -> None:
    known: Remembered[int] = Remembered(Hands(), 2)
    for key in ("a", "b", "a", "c"):
        await known.get(key, 60.0, Azure())
    assert (known.peek("a"), known.peek("b"), known.peek("c")) == (1, None, 1)


async def test_what_came_another_way_counts_as_new() -> None:
    clock = Hands()
    known: Remembered[int] = Remembered(clock, 8)
    await known.get("a", 60.0, Azure())
    clock.time += timedelta(seconds=59)
    known.put("a", 7)
    clock.time += timedelta(seconds=59)
    assert await known.get("a", 60.0, Azure()) == 7
