"""Galleries."""

from __future__ import annotations

from typing import Any

from gallery_operator.api.arm_ids import GalleryId
from gallery_operator.api.conditions import Claim, Reason
from gallery_operator.api.gallery import Gallery, GalleryStatus
from gallery_operator.api.resource import Status
from gallery_operator.controllers.access import Access
from gallery_operator.controllers.accounts import Account
from gallery_operator.controllers.acting import held_back
from gallery_operator.controllers.parents import GalleryPlace, place_gallery
from gallery_operator.controllers.remembering import RememberingReconciler
from gallery_operator.controllers.services import Services
from gallery_operator.controllers.visit import JSON, Visit
from gallery_operator.domain import galleries, reports, resources, sharing
from gallery_operator.domain.plan import Delete, Mutation, Plan, Wait


class GalleryReconciler(RememberingReconciler[Gallery]):
    """Reconciles Gallery objects."""

    kind = "Gallery"
    model = Gallery
    status = GalleryStatus
    id_type = GalleryId

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._access = Access(services)

    def expand(self, resource: Gallery) -> str | None:
        return None if resource.spec.sharing is None else sharing.EXPAND

    def at_work(self, resource: Gallery, observed: JSON) -> bool:
        sharing_runs = resource.spec.sharing is not None and sharing.read(observed).state == sharing.IN_PROGRESS
        return sharing_runs or super().at_work(resource, observed)

    def place(self, resource: Gallery, account: Account) -> GalleryPlace:
        return place_gallery(resource, account)

    async def decide(self, visit: Visit[Gallery], place: GalleryPlace, observed: JSON | None) -> Plan:
        gallery, owner = visit.resource, self.services.owner(visit.key)
        step = galleries.plan(gallery, observed, owner, visit.trace.repairs.attempts(visit.now), visit.now)
        standing = galleries.standing(gallery, owner)
        step = await self._access.after(visit, place.id, observed, step, met=standing.met)
        return standing.noted(step)

    async def ending(self, visit: Visit[Gallery], place: Any, observed: JSON | None) -> Mutation | Wait | None:
        """Take away what we granted and shared, then delete: Azure deletes no gallery that is shared.

        Nor does it delete one that holds anything: from such a gallery nothing is taken away.
        """
        step = await super().ending(visit, place, observed)
        if not isinstance(step, Delete) or observed is None:
            return step
        first: Mutation | Wait | None = await self._access.before_deletion(visit, place.id)
        first = first or await self._unsharing(visit, place, observed)
        if first is None:
            return step
        return resources.holds(await visit.account.arm.children(place.id), "image definitions") or first

    async def _unsharing(self, visit: Visit[Gallery], place: Any, observed: JSON) -> Mutation | Wait | None:
        if sharing.is_groups(observed):
            observed = await visit.account.arm.get(place.id, expand=sharing.EXPAND) or observed
        reset = galleries.unsharing(observed)
        return None if reset is None else held_back(visit, reset)

    def describe(
        self, visit: Visit[Gallery], place: GalleryPlace, observed: JSON | None, step: Plan
    ) -> tuple[Status, list[Claim]]:
        done = Reason.OBSERVED if visit.resource.observe_only else Reason.SUCCEEDED
        status = GalleryStatus(
            **self.base(visit, place, observed, step),
            sharing=sharing.status(observed or {}),
            identity=galleries.identity_status(observed or {}),
        )
        return status, reports.claims(step, done)
