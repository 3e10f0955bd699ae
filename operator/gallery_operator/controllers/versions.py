"""Image versions: published, replicated, retired."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from gallery_operator.api import names
from gallery_operator.api.arm_ids import DefinitionId, VersionId
from gallery_operator.api.conditions import Claim, Reason
from gallery_operator.api.image_version import ImageVersion, ImageVersionStatus
from gallery_operator.api.resource import Status
from gallery_operator.controllers.accounts import Account
from gallery_operator.controllers.cannot_place import CannotPlace
from gallery_operator.controllers.indexes import parent_of
from gallery_operator.controllers.parents import VersionPlace, place_version, refuse_what_is_anothers
from gallery_operator.controllers.reconciler import Reconciler
from gallery_operator.controllers.services import Services
from gallery_operator.controllers.source_versions import resolve
from gallery_operator.controllers.visit import JSON, Visit
from gallery_operator.domain import regions, replication, reports, resources, versions
from gallery_operator.domain.observed import read_version
from gallery_operator.domain.plan import Blocked, Create, Delete, Mutation, Plan, RemoveObject, Restore, UpToDate, Wait
from gallery_operator.domain.replication import Repairs
from gallery_operator.domain.version_body import Parents
from gallery_operator.domain.versions import Situation
from gallery_operator.engine.keys import Key

_DEFINITION_LOOK = 30.0  # seconds; the definition's own events bring its versions back sooner
#: How old, in seconds, a LIST may be that a retirement or a creation rests on.
_FRESH_LIST = 15.0
#: Seconds between two looks at an ImageDefinition whose versions keep changing.
_DEFINITION_PAUSE = 5.0


class VersionReconciler(Reconciler[ImageVersion]):
    """Reconciles ImageVersion objects."""

    kind = "ImageVersion"
    model = ImageVersion
    status = ImageVersionStatus
    id_type = VersionId

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        services.accounts.on_list_change = self.on_list_change

    def place(self, resource: ImageVersion, account: Account) -> VersionPlace:
        return place_version(self.services, resource, account)

    # --- observe ---

    async def observe(self, visit: Visit[ImageVersion], place: VersionPlace, *, fresh: bool) -> JSON | None:
        """Look at the definition's LIST; read the version itself only when that does not tell enough."""
        max_age = _FRESH_LIST if fresh else self.services.pace.resync
        if visit.account.versions.peek(place.id.definition) is None:
            max_age = min(max_age, self.services.pace.poll)
        snapshot = await visit.account.versions.versions(place.id.definition, max_age)
        listed = None if snapshot is None else snapshot.get(place.id.version)
        if listed is None or (not fresh and self._is_settled(visit, listed)):
            return listed
        # UEFI settings are left out unless asked for: those of the spec are compared, and a PUT holds all there is.
        expand = "ReplicationStatus" + (",UefiSettings" if fresh or visit.resource.spec.uefi_settings else "")
        observed = await visit.account.arm.get(place.id, expand=expand)
        self.seen(visit, place, observed)
        return observed

    def _is_settled(self, visit: Visit[ImageVersion], listed: JSON) -> bool:
        """Tell whether a LIST entry needs no closer look: at rest, and every region was reported complete.

        A LIST carries no replication states. That the status says Completed saves a read; nothing is decided by it.
        """
        facts = read_version(visit.resource.spec.version, listed)
        before = visit.resource.status.replication if visit.resource.status else None
        if not facts.succeeded or before is None:
            return False
        rows = [*before.regions, *(before.edge_zones or ())]
        complete = {row.name for row in rows if row.state == replication.COMPLETED}
        return complete >= {*(each.name for each in facts.regions), *facts.edge_zones}

    def seen(self, visit: Visit[ImageVersion], place: VersionPlace, observed: JSON | None) -> None:
        """Write through to the LIST; when another version became latest, the objects concerned are looked at."""
        definition, key = place.id.definition, parent_of(visit.raw)
        before = visit.account.versions.peek(definition)
        visit.account.versions.update(definition, place.id.version, observed)
        self.preflight.seen(visit, place, observed)
        after = visit.account.versions.peek(definition)
        if key is None or (before and after and before.revision == after.revision):
            return
        self.services.queue.add_after(key, _DEFINITION_PAUSE)
        self._refresh_latest(visit.account, definition, key)

    def on_list_change(self, account: Account, definition: DefinitionId, changed: set[str]) -> None:
        """A LIST showed that versions changed behind our back: look at their objects, and at the definition's."""
        key = account.families.key_of(definition)
        if key is None:
            return
        wishes = account.families.wishes(key)
        for name in changed & wishes.keys():
            self.services.queue.add(wishes[name].key)
        self.services.queue.add(key)
        self._refresh_latest(account, definition, key)

    def _refresh_latest(self, account: Account, definition: DefinitionId, key: Key) -> None:
        """Let those objects be looked at that a new latest version concerns."""
        latest = account.families.of(definition, key).latest()
        for concerned in account.families.moved_latest(definition, key, latest):
            self.services.queue.add(concerned)

    # --- plan ---

    async def decide(self, visit: Visit[ImageVersion], place: VersionPlace, observed: JSON | None) -> Plan:
        definition, homes = place.id.definition, visit.account.homes
        orphan = observed is None and visit.account.versions.peek(definition) is None
        if place.location is None and observed is None and not orphan and definition not in homes:
            found = await visit.account.arm.get(definition)
            homes[definition] = regions.location_of(found)
        source = await resolve(self.services, visit.resource, observed)
        step = versions.plan(self._situation(visit, place, observed, source))
        if orphan and not (visit.resource.observe_only or isinstance(step, UpToDate | RemoveObject)):
            message = f"image definition {definition.definition!r} does not exist in Azure yet"
            raise CannotPlace(Wait(Reason.PARENT_NOT_READY, message, _DEFINITION_LOOK))
        if isinstance(step, Create):  # a version that is only soft-deleted is brought back instead
            await self._refuse_foreign_parent(visit, definition)
            await visit.account.recycle_bin.of(definition, _FRESH_LIST)
            step = versions.plan(self._situation(visit, place, observed, source))
        elif observed is None and (place.soft_delete or _was_soft_deleted(visit)):
            await visit.account.recycle_bin.of(definition, self._bin_age(visit))
        return self._of_another(visit) or step if isinstance(step, Restore) else step

    def _of_another(self, visit: Visit[ImageVersion]) -> Blocked | None:
        """Return that another object retired this version: each would undo for ever what the other one does."""
        version = visit.resource.spec.version
        other = visit.account.families.retired_by(parent_of(visit.raw), version, but=visit.key)
        if other is None:
            return None
        return Blocked(
            Reason.OWNERSHIP_CONFLICT,
            f"ImageVersion {other.name!r} stands for the same version, which is retired: delete one of the two, "
            f"or bring the version back by removing the annotation {names.RETIRED} from that one",
        )

    async def _refuse_foreign_parent(self, visit: Visit[ImageVersion], id_: DefinitionId) -> None:
        """Raise CannotPlace where the image definition is another's; it is read if its object was not looked at yet."""
        if (parent := parent_of(visit.raw)) is not None:
            known = self.services.memory.observed(parent)
            known = known or (await visit.account.surroundings.resource(str(id_))).body
            refuse_what_is_anothers(self.services, parent, known)

    def _bin_age(self, visit: Visit[ImageVersion]) -> float:
        """Return how old, in seconds, a list of soft-deleted versions may be that is only shown."""
        before = visit.resource.status
        was_there = before is not None and before.provisioning_state is not None
        return _FRESH_LIST if was_there else self.services.pace.resync

    async def ending(self, visit: Visit[ImageVersion], place: Any, observed: JSON | None) -> Mutation | Wait | None:
        """Delete the version; for good when its object says so, even if it is soft-deleted already."""
        step = await super().ending(visit, place, observed)
        bypass = visit.metadata.annotations.get(names.BYPASS_SOFT_DELETE) == "true"
        visit.account.recycle_bin.forget(place.id.definition)
        if isinstance(step, Delete):
            return replace(step, bypass_soft_delete=bypass or versions.is_worthless(observed))
        if step is None and observed is None and bypass and await self._owns_definition(visit, place.id.definition):
            deleted = await visit.account.recycle_bin.of(place.id.definition, 0.0)
            if place.id.version in deleted:
                return Delete("it is soft-deleted, and its object says for good", bypass_soft_delete=True)
        return step

    async def _owns_definition(self, visit: Visit[ImageVersion], id_: DefinitionId) -> bool:
        """Tell whether the image definition in Azure belongs to the object that the version names.

        A soft-deleted version does not say whose it was: with an image definition of its own, no other namespace has
        any.
        """
        key = parent_of(visit.raw)
        definition = await visit.account.arm.get(id_) if key is not None else None
        return key is not None and resources.owner_of(definition or {}) == self.services.owner(key)

    def _situation(
        self, visit: Visit[ImageVersion], place: VersionPlace, observed: JSON | None, source: str | None = None
    ) -> Situation:
        definition = place.definition
        has = regions.location_of(observed)
        home = place.location if visit.resource.spec.location or not has else has
        return Situation(
            version=visit.resource,
            parents=Parents(
                home or visit.account.homes.get(place.id.definition, ""),
                definition.spec if definition else None,
                source,
            ),
            observed=observed,
            family=visit.account.families.of(place.id.definition, parent_of(visit.raw)),
            owner=self.services.owner(visit.key),
            attempts=visit.trace.repairs.attempts(visit.now),
            now=visit.now,
            soft_deleted=visit.account.recycle_bin.peek(place.id.definition).get(place.id.version),
        )

    # --- report ---

    def describe(
        self, visit: Visit[ImageVersion], place: VersionPlace, observed: JSON | None, step: Plan
    ) -> tuple[Status, list[Claim]]:
        situation = self._situation(visit, place, observed)
        before = visit.resource.status
        repairs = Repairs(visit.trace.repaired_regions, visit.trace.repairs.next_at)
        rows = reports.replication_status(
            situation, before.replication if before else None, repairs, drifted=bool(reports.drift_of(step))
        )
        life = reports.end_of_life_status(situation)
        visit.account.families.note_kept(place.id.definition, visit.key, kept=bool(life and life.kept_because))
        facts = situation.facts
        status = ImageVersionStatus(
            **self.base(visit, place, observed, step),
            published_date=facts.published if facts else None,
            latest=situation.family.latest() == facts.name if facts else None,
            replication=rows,
            end_of_life=life,
            soft_deleted=reports.soft_deleted_status(situation.soft_deleted) if facts is None else None,
        )
        self._count_replication(before, status, visit.now)
        return status, reports.version_claims(situation, step, status)

    def _count_replication(self, before: Status | None, after: ImageVersionStatus, now: datetime) -> None:
        """Observe how long a new version took, once: when its first report of all regions is made."""
        was = before.replication if isinstance(before, ImageVersionStatus) else None
        whole = after.replication is not None and after.replication.state == replication.COMPLETED
        if whole and was is not None and was.state == "InProgress" and after.published_date is not None:
            self.services.metrics.replicated((now - after.published_date).total_seconds())

    def poll(self, status: Status, now: datetime) -> float | None:
        rows = status.replication if isinstance(status, ImageVersionStatus) else None
        running = status.operation
        if running is None and (rows is None or rows.state in {replication.COMPLETED, replication.FAILED}):
            return None
        elapsed = (now - running.started_at).total_seconds() if running and running.started_at else 0.0
        return replication.next_poll(elapsed, rows.progress if rows else 0, self.services.pace.poll)


def _was_soft_deleted(visit: Visit[ImageVersion]) -> bool:
    """Tell whether the status shows that Azure keeps the version: then that is looked after until it is gone."""
    before = visit.resource.status
    return before is not None and before.soft_deleted is not None
