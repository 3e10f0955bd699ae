"""What Azure refused for a quota that its usage API did not tell of: it must not be read, or lists no such limit.

Until one create has succeeded again, one at a time tries; the others wait for what comes of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from gallery_operator.api.conditions import Reason
from gallery_operator.clock import Clock
from gallery_operator.domain import quota
from gallery_operator.domain.plan import Wait
from gallery_operator.engine.keys import Key


@dataclass(slots=True)
class _Refusal:
    message: str
    until: datetime
    tried_by: Key | None = None


class QuotaRefusals:
    """The refusals that one account has met, by place (subscription and region) and kind."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[tuple[str, str], _Refusal] = {}

    def note(self, place: str, key: Key, message: str) -> None:
        """Azure refused to create an object's resource."""
        self._known[place, key.kind] = _Refusal(message, self._next_try())

    def wait(self, place: str, key: Key) -> Wait | None:
        """Return the wait for a create that Azure would refuse as well; None: it may be tried."""
        known, now = self._known.get((place, key.kind)), self._clock.now()
        if known is None or known.tried_by == key or known.until <= now:
            return None
        return Wait(Reason.QUOTA_EXCEEDED, known.message, (known.until - now).total_seconds())

    def trying(self, place: str, key: Key) -> None:
        """An object's resource is about to be created: after a refusal, the others wait for what comes of that."""
        if (known := self._known.get((place, key.kind))) is not None:
            known.until, known.tried_by = self._next_try(), key

    def over(self, place: str, key: Key) -> None:
        """Azure accepted a create: there is room."""
        self._known.pop((place, key.kind), None)

    def _next_try(self) -> datetime:
        return self._clock.now() + timedelta(seconds=quota.PAUSE)
