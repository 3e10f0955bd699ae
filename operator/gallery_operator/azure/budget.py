"""The request budget of one subscription: stay below ARM's limits instead of running into them.

Three things stand between a caller and ARM: a token bucket per kind of request (ARM's own limits), the holds that a
429 put on a compute policy or a bucket, and the number of requests in flight. Times are the clock's seconds.

A short wait is awaited, first come first served. A long one is refused with `Throttled(after)`, so that it holds no
worker; each refused caller is told a later moment than the one before, so that they do not return as a herd. Moments
are told by policy, so that one gallery does not stand behind a thousand versions. Nothing is kept for those who were
refused: whoever comes while there is a token gets it, hence no capacity is lost when some never return.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from gallery_operator.azure.headers import remaining, remaining_in_subscription
from gallery_operator.azure.observer import ArmObserver
from gallery_operator.azure.verdicts import ArmError, Throttled
from gallery_operator.clock import Clock

Kind = Literal["reads", "writes", "deletes"]

#: The longest wait that is awaited, in real seconds.
MAX_AWAITED = 2.0
#: Seconds after which a caller asks again while another one probes an exhausted policy.
PROBE_PAUSE = 5.0
#: How far ahead refused callers are spread at most, in seconds.
_MAX_SPREAD = 300.0
#: Codes of a 429 from ARM itself, which holds the whole bucket; any other one comes from a compute policy.
_BUCKET_CODES = frozenset({"subscriptionrequeststhrottled", "tenantrequeststhrottled"})


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: `burst` requests at once, refilled by `per_second`."""

    burst: float
    per_second: float

    def __post_init__(self) -> None:
        if self.burst < 1 or self.per_second <= 0:
            msg = f"a rate allows a burst of at least 1 and more than 0 per second, not {self}"
            raise ValueError(msg)

    def times(self, share: float) -> Rate:
        return Rate(self.burst * share, self.per_second * share)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one subscription may be sent. ARM's limits hold per subscription, principal and region."""

    reads: Rate = Rate(250, 25)
    writes: Rate = Rate(200, 10)
    deletes: Rate = Rate(200, 10)
    in_flight: int = 32

    @classmethod
    def below_arm(cls, share: float = 0.95, *, in_flight: int = 32) -> Limits:
        """Return ARM's documented limits (token buckets since 2024) times `share`; above 1 for raised limits."""
        arm = cls()
        return cls(arm.reads.times(share), arm.writes.times(share), arm.deletes.times(share), in_flight)


class TokenBucket:
    """Tokens that refill with time. A token may be taken before it is there; it is then due later."""

    def __init__(self, rate: Rate, now: float) -> None:
        self.rate = rate
        self._tokens = rate.burst
        self._at = now

    def wait(self, now: float) -> float:
        """Return the seconds until a token that nobody took will be there."""
        self._refill(now)
        return max(0.0, (1 - self._tokens) / self.rate.per_second)

    def take(self, now: float) -> float:
        """Take a token and return the seconds until it is due."""
        due = self.wait(now)
        self._tokens -= 1
        return due

    def give_back(self) -> None:
        """Return a token that was taken and not used."""
        self._tokens = min(self.rate.burst, self._tokens + 1)

    def lower(self, left: int) -> None:
        """Believe ARM when it says that fewer tokens are left: others may use the same subscription."""
        self._tokens = min(self._tokens, max(0.0, left))

    def _refill(self, now: float) -> None:
        passed = max(0.0, now - self._at)
        self._at = max(self._at, now)
        self._tokens = min(self.rate.burst, self._tokens + passed * self.rate.per_second)


@dataclass(slots=True)
class _Lane:
    """What is known about one compute policy, or about a bucket that ARM itself throttled."""

    held_until: float = 0.0
    #: Requests left according to Azure; None: it did not say.
    left: int | None = None
    in_flight: int = 0
    #: When the caller that was refused last was told to return.
    promised: float = 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until a request may pass."""
        if now < self.held_until:
            return self.held_until - now
        exhausted = self.left is not None and self.left <= 0
        return PROBE_PAUSE if exhausted and self.in_flight else 0.0

    def promise(self, now: float, wait: float, per_second: float) -> float:
        """Return the seconds, at least `wait`, after which a refused caller does best to return."""
        following = min(self.promised + 1 / per_second, now + _MAX_SPREAD)
        self.promised = max(following, now + wait)
        return self.promised - now

    def leave(self) -> None:
        self.in_flight -= 1


@dataclass
class Budget:
    """The budget of one subscription in one cloud."""

    limits: Limits
    clock: Clock
    observer: ArmObserver
    _buckets: dict[Kind, TokenBucket] = field(init=False)
    _lanes: dict[str, _Lane] = field(init=False, default_factory=dict)
    _in_flight: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        now = self._now()
        self._buckets = {
            "reads": TokenBucket(self.limits.reads, now),
            "writes": TokenBucket(self.limits.writes, now),
            "deletes": TokenBucket(self.limits.deletes, now),
        }
        self._in_flight = asyncio.Semaphore(self.limits.in_flight)

    @asynccontextmanager
    async def admit(self, kind: Kind, policy: str) -> AsyncIterator[None]:
        """Let one request of `kind`, counted by Azure under `policy`, pass; waits at most about two real seconds.

        Raises ArmError with `Throttled` when it would have to wait longer.
        """
        self._heed_holds(kind, policy)
        due = self._take_token(kind, policy)
        async with AsyncExitStack() as stack:
            unused = stack.enter_context(ExitStack())
            unused.callback(self._buckets[kind].give_back)  # unless we get as far as sending
            await self._sleep_until(due)
            await stack.enter_async_context(self._in_flight)
            self._heed_holds(kind, policy)  # a 429 may have come while we waited
            unused.pop_all()
            for lane in (self._lane(kind), self._lane(policy)):
                lane.in_flight += 1
                stack.callback(lane.leave)
            yield

    def learn(self, kind: Kind, policy: str, headers: Mapping[str, str]) -> None:
        """Take in what a request that was not throttled tells about the limits."""
        self._lane(policy).left = remaining(headers)
        self._lane(kind).left = None
        left = remaining_in_subscription(headers, kind)
        if left is not None:
            self._buckets[kind].lower(left)

    def hold(self, kind: Kind, policy: str, *, code: str, after: float) -> None:
        """Take in a 429: nothing under its policy passes for `after` seconds, then one request at a time."""
        scope = kind if code.casefold() in _BUCKET_CODES else policy
        lane = self._lane(scope)
        lane.held_until = max(lane.held_until, self._now() + after)
        lane.left = 0
        self.observer.throttled(scope)

    def _take_token(self, kind: Kind, policy: str) -> float:
        bucket = self._buckets[kind]
        now = self._now()
        wait = bucket.wait(now)
        if self.clock.real_seconds(wait) > MAX_AWAITED:
            self._refuse(kind, policy, wait, f"the subscription's budget of {kind} is used up")
        return now + bucket.take(now)

    def _heed_holds(self, kind: Kind, policy: str) -> None:
        now = self._now()
        for scope in (kind, policy):
            wait = self._lane(scope).wait(now)
            if wait > 0:
                self._refuse(kind, policy, wait, f"Azure throttles {scope}")

    def _refuse(self, kind: Kind, policy: str, wait: float, why: str) -> None:
        self.observer.throttled(kind)
        after = self._lane(policy).promise(self._now(), wait, self._buckets[kind].rate.per_second)
        raise ArmError(Throttled(after, why))

    async def _sleep_until(self, due: float) -> None:
        while (left := due - self._now()) > 0:
            nap = self.clock.real_seconds(left)
            await asyncio.sleep(nap if self.clock.longest_nap is None else min(nap, self.clock.longest_nap))

    def _lane(self, scope: str) -> _Lane:
        return self._lanes.setdefault(scope, _Lane())

    def _now(self) -> float:
        return self.clock.now().timestamp()
