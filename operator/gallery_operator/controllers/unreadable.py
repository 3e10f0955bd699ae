"""Objects that the models cannot read: their CRD is older or newer than this operator.

They are reported as Stalled and otherwise left alone. Only their deletion cannot wait for a mend: it rests on the parts
that all kinds and all versions of the API have in common.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from gallery_operator.api.base import DeletionPolicy, Policies
from gallery_operator.api.conditions import Reason
from gallery_operator.api.resource import Metadata, Resource, Status
from gallery_operator.domain.plan import Blocked

JSON = dict[str, Any]


class Unreadable(Resource[Policies, Status]):
    """What can be said of such an object. Of its status all that can be read is kept, above all the ARM id."""

    why: str
    """The first field that cannot be read, and what is wrong with it."""

    @property
    def step(self) -> Blocked:
        return Blocked(Reason.INVALID_SPEC, f"{self.why}. Are the CRDs those of this operator's version?")


def salvage(raw: JSON, status: type[Status], error: ValidationError) -> Unreadable:
    """Return what can be read of an object whose model raised `error`; `status` is the model of its kind's status."""
    first = error.errors(include_input=False, include_url=False)[0]
    return Unreadable(
        metadata=Metadata.model_validate(raw["metadata"]),
        spec=_policies(raw.get("spec")),
        status=_status(raw.get("status") or {}, status),
        why=f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:500],
    )


def _policies(spec: object) -> Policies:
    """Return the policies; those that cannot be read count as the cautious one."""
    try:
        return Policies.model_validate(spec)
    except ValidationError:
        return Policies(deletion_policy=DeletionPolicy.RETAIN)


def _status(raw: JSON, kind: type[Status]) -> Status:
    for model, fields in ((kind, raw), (Status, raw), (Status, {"id": raw.get("id")})):
        try:
            return model.model_validate(fields)
        except ValidationError:
            continue
    return Status()
