"""Looks at what a version is to be made from, as far as the credential may."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gallery_operator.api.arm_ids import VersionId, parse_arm_id
from gallery_operator.api.conditions import Reason
from gallery_operator.api.image_version import ImageVersion
from gallery_operator.api.source import Source
from gallery_operator.controllers.parents import VersionPlace
from gallery_operator.controllers.services import Services
from gallery_operator.controllers.source_versions import circle, find
from gallery_operator.controllers.surroundings import Answer, Surroundings
from gallery_operator.controllers.visit import JSON, Visit
from gallery_operator.domain import encryption_sets, sources, vhds
from gallery_operator.domain.plan import Blocked, Wait
from gallery_operator.domain.sources import Facts, Reference

Refusal = Wait | Blocked


async def refusal(
    services: Services, visit: Visit[ImageVersion], place: VersionPlace, body: JSON, home: str
) -> Refusal | None:
    """Return why a version cannot be made from its source (yet). Raises ArmError and CannotPlace.

    :param body: of the PUT that is to create it.
    :param home: the region where it is to live, normalised.
    """
    source, around, named = visit.resource.spec.source, visit.account.surroundings, None
    if source.gallery_image_version is not None and source.gallery_image_version.ref is not None:
        account, id_ = await find(services, visit.resource, source.gallery_image_version.ref)
        around, named = account.surroundings, str(id_)
    # Another tenant shows its resources to tokens of its own only; the account of a `ref` may have one.
    check = _Check(visit, place, around, home, told=source.tenant_id is None or named is not None)
    luns: frozenset[int] | None = None
    for reference in sources.references(source, named):
        if reference.id.casefold() == str(place.id).casefold():
            return Blocked(Reason.INVALID_SPEC, f"{reference} is the version itself: name what it is to be made from")
        found = await check.look_at(reference)
        if isinstance(found, Wait | Blocked):
            return circle(services.store, visit.key) or _of_an_object(found, source)
        luns = found.luns
    if source.disks is not None:
        luns = frozenset(each.lun for each in source.disks.data or ())
    return None if luns is None else encryption_sets.unknown_luns(body, luns)


def _of_an_object(found: Refusal, source: Source) -> Refusal:
    """A source that has an object here is still to come: it is not ready, rather than missing."""
    ref = source.gallery_image_version.ref if source.gallery_image_version else None
    if ref is None or found.reason != Reason.SOURCE_NOT_FOUND:
        return found
    return replace(
        found, reason=Reason.SOURCE_NOT_READY, message=f"the source, ImageVersion {ref!r}, is not in Azure yet"
    )


@dataclass(frozen=True)
class _Check:
    """The check of one version's source."""

    visit: Visit[ImageVersion]
    place: VersionPlace
    around: Surroundings
    """What the source's own account sees."""
    home: str
    told: bool
    """Whether that account can be told what the source is."""

    async def look_at(self, reference: Reference) -> Facts | Refusal:
        """Return what is known of a source, or why it will not do."""
        answer, found = await self._read(reference)
        if reference.kind == "storageAccount":
            wrong = vhds.refusal(reference, self.around.cloud, answer.body)
            if wrong is not None:
                return wrong
        if isinstance(found, Wait):
            return found
        mode = self.visit.resource.spec.replication_mode
        return sources.misfit(reference, found, await self._wanted(), self.home, mode) or found

    async def _read(self, reference: Reference) -> tuple[Answer, Facts | Wait]:
        if not self.told:
            return Answer(readable=False), Facts()
        if reference.kind == "communityVersion":
            subscription = self.place.id.definition.gallery.subscription
            answer, image = await self.around.community(reference.id, subscription, self.home)
            facts = sources.of_version(answer.body or {}, image.body or {})
        else:
            answer = await self.around.resource(reference.id, fresh=self.visit.forced)
            facts = sources.read(reference, answer.body or {})
        if answer.absent:
            return answer, sources.not_found(reference, self.home)
        if reference.kind == "version" and answer.body is not None:
            return answer, await self._version(reference, answer.body)
        if reference.kind == "virtualMachine" and (disk := sources.os_disk(answer.body or {})) is not None:
            told = await self.around.resource(disk, fresh=self.visit.forced)
            return answer, sources.with_os_disk(facts, told.body or {})
        return answer, facts

    async def _version(self, reference: Reference, body: JSON) -> Facts | Wait:
        """Return what another version is, with what its image definition says of it; or that it is not ready."""
        waiting = sources.not_ready(reference, body, self.home)
        if waiting is not None:
            return waiting
        id_, own = parse_arm_id(reference.id), self.place.id.definition
        if not isinstance(id_, VersionId) or str(id_.definition).casefold() == str(own).casefold():
            return sources.of_version(body, {})
        definition = await self.around.resource(str(id_.definition))
        foreign = id_.definition.gallery.subscription.casefold() != own.gallery.subscription.casefold()
        return sources.of_version(body, definition.body or {}, foreign=foreign)

    async def _wanted(self) -> Facts:
        """Return what the image definition asks of a source: as its object says, else as Azure does."""
        if self.place.definition is not None:
            return sources.of_definition(self.place.definition.spec)
        answer = await self.visit.account.surroundings.resource(str(self.place.id.definition))
        return sources.of_body(answer.body or {})
