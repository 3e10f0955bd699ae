"""The laws of the request budget, on a clock that the event loop's time drives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gallery_operator.azure.budget import PROBE_PAUSE, Budget, Kind, Limits, Rate, TokenBucket
from gallery_operator.azure.verdicts import ArmError, Throttled
from tests.unit.azure.conftest import LoopClock, ManualClock, Recorder

POLICY = "CreateUpdateGalleryImageVersion"
SMALL = Limits(reads=Rate(5, 5), writes=Rate(2, 1), deletes=Rate(2, 1), in_flight=4)


def now() -> float:
    return asyncio.get_running_loop().time()


def budget(limits: Limits = SMALL, recorder: Recorder | None = None) -> Budget:
    return Budget(limits, LoopClock(), recorder or Recorder())


async def send(budget: Budget, kind: Kind = "writes", policy: str = POLICY, *, takes: float = 0.0) -> float:
    """Send a request that lasts `takes` seconds and return the time at which it left."""
    async with budget.admit(kind, policy):
        left = now()
        await asyncio.sleep(takes)
    return left


async def refused_for(attempt: Awaitable[Any]) -> float:
    with pytest.raises(ArmError) as caught:
        await attempt
    assert isinstance(caught.value.verdict, Throttled)
    return caught.value.verdict.after


async def persist(sent: list[float], send_once: Callable[[], Awaitable[float]]) -> None:
    """Do as a work queue does: come back when told to."""
    while True:
        try:
            sent.append(await send_once())
            return
        except ArmError as error:
            if not isinstance(error.verdict, Throttled):
                raise
            await asyncio.sleep(error.verdict.after)


@pytest.mark.looptime
async def test_a_burst_passes_at_once_and_short_waits_are_awaited_in_order() -> None:
    limited = budget()
    began = now()

    left = await asyncio.gather(*(send(limited) for _ in range(4)))

    assert [round(moment - began, 3) for moment in left] == [0, 0, 1, 2]


@pytest.mark.looptime
async def test_a_long_wait_is_refused_with_the_time_to_return() -> None:
    recorder = Recorder()
    limited = budget(recorder=recorder)
    waiting = [asyncio.create_task(send(limited)) for _ in range(4)]
    await asyncio.sleep(0)

    first = await refused_for(send(limited))
    second = await refused_for(send(limited))

    assert first == pytest.approx(3)
    assert second == pytest.approx(4), "refused callers do not return as a herd"
    assert recorder.throttles == ["writes", "writes"]
    await asyncio.gather(*waiting)


@pytest.mark.looptime
async def test_a_gallery_does_not_stand_behind_a_thousand_versions() -> None:
    limited = budget(Limits.below_arm())
    sent: list[float] = []
    began = now()
    versions = [asyncio.create_task(persist(sent, lambda: send(limited))) for _ in range(1000)]
    await asyncio.sleep(1)

    gallery: list[float] = []
    await persist(gallery, lambda: send(limited, "writes", "CreateUpdateGallery"))

    assert gallery[0] - began < 10
    assert len(sent) < 500
    await asyncio.gather(*versions)


@pytest.mark.looptime
async def test_kinds_do_not_take_from_each_other() -> None:
    limited = budget()
    began = now()
    await asyncio.gather(*(send(limited, "writes") for _ in range(2)))

    await asyncio.gather(send(limited, "deletes", "DeleteGallery"), send(limited, "reads", "GetGallery"))

    assert now() == began


@pytest.mark.looptime
async def test_a_thousand_writers_that_keep_asking_get_the_whole_rate_and_no_more() -> None:
    limits = Limits.below_arm()
    limited = budget(limits)
    began = now()
    sent: list[float] = []

    await asyncio.gather(*(persist(sent, lambda: send(limited, takes=0.2)) for _ in range(1000)))

    assert len(sent) == 1000
    for count, moment in enumerate(sorted(sent), start=1):
        allowed = limits.writes.burst + limits.writes.per_second * (moment - began)
        assert count <= allowed + 1e-6
    ideal = (1000 - limits.writes.burst) / limits.writes.per_second
    assert max(sent) - began <= ideal / 0.95


@pytest.mark.looptime
async def test_capacity_is_not_lost_when_refused_callers_never_return() -> None:
    limited = budget()
    began = now()
    waiting = [asyncio.create_task(send(limited)) for _ in range(4)]
    await asyncio.sleep(0)
    for _ in range(100):
        await refused_for(send(limited))
    await asyncio.gather(*waiting)

    assert await send(limited) - began == pytest.approx(3)


@pytest.mark.looptime
async def test_a_cancelled_waiter_gives_its_token_back() -> None:
    limited = budget()
    await asyncio.gather(send(limited), send(limited))
    began = now()
    waiters = [asyncio.create_task(send(limited)) for _ in range(2)]
    await asyncio.sleep(0)

    for waiter in waiters:
        waiter.cancel()
    await asyncio.gather(*waiters, return_exceptions=True)

    assert await send(limited) - began == pytest.approx(1)


@pytest.mark.looptime
async def test_only_so_many_requests_are_in_flight() -> None:
    limited = budget()
    began = now()

    left = await asyncio.gather(*(send(limited, "reads", "GetGallery", takes=10) for _ in range(5)))

    assert [moment - began for moment in left] == [0, 0, 0, 0, 10]


@pytest.mark.looptime
async def test_a_429_holds_its_policy_and_no_other() -> None:
    recorder = Recorder()
    limited = budget(recorder=recorder)

    limited.hold("writes", POLICY, code="OperationNotAllowed", after=30)

    assert await refused_for(send(limited)) == pytest.approx(30)
    await send(limited, "writes", "CreateUpdateGallery")
    assert recorder.throttles == [POLICY, "writes"]


@pytest.mark.looptime
async def test_a_429_from_arm_itself_holds_its_whole_bucket() -> None:
    limited = budget()

    limited.hold("writes", POLICY, code="SubscriptionRequestsThrottled", after=30)

    assert await refused_for(send(limited, "writes", "CreateUpdateGallery")) == pytest.approx(30)
    await send(limited, "reads", "GetGallery")


@pytest.mark.looptime
async def test_a_shorter_hold_does_not_shorten_a_longer_one() -> None:
    limited = budget()

    limited.hold("writes", POLICY, code="", after=30)
    limited.hold("writes", POLICY, code="", after=5)

    assert await refused_for(send(limited)) == pytest.approx(30)


@pytest.mark.looptime
async def test_after_a_hold_one_request_probes_before_the_others_pass() -> None:
    limited = budget()
    limited.hold("writes", POLICY, code="", after=30)
    await asyncio.sleep(30)

    async with limited.admit("writes", POLICY):
        assert await refused_for(send(limited)) == pytest.approx(PROBE_PAUSE)
        limited.learn("writes", POLICY, CIMultiDict())

    async with limited.admit("writes", POLICY):
        await send(limited)


@pytest.mark.looptime
async def test_an_exhausted_policy_lets_one_request_through_at_a_time() -> None:
    limited = budget(Limits())
    exhausted = CIMultiDict({"x-ms-ratelimit-remaining-resource": f"Microsoft.Compute/{POLICY}3Min;0"})
    limited.learn("writes", POLICY, exhausted)

    async with limited.admit("writes", POLICY):
        assert await refused_for(send(limited)) == pytest.approx(PROBE_PAUSE)
        limited.learn("writes", POLICY, exhausted)
    await send(limited)


@pytest.mark.looptime
async def test_a_hold_that_comes_while_a_caller_waits_stops_it_and_keeps_its_token() -> None:
    limited = budget()
    await asyncio.gather(send(limited), send(limited))
    waiter = asyncio.create_task(send(limited))
    await asyncio.sleep(0.5)
    limited.hold("writes", POLICY, code="", after=0.7)

    assert await refused_for(waiter) == pytest.approx(0.2)
    began = now()
    assert await send(limited, "writes", "CreateUpdateGallery") == began


@pytest.mark.looptime
async def test_arms_own_count_is_believed_when_it_is_lower() -> None:
    limited = budget(Limits())
    limited.learn("writes", POLICY, CIMultiDict({"x-ms-ratelimit-remaining-subscription-writes": "1"}))
    began = now()

    left = await asyncio.gather(*(send(limited) for _ in range(3)))

    assert [round(moment - began, 3) for moment in left] == [0, 0.1, 0.2]


async def test_a_waiter_notices_that_the_clock_was_stepped() -> None:
    clock = ManualClock()
    limited = Budget(SMALL, clock, Recorder())
    async with limited.admit("writes", POLICY), limited.admit("writes", POLICY):
        pass
    left = asyncio.Event()

    async def wait() -> None:
        async with limited.admit("writes", POLICY):
            left.set()

    waiter = asyncio.create_task(wait())
    await asyncio.sleep(0.03)
    assert not left.is_set()
    clock.advance(3600)
    await asyncio.wait_for(waiter, 5)


async def test_limits_scale_and_are_checked() -> None:
    assert Limits.below_arm() == Limits(Rate(237.5, 23.75), Rate(190, 9.5), Rate(190, 9.5), in_flight=32)
    assert Limits.below_arm(2, in_flight=5).writes == Rate(400, 20)
    with pytest.raises(ValueError, match="burst of at least 1"):
        Rate(0.5, 1)
    with pytest.raises(ValueError, match="more than 0 per second"):
        Rate(1, 0)


@given(
    gaps=st.lists(st.floats(0, 5), min_size=1, max_size=60),
    burst=st.floats(1, 20),
    per_second=st.floats(0.1, 50),
)
def test_no_bucket_ever_lets_more_through_than_its_rate(gaps: list[float], burst: float, per_second: float) -> None:
    bucket = TokenBucket(Rate(burst, per_second), 0.0)
    moment = 0.0
    due: list[float] = []
    for gap in gaps:
        moment += gap
        due.append(moment + bucket.take(moment))

    assert due == sorted(due), "first come, first served"
    for first in range(len(due)):
        for last in range(first, len(due)):
            assert last - first + 1 <= burst + per_second * (due[last] - due[first]) + 1 + 1e-6
    assert len(due) <= burst + per_second * due[-1] + 1e-6
