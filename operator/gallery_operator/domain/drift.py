"""driftPolicy: what others changed in Azure since the wish was met is put right (Correct), or shown (Report).

Under Report the operator writes on the object which wish Azure has met (`names.APPLIED`, a digest). While the present
wish is that one, a difference is drift and stays; once the wish is another one, all of it is applied. The note is
taken away before another wish is applied: an edit that is undone halfway is no drift.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

from gallery_operator.api.base import DriftPolicy
from gallery_operator.api.resource import Resource
from gallery_operator.domain.difference import KEYED, NORMALISED, without
from gallery_operator.domain.plan import JSON, MarkApplied, Mutation, Plan, UpToDate
from gallery_operator.domain.resources import Wish

#: A date is part of the wish even when it is in the past, and is left out of what Azure is sent.
_BEFORE_ALL_DATES: Final = datetime.min.replace(tzinfo=UTC)

_OWN_TAGS: Final = "gallery-operator."


@dataclass(frozen=True, slots=True)
class Standing:
    """How an object stands to its drift."""

    reports: bool
    """Whether drift is shown instead of put right."""
    applied: str | None
    """Which wish Azure has met, as the object says."""
    digest: str
    """The present wish."""

    @classmethod
    def of(cls, resource: Resource[Any, Any], wish: Callable[[datetime], Wish], **more: Any) -> Self:
        """Return how an object stands.

        :param wish: makes the wish for a resource that does not exist, at a time: what the specs say, and nothing else.
        :param more: what the spec says that is no part of the wish's body.
        """
        if resource.observe_only:
            return cls(False, None, "")
        if resource.spec.drift_policy is not DriftPolicy.REPORT:
            return cls(False, resource.applied, "")
        wanted = wish(_BEFORE_ALL_DATES)
        # What cannot change cannot be applied, either; and a source may be known only for a time.
        body = without(wanted.body, frozenset(wanted.immutable))
        return cls(True, resource.applied, digest(resource.metadata.uid, {**more, **body}))

    @property
    def met(self) -> bool:
        """Whether Azure met the present wish before: what differs now is drift, and stays."""
        return self.reports and self.applied == self.digest

    def noted(self, step: Plan) -> Plan:
        """Return the step, or the note on the object that comes before it."""
        if not self.reports:
            return step if self.applied is None else MarkApplied(None)
        if self.met:
            return step
        if isinstance(step, UpToDate):
            return MarkApplied(self.digest)
        return MarkApplied(None) if isinstance(step, Mutation) and self.applied is not None else step


def digest(uid: str, wish: JSON) -> str:
    """Return a short text that two wishes of one object share only if Azure would be the same by both.

    Another object has other digests: a note that was copied with a manifest means nothing.
    """
    canonical = json.dumps([uid, _canonical(wish, "")], sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _canonical(value: Any, path: str) -> Any:
    if path == "tags" and isinstance(value, dict):
        return {key.casefold(): each for key, each in value.items() if not key.casefold().startswith(_OWN_TAGS)}
    if path in NORMALISED:
        return NORMALISED[path](value)
    if isinstance(value, dict):
        named = {key: each for key, each in value.items() if each is not None}
        return {key: _canonical(each, f"{path}.{key}" if path else key) for key, each in named.items()}
    if isinstance(value, list):
        entries = [_canonical(each, path) for each in value]
        return sorted(entries, key=lambda each: str(KEYED[path].name(each))) if path in KEYED else entries
    return value
