"""One look at one object."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from gallery_operator.api import names
from gallery_operator.api.conditions import Claim, Reason, claim
from gallery_operator.api.resource import Metadata, Resource
from gallery_operator.controllers.accounts import Account
from gallery_operator.controllers.memory import Trace
from gallery_operator.engine.keys import Key

JSON = dict[str, Any]
R = TypeVar("R", bound=Resource[Any, Any])

_SUMMARY = frozenset({"Ready", "Reconciling", "Stalled", "Paused"})


@dataclass(frozen=True)
class Visit(Generic[R]):
    """The object as it is in the store, and what this process remembers of it."""

    key: Key
    raw: JSON
    resource: R
    trace: Trace
    now: datetime
    forced: bool
    """Someone asked for this look by annotation: nothing that is only remembered counts."""
    opened: Account | None = None
    """By whose credential Azure is asked, once that is known."""

    @property
    def account(self) -> Account:
        """By whose credential Azure is asked; only for what comes after placing the object."""
        if self.opened is None:
            msg = f"{self.key} was not placed"
            raise RuntimeError(msg)
        return self.opened

    @property
    def metadata(self) -> Metadata:
        return self.resource.metadata

    def carried_ready(self) -> Claim:
        """Return Ready as it was; an object that was paused from the beginning says so where people look."""
        before = self.resource.status.condition("Ready") if self.resource.status else None
        if before is None:
            return claim("Ready", None, Reason.PAUSED, f"not looked at yet: annotation {names.PAUSED}")
        return Claim(type=before.type, status=before.status, reason=before.reason, message=before.message)

    def carried_claims(self) -> list[Claim]:
        """Return what was said before of everything but the summary."""
        before = self.resource.status.conditions if self.resource.status else []
        return [
            Claim(type=each.type, status=each.status, reason=each.reason, message=each.message)
            for each in before
            if each.type not in _SUMMARY
        ]
