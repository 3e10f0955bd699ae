"""Writes what a reconcile found: the status when it changed, an Event when something happened."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from gallery_operator.api.conditions import Claim, Condition, Reason, claim, merge
from gallery_operator.api.resource import Resource, Status
from gallery_operator.controllers.services import Services
from gallery_operator.domain import reports
from gallery_operator.domain.plan import (
    Create,
    Decision,
    Delete,
    Grant,
    Mutation,
    Plan,
    Recreate,
    RemoveObject,
    Restore,
    Retire,
    Revoke,
    Share,
    Update,
)
from gallery_operator.engine.keys import Key
from gallery_operator.kube.errors import KubeError

log = logging.getLogger(__name__)

JSON = dict[str, Any]


class Reporter:
    """Status and Events of the objects of one kind."""

    def __init__(self, services: Services, model: type[Resource[Any, Any]], status: type[Status]) -> None:
        self._services = services
        self._model = model
        self._status = status

    async def report(
        self,
        raw: JSON,
        resource: Resource[Any, Any],
        status: Status,
        claims: list[Claim],
        step: Plan | None,
        *,
        generation: int | None = None,
    ) -> bool:
        """Write the status if it differs, and Events for what happened. Returns whether the object became Ready.

        :param generation: the generation of the spec that this speaks of; None: the present one.
        """
        generation = resource.metadata.generation if generation is None else generation
        before = resource.status.conditions if resource.status else []
        conditions = merge(before, claims, generation=generation, now=self._services.clock.now())
        full = status.model_copy(
            update={
                "observed_generation": generation,
                "conditions": conditions,
                "last_handled_reconcile_request": resource.requested,
            }
        )
        wanted = full.model_dump(mode="json", by_alias=True, exclude_none=True)
        if step is not None:
            await self._tell(raw, step, before, conditions)
        newest = self._newest(raw)
        if wanted != newest.get("status"):
            self._services.store.put(await self._services.kube.apply_status(newest, wanted))
        return _is_ready(conditions) and not _is_ready(before)

    async def internal_error(self, raw: JSON, bug: Exception) -> None:
        """Report a bug of ours: Ready is Unknown until the next try. Never raises."""
        try:
            resource = self._model.model_validate(raw)
            status = resource.status or self._status()
            message = f"{type(bug).__name__}: see the operator's log; it is tried again"
            await self.report(raw, resource, status, [claim("Ready", None, Reason.INTERNAL_ERROR, message)], None)
        except (KubeError, ValidationError) as error:
            log.warning("Cannot report an internal error: %s", error)

    def _newest(self, raw: JSON) -> JSON:
        """Return the object as it is known now: a finalizer or annotation of ours may just have been written."""
        known = self._services.store.get(Key.of(raw))
        return known if known is not None and known["metadata"]["uid"] == raw["metadata"]["uid"] else raw

    async def _tell(self, raw: JSON, step: Plan, before: list[Condition], after: list[Condition]) -> None:
        """Record what was done, and transitions of Ready: never a state that merely goes on."""
        events = self._services.events
        if isinstance(step, Mutation | Decision):
            if type(step) in _EVENTS:
                await events.normal(raw, _EVENTS[type(step)], reports.describe(step))
            return
        ready, was = _ready(after), _ready(before)
        if (drifted := _find("Drifted", after)) is not None:
            known = _find("Drifted", before)
            if known is None or known.message != drifted.message:
                await events.warning(raw, drifted.reason, drifted.message)
            return
        if ready is None or (was is not None and (was.status, was.reason) == (ready.status, ready.reason)):
            return
        if any(each.type == "Stalled" for each in after):
            await events.warning(raw, ready.reason, ready.message)
        elif ready.status == "True":
            await events.normal(raw, ready.reason, ready.message or "as wanted")


_EVENTS: Mapping[type, str] = {
    Create: "Creating",
    Update: "Updating",
    Delete: "Deleting",
    Restore: "Restoring",
    Share: "Sharing",
    Grant: "GrantingAccess",
    Revoke: "RevokingAccess",
    Retire: "Retiring",
    Recreate: "Recreating",
    RemoveObject: "RemovingObject",
}


def _find(type_: str, conditions: list[Condition]) -> Condition | None:
    return next((each for each in conditions if each.type == type_), None)


def _ready(conditions: list[Condition]) -> Condition | None:
    return _find("Ready", conditions)


def _is_ready(conditions: list[Condition]) -> bool:
    ready = _ready(conditions)
    return ready is not None and ready.status == "True"
