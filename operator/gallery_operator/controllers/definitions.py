"""Image definitions, and what they say of all their versions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from gallery_operator.api.arm_ids import DefinitionId
from gallery_operator.api.conditions import Claim, Reason
from gallery_operator.api.image_definition import ImageDefinition, ImageDefinitionStatus
from gallery_operator.api.resource import Status
from gallery_operator.controllers.access import Access
from gallery_operator.controllers.accounts import Account
from gallery_operator.controllers.cannot_place import CannotPlace
from gallery_operator.controllers.indexes import children_of, in_state, parent_of
from gallery_operator.controllers.parents import DefinitionPlace, place_definition, refuse_what_is_anothers
from gallery_operator.controllers.remembering import RememberingReconciler
from gallery_operator.controllers.services import Services
from gallery_operator.controllers.visit import JSON, Visit
from gallery_operator.domain import definitions, reports, resources
from gallery_operator.domain.family import Family
from gallery_operator.domain.observed import SoftDeleted
from gallery_operator.domain.plan import Create, Delete, Mutation, Plan, Wait
from gallery_operator.engine.workers import Requeue

_GALLERY_LOOK = 30.0  # seconds
_RECYCLE_BIN = 60.0  # seconds that a list of soft-deleted versions may be old when a definition is deleted


class DefinitionReconciler(RememberingReconciler[ImageDefinition]):
    """Reconciles ImageDefinition objects."""

    kind = "ImageDefinition"
    model = ImageDefinition
    status = ImageDefinitionStatus
    id_type = DefinitionId

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._access = Access(services)

    def place(self, resource: ImageDefinition, account: Account) -> DefinitionPlace:
        return place_definition(self.services, resource, account)

    async def observe(self, visit: Visit[ImageDefinition], place: DefinitionPlace, *, fresh: bool) -> JSON | None:
        observed = await super().observe(visit, place, fresh=fresh)
        if observed is not None:
            if visit.account.versions.peek(place.id) is None:
                visit.account.versions.forget(place.id)  # a LIST from before it existed says so for too long
            # One LIST per definition and resync: it feeds this status, and every version's look for drift.
            max_age = 0.0 if visit.forced else self.services.pace.resync * 0.75
            await visit.account.versions.versions(place.id, max_age)
            # Soft delete may have been switched off since: what it keeps is shown until it is gone.
            before = visit.resource.status
            if place.soft_delete or (before is not None and before.soft_deleted_versions):
                await visit.account.recycle_bin.of(place.id, max_age)
        return observed

    async def ending(self, visit: Visit[ImageDefinition], place: Any, observed: JSON | None) -> Mutation | Wait | None:
        """Delete the definition once its soft-deleted versions are gone: Azure keeps it as long as it keeps them."""
        step = await super().ending(visit, place, observed)
        if not isinstance(step, Delete):
            return step
        kept = await visit.account.recycle_bin.of(place.id, _RECYCLE_BIN)
        if kept:
            return definitions.soft_deleted_children(kept.values())
        if (revoke := await self._access.before_deletion(visit, place.id)) is None:
            return step
        return resources.holds(await visit.account.arm.children(place.id), "image versions") or revoke

    async def decide(self, visit: Visit[ImageDefinition], place: DefinitionPlace, observed: JSON | None) -> Plan:
        owner, repairs = self.services.owner(visit.key), visit.trace.repairs.attempts(visit.now)
        standing = definitions.standing(visit.resource, owner)
        if observed is None and not visit.resource.observe_only and not standing.met:
            location = await self._gallery_location(visit, place)
        else:
            location = visit.resource.spec.location or str((observed or {}).get("location") or "")
        step = definitions.plan(visit.resource, location, observed, owner, repairs, visit.now)
        if isinstance(step, Create):
            step = definitions.identifier_taken(visit.resource, self._siblings(visit)) or step
        return standing.noted(await self._access.after(visit, place.id, observed, step, met=standing.met))

    def _siblings(self, visit: Visit[ImageDefinition]) -> Iterator[ImageDefinition]:
        """Yield the other image definitions of the same Gallery that are managed here and can be read."""
        gallery = parent_of(visit.raw)
        for key in children_of(self.services.store, gallery) if gallery is not None else ():
            with contextlib.suppress(ValidationError):
                other = self.services.store.make(key, ImageDefinition.model_validate)
                if other is not None and key != visit.key and not other.observe_only:
                    yield other

    async def _release(self, visit: Visit[ImageDefinition]) -> Requeue:
        """Let the object go, and look at those that wait for its identifier."""
        done = await super()._release(visit)
        for key in in_state(self.services.store, self.kind, Reason.IDENTIFIER_TAKEN):
            self.services.queue.add(key)
        return done

    async def _gallery_location(self, visit: Visit[ImageDefinition], place: DefinitionPlace) -> str:
        """Return the definition's region, having made sure that its gallery exists and is at rest."""
        gallery = await visit.account.arm.get(place.id.gallery)
        if gallery is None or resources.busy(gallery) is not None:
            what = "does not exist in Azure yet" if gallery is None else "is not ready in Azure yet"
            message = f"gallery {place.id.gallery.gallery!r} {what}"
            raise CannotPlace(Wait(Reason.PARENT_NOT_READY, message, _GALLERY_LOOK))
        if place.gallery is not None:
            refuse_what_is_anothers(self.services, place.gallery, gallery)
        return place.location or str(gallery.get("location") or "")

    def _deleted(
        self, visit: Visit[ImageDefinition], place: DefinitionPlace, family: Family | None
    ) -> list[SoftDeleted]:
        """Return the soft-deleted versions; one that is there was brought back since they were listed."""
        there = family.members if family else {}
        listed = visit.account.recycle_bin.peek(place.id)
        return [each for name, each in listed.items() if name not in there]

    def describe(
        self, visit: Visit[ImageDefinition], place: DefinitionPlace, observed: JSON | None, step: Plan
    ) -> tuple[Status, list[Claim]]:
        family = visit.account.families.of(place.id, visit.key) if observed is not None else None
        schedules = visit.account.families.schedules(place.id, visit.resource, visit.key) if family else {}
        status = ImageDefinitionStatus(
            **self.base(visit, place, observed, step),
            latest_version=family.latest() if family else None,
            latest_by_region=reports.latest_by_region(family) or None if family else None,
            versions=reports.count_versions(family) if family else None,
            next_actions=reports.next_actions(schedules, visit.now) or None,
            soft_deleted_versions=reports.soft_deleted_versions(self._deleted(visit, place, family)),
        )
        done = Reason.OBSERVED if visit.resource.observe_only else Reason.SUCCEEDED
        return status, reports.claims(step, done)
