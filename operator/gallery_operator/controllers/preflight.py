"""Asks what surrounds a resource before Azure is asked to create it, or to bring it to further regions.

What Azure would refuse, or fail after hours, is said at once and in words that name the mend; and what only has to wait
(a source that is not ready, an image that is in use, a quota) waits without a single PUT. An object that is as wanted
costs nothing here but a look at usages, which all objects of a place share.
"""

from __future__ import annotations

import contextlib
from typing import Any, Final

from gallery_operator.api.arm_ids import VersionId
from gallery_operator.api.conditions import Claim, Reason
from gallery_operator.api.image_version import ImageVersion
from gallery_operator.azure.verdicts import ArmError, Verdict, Waiting
from gallery_operator.controllers import source_check
from gallery_operator.controllers.builds import Builder, Builds
from gallery_operator.controllers.indexes import image_of, made_from
from gallery_operator.controllers.parents import DefinitionPlace, GalleryPlace, VersionPlace
from gallery_operator.controllers.services import Services
from gallery_operator.controllers.visit import JSON, Visit
from gallery_operator.domain import encryption_sets, placement, quota, region_changes, regions
from gallery_operator.domain.difference import EDGE_ZONES, TARGET_REGIONS
from gallery_operator.domain.observed import read_replication, was_built
from gallery_operator.domain.placement import Spot
from gallery_operator.domain.plan import Blocked, Create, Delete, Plan, Update, UpToDate, Wait
from gallery_operator.domain.replication import COMPLETED
from gallery_operator.domain.resources import provisioning_state
from gallery_operator.engine.keys import Key

Place = GalleryPlace | DefinitionPlace | VersionPlace
Refusal = Wait | Blocked

#: Kind -> limits that concern its objects.
_LIMITS: Final = {"Gallery": (quota.GALLERIES,), "ImageDefinition": (quota.DEFINITIONS, quota.VERSIONS)}
#: Seconds between two looks whether a managed image is free, or a version no longer a source; events come sooner.
_BUSY_LOOK: Final = 120.0


class Preflight:
    """Judges the steps of one kind's objects."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._builds = Builds(services)

    async def judge(self, visit: Visit[Any], place: Place, observed: JSON | None, step: Plan) -> Plan:
        """Return the step, or why it must not be taken (now). Raises ArmError."""
        match step:
            case UpToDate():
                if not visit.resource.observe_only:
                    await self._look_at_usages(visit, place, observed)
                return step
            case Delete():
                return await self.still_needed(visit.key) or step
            case Create() if visit.trace.created_at is None:
                return await self._before_create(visit, place, step) or step
            case Update() if isinstance(place, VersionPlace):
                return await self._before_update(visit, place, observed, step) or step
            case _:
                return step

    def answered(self, visit: Visit[Any], place: Place, step: Plan, verdict: Verdict | None) -> None:
        """Take note of what Azure made of a create; None: it accepted."""
        if not isinstance(step, Create):
            return
        around, subscription = visit.account.surroundings, _subscription(place)
        location = regions.location_of(step.body)
        if verdict is None:
            around.note_accepted(subscription, location, visit.key)
        elif isinstance(verdict, Waiting) and verdict.reason == Reason.QUOTA_EXCEEDED:
            around.note_refused(subscription, location, visit.key, verdict.message)

    def over(self, key: Key) -> None:
        """A visit is over, whatever came of it."""
        self._builds.over(key)

    def claims(self, visit: Visit[Any], place: Place, observed: JSON | None) -> list[Claim]:
        """Return the conditions that come from what is known of the surroundings."""
        location = _location(place, observed, visit)
        if visit.key.kind not in _LIMITS or location is None or visit.resource.observe_only:
            return []
        known = visit.account.surroundings.known_usages(_subscription(place), location)
        claim = quota.near(known or {}, _LIMITS[visit.key.kind], location)
        return [] if claim is None else [claim]

    async def still_needed(self, key: Key) -> Wait | None:
        """Return that a version must not be deleted yet: another one here is being made from it. Raises ArmError."""
        for other in made_from(self._services.store, key):
            if await self._builds.is_building(other):
                message = f"ImageVersion {other.name!r} is being made from it"
                return Wait(Reason.SOURCE_BUSY, message, _BUSY_LOOK)
        return None

    def seen(self, visit: Visit[Any], place: VersionPlace, observed: JSON | None) -> None:
        """Take note of a version that others are made from; when it came to a region, they are looked at."""
        waiting = made_from(self._services.store, visit.key)
        if not waiting or read_replication(observed or {}) is None:
            return
        before = visit.account.surroundings.known(str(place.id))
        visit.account.surroundings.note(str(place.id), observed or {})
        if _complete(before) != _complete(observed):
            for key in waiting:
                self._services.queue.add(key)

    # --- before something is created ---

    async def _before_create(self, visit: Visit[Any], place: Place, step: Create) -> Refusal | None:
        location = regions.location_of(step.body)
        if isinstance(place, VersionPlace):
            refusal = await self._before_version(visit, place, step.body, location)
        else:
            refusal = await self._placed(visit, place, [Spot("location", location)])
        refusal = refusal or await self._within_quota(visit, place, location)
        if refusal is None and isinstance(place, VersionPlace):
            refusal = await self._alone(visit, place)
        if refusal is None:
            visit.account.surroundings.note_created(_subscription(place), location, visit.key)
        return refusal

    async def _before_version(
        self, visit: Visit[ImageVersion], place: VersionPlace, body: JSON, home: str
    ) -> Refusal | None:
        return (
            await self._placed(visit, place, placement.spots(body, None))
            or await source_check.refusal(self._services, visit, place, body, home)
            or await self._encryptable(visit, place, body, None)
        )

    # --- before a version is changed ---

    async def _before_update(
        self, visit: Visit[ImageVersion], place: VersionPlace, observed: JSON | None, step: Update
    ) -> Refusal | None:
        if any(each.rule.startswith((TARGET_REGIONS, EDGE_ZONES)) for each in step.changes):
            refusal = await self._further_regions(visit, place, observed, step)
            if refusal is not None:
                return refusal
        failed = provisioning_state(observed or {}) == "Failed"
        if failed and not was_built(observed or {}):  # it is built from its source once more
            return await self._alone(visit, place)
        return None

    async def _further_regions(
        self, visit: Visit[Any], place: VersionPlace, observed: JSON | None, step: Update
    ) -> Refusal | None:
        spots = [*placement.spots(step.body, observed), *placement.moves(step.changes)]
        return (
            await self._placed(visit, place, spots)
            or await self._encryptable(visit, place, step.body, observed)
            # What leaves for other storage is to come back encrypted: then it would be too late to find that it cannot.
            or await self._encryptable(visit, place, region_changes.moving(observed or {}, step.changes), None)
        )

    # --- before either ---

    async def _placed(self, visit: Visit[Any], place: Place, spots: list[Spot]) -> Refusal | None:
        known = await visit.account.surroundings.locations(_subscription(place), fresh=visit.forced)
        return placement.refusal(spots, known) if known is not None else None

    async def _encryptable(
        self, visit: Visit[Any], place: VersionPlace, body: JSON, observed: JSON | None
    ) -> Refusal | None:
        """Look at the disk encryption sets that are named for new regions."""
        named = encryption_sets.named(body, observed)
        uneven = encryption_sets.uneven(body, observed)
        if (refusal := uneven or encryption_sets.foreign(named, _subscription(place))) is not None:
            return refusal
        for each in named:
            answer = await visit.account.surroundings.resource(each.id, fresh=visit.forced)
            if answer.absent:
                return Wait(Reason.SOURCE_NOT_FOUND, f"{each.field}: Azure has no {each.id}", _BUSY_LOOK)
            if answer.body is not None and (refusal := encryption_sets.misfit(each, answer.body)) is not None:
                return refusal
        return None

    async def _alone(self, visit: Visit[ImageVersion], place: VersionPlace) -> Wait | None:
        """Take the managed image for this build; wait while another version is built from it."""
        image = image_of(visit.raw)
        if image is None:
            return None
        match await self._builds.claim(image, Builder(visit.key, visit.account, place.id)):
            case None:
                return None
            case VersionId(version=number):
                who = f"version {number} of the same image definition"
            case Key(namespace=namespace, name=name) if namespace == visit.key.namespace:
                who = f"ImageVersion {name!r}"
            case _:
                who = "an ImageVersion of another namespace"
        message = f"Azure builds one version at a time from a managed image: waiting for {who}"
        return Wait(Reason.SOURCE_BUSY, message, _BUSY_LOOK)

    # --- quotas ---

    async def _within_quota(self, visit: Visit[Any], place: Place, location: str) -> Wait | None:
        usages = await self._usages(visit, place, location, but=visit.key)
        told = quota.exceeded(usages or {}, quota.OF_KIND[visit.key.kind], location)
        if told is not None or visit.forced:
            return told
        return visit.account.surroundings.refused(_subscription(place), location, visit.key)

    async def _look_at_usages(self, visit: Visit[Any], place: Place, observed: JSON | None) -> None:
        location = _location(place, observed, visit)
        if visit.key.kind in _LIMITS and location is not None:
            with contextlib.suppress(ArmError):  # it can wait, and nothing else must wait for it
                await self._usages(visit, place, location)

    async def _usages(
        self, visit: Visit[Any], place: Place, location: str, *, but: Key | None = None
    ) -> quota.Usages | None:
        subscription, max_age = _subscription(place), self._services.pace.resync * 0.75
        if visit.forced:
            max_age = 0.0
        usages = await visit.account.surroundings.usages(subscription, location, max_age, but=but)
        for name, each in (usages or {}).items():
            self._services.metrics.quota(subscription, location, name, used=each.used, limit=each.limit)
        return usages


def _subscription(place: Place) -> str:
    match place:
        case GalleryPlace(id_):
            return id_.subscription
        case DefinitionPlace():
            return place.id.gallery.subscription
        case VersionPlace():
            return place.id.definition.gallery.subscription


def _location(place: Place, observed: JSON | None, visit: Visit[Any]) -> str | None:
    """Return the region of a resource, normalised: as Azure has it, else as it is wanted."""
    wanted = visit.resource.spec.location if isinstance(place, GalleryPlace) else place.location
    found = (observed or {}).get("location") or wanted
    return regions.normalise(str(found)) if found else None


def _complete(observed: JSON | None) -> set[str]:
    states = read_replication(observed or {}) or {}
    return {name for name, each in states.items() if each.state == COMPLETED}
