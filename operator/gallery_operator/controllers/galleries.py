"""Galleries."""

from __future__ import annotations

from gallery_operator.api.arm_ids import GalleryId
from gallery_operator.api.conditions import Claim, Reason
from gallery_operator.api.gallery import Gallery, GalleryStatus
from gallery_operator.api.resource import Status
from gallery_operator.controllers.accounts import Account
from gallery_operator.controllers.parents import GalleryPlace, place_gallery
from gallery_operator.controllers.remembering import RememberingReconciler
from gallery_operator.controllers.visit import JSON, Visit
from gallery_operator.domain import galleries, reports
from gallery_operator.domain.plan import Plan


class GalleryReconciler(RememberingReconciler[Gallery]):
    """Reconciles Gallery objects."""

    kind = "Gallery"
    model = Gallery
    status = GalleryStatus
    id_type = GalleryId

    def place(self, resource: Gallery, account: Account) -> GalleryPlace:
        return place_gallery(resource, account)

    async def decide(self, visit: Visit[Gallery], place: GalleryPlace, observed: JSON | None) -> Plan:
        del place
        owner, repairs = self.services.owner(visit.key), visit.trace.repairs.attempts(visit.now)
        return galleries.plan(visit.resource, observed, owner, repairs, visit.now)

    def describe(
        self, visit: Visit[Gallery], place: GalleryPlace, observed: JSON | None, step: Plan
    ) -> tuple[Status, list[Claim]]:
        done = Reason.OBSERVED if visit.resource.observe_only else Reason.SUCCEEDED
        return GalleryStatus(**self.base(visit, place, observed, step)), reports.claims(step, done)
