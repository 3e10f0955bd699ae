"""Image versions: what the spec, its parents and its age want of Azure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from gallery_operator.api.conditions import Reason
from gallery_operator.api.image_version import ImageVersion
from gallery_operator.domain import lifecycle, region_changes, regions, replication, resources, version_body
from gallery_operator.domain.difference import EDGE_ZONES, TARGET_REGIONS, at, entries_of, without
from gallery_operator.domain.drift import Standing
from gallery_operator.domain.family import Family, Member
from gallery_operator.domain.lifecycle import Schedule
from gallery_operator.domain.observed import ObservedVersion, SoftDeleted, read_replication, read_version, was_built
from gallery_operator.domain.plan import (
    JSON,
    Blocked,
    Create,
    Delete,
    MarkApplied,
    Plan,
    Recreate,
    RemoveObject,
    Restore,
    Retire,
    Update,
    UpToDate,
    Wait,
)
from gallery_operator.domain.resources import Attempts, Wish
from gallery_operator.domain.version_body import Parents, target_regions


@dataclass(frozen=True)
class Situation:
    """Everything the plan for a version rests on."""

    version: ImageVersion
    parents: Parents
    observed: JSON | None
    family: Family
    owner: str
    attempts: Attempts
    now: datetime
    soft_deleted: SoftDeleted | None = None
    """The version was deleted in a gallery with soft delete, and can be brought back."""

    @cached_property
    def facts(self) -> ObservedVersion | None:
        return None if self.observed is None else read_version(self.version.spec.version, self.observed)

    @cached_property
    def dates(self) -> Schedule:
        definition, facts = self.parents.definition, self.facts
        return lifecycle.schedule(
            self.version.spec.end_of_life_date,
            facts.published if facts else None,
            definition.end_of_life_date if definition else None,
            definition.lifecycle if definition else None,
        )

    @property
    def relatives(self) -> Family:
        """The family, with this version as it is known now: the list of all versions may be older."""
        if (facts := self.facts) is None:
            return self.family
        leaving_at = None if self.version.keep else self.dates.leaves_latest_at
        return self.family.seen_with(Member(facts, leaving_at, self.version.retired is not None))

    @cached_property
    def standing(self) -> Standing:
        """How the version stands to its drift; what the lifecycle wants of it is part of the wish."""
        return Standing.of(self.version, lambda now: _said(self, now))

    @property
    def kept_because(self) -> str | None:
        """Why the version must not be retired by policy."""
        facts, version = self.facts, self.version
        if facts is None:
            return "its object is annotated gallery-operator.io/keep" if version.keep else None
        if version.observe_only:
            return "its managementPolicy is Observe"
        if version.retain:
            return "its deletionPolicy is Retain"
        safety = version.spec.safety
        blocked = facts.blocked_before_end_of_life or bool(safety and safety.block_deletion_before_end_of_life)
        return lifecycle.why_kept(facts, self.relatives, self.dates, keep=version.keep, blocked=blocked, now=self.now)


def plan(situation: Situation) -> Plan:
    """Return the next step for an image version: the first of these questions that has an answer."""
    if situation.version.observe_only:
        return resources.observe_only(situation.observed)
    for question in (_retirement, _due_for_retirement, _may_be_published, _recreation):
        step = question(situation)
        if step is not None:
            return situation.standing.noted(step)
    return situation.standing.noted(_publish(situation))


def _retirement(situation: Situation) -> Plan | None:
    """The decision was written: carry it out, then keep the object as a tombstone as long as policy says."""
    decision = situation.version.retired
    if decision is None:
        return None
    if situation.observed is None:
        return _tombstone(situation, decision)
    if (conflict := resources.ownership_conflict(situation.observed, situation.owner)) is not None:
        return conflict
    if (running := resources.busy(situation.observed)) is not None:
        return running
    if resources.owner_of(situation.observed) is None:
        return Wait(Reason.KEPT, "marked as retired, but not deleted: its owner tag was removed in Azure", 3600.0)
    if (kept := situation.kept_because) is not None:
        return Wait(Reason.KEPT, f"marked as retired, but not deleted: {kept}", 3600.0)
    for_good = situation.version.bypasses_soft_delete or is_worthless(situation.observed)
    return Delete(f"retired {decision[:200]}", bypass_soft_delete=for_good)


def _tombstone(situation: Situation, decision: str) -> Plan:
    since, after = lifecycle.retired_at(decision), situation.dates.remove_after
    if since is None or after is None:
        return UpToDate()
    remove_at = lifecycle.later(since, after)
    if remove_at <= situation.now:
        return RemoveObject("removeRetiredAfter has passed")
    return UpToDate(remove_at)


def _due_for_retirement(situation: Situation) -> Plan | None:
    delete_at, observed = situation.dates.delete_at, situation.observed
    if delete_at is None or delete_at > situation.now or situation.kept_because is not None:
        return None
    if observed is None:
        return Retire(f"its delete date {delete_at:%Y-%m-%dT%H:%M:%SZ} had passed before it was published")
    if resources.owner_of(observed) != situation.owner or resources.busy(observed) is not None:
        return None
    return Retire(f"its delete date {delete_at:%Y-%m-%dT%H:%M:%SZ} has passed")


def _may_be_published(situation: Situation) -> Plan | None:
    version, parents = situation.version, situation.parents
    wanted = {regions.normalise(each.name) for each in target_regions(version, parents, situation.observed)}
    if wanted and parents.home not in wanted:
        return Blocked(
            Reason.HOME_REGION_NOT_A_TARGET,
            f"targetRegions: the home region {parents.home} must be one of {', '.join(sorted(wanted))[:300]}; "
            "add it there, or set location to one of them",
        )
    date = parents.definition.end_of_life_date if parents.definition else None
    if situation.observed is None and date is not None and date <= situation.now:
        return Blocked(
            Reason.DEFINITION_END_OF_LIFE,
            f"the image definition reached its end of life on {date:%Y-%m-%d} and takes no new versions",
        )
    return None


def _leaves_latest(situation: Situation) -> bool:
    """Tell whether the lifecycle wants the version excluded: due, and another one takes its place."""
    due, facts = situation.dates.exclude_at, situation.facts
    if due is None or due > situation.now or situation.version.keep:
        return False
    if facts is None:
        wanted = target_regions(situation.version, situation.parents)
        return all(situation.family.latest(regions.normalise(each.name)) is not None for each in wanted)
    if not facts.succeeded:
        return facts.excluded
    return lifecycle.why_latest(facts.name, situation.relatives, situation.now) is None


def _said(situation: Situation, now: datetime) -> Wish:
    """Return what the specs say, without what Azure or a default adds; a retired version is to be gone."""
    if situation.version.retired is not None:
        return Wish({"retired": True})
    leaves_latest = _leaves_latest(situation)
    body = version_body.body(situation.version, situation.parents, {}, {}, leaves_latest=leaves_latest, now=now)
    return Wish({**body, "tags": situation.version.spec.tags}, immutable=version_body.IMMUTABLE)


def _publish(situation: Situation) -> Plan:
    desired = version_body.wish(
        situation.version,
        situation.parents,
        situation.observed,
        situation.owner,
        leaves_latest=_leaves_latest(situation),
        now=situation.now,
    )
    met = situation.standing.met
    step = resources.plan(desired, situation.observed, situation.owner, situation.attempts, situation.now, met=met)
    if isinstance(step, Create):
        return _brought_back(situation) or replace(step, tenants=_tenants(situation))
    if _at_rest(step) and (other := _other_source(situation, desired)) is not None:
        return other
    if isinstance(step, Update) and step.changes:
        step = _judged(situation, desired, step)
    if _at_rest(step) and not (isinstance(step, Update) and step.changes):
        step = _repair(situation, desired, step) or step
    if isinstance(step, Update):
        return replace(step, body=version_body.with_one_source(step.body, desired.body), tenants=_tenants(situation))
    return replace(step, next_look=next_look(situation)) if isinstance(step, UpToDate) else step


def _brought_back(situation: Situation) -> Restore | None:
    """A version that is only soft-deleted is brought back: the same name cannot be created beside it."""
    if situation.soft_deleted is None:
        return None
    return Restore("it is soft-deleted in Azure: it is brought back as it was")


def _tenants(situation: Situation) -> tuple[str, ...]:
    tenant = situation.version.spec.source.tenant_id
    return () if tenant is None else (tenant,)


def is_worthless(observed: JSON | None) -> bool:
    """Tell whether there is nothing to bring back later: soft delete refuses Failed versions."""
    return observed is not None and resources.provisioning_state(observed) == "Failed"


def _recreation(situation: Situation) -> Plan | None:
    """A version whose creation failed outright is deleted and created once more, if it never served anybody.

    Azure mends some failures only so (packer#11558). One retry comes first; the decision is written ahead, by the
    incarnation's publishing date, so that a second failure is told from the first one.
    """
    incarnation = _failed_incarnation(situation)
    if incarnation is None:
        return None
    given_up = situation.version.recreated
    if given_up == incarnation:
        return Delete("its creation failed; it is created once more", bypass_soft_delete=True)
    if given_up is not None or situation.attempts.made == 0 or situation.attempts.seconds_to_next > 0:
        return None
    return Recreate(incarnation, "creating it failed, and so did another attempt: it is deleted and created once more")


def _failed_incarnation(situation: Situation) -> str | None:
    """Return the publishing date of a version of ours that Azure failed to create; None for any other one."""
    observed, facts = situation.observed, situation.facts
    if observed is None or facts is None or facts.state != "Failed" or _may_have_served(observed):
        return None
    if resources.owner_of(observed) != situation.owner or resources.is_adopted(observed):
        return None
    if situation.version.retain or facts.blocked_before_end_of_life:
        return None
    published = at(observed, "properties.publishingProfile.publishedDate")
    return published[:64] if isinstance(published, str) else None


def _may_have_served(observed: JSON) -> bool:
    """Tell whether a version may have been usable anywhere, ever: unless every region failed, and it never was built.

    An update may fail in the only region, too.
    """
    rows = read_replication(observed)
    return not rows or any(each.state != replication.FAILED for each in rows.values()) or was_built(observed)


def _at_rest(step: Plan) -> bool:
    """Tell whether Azure is as wanted but for what failed: then a failed region may be repaired."""
    reason = step.reason if isinstance(step, Wait | Blocked) else None
    return isinstance(step, Update | UpToDate) or reason in (
        Reason.REPAIRING,
        Reason.REPLICATING,
        Reason.PROVISIONING_FAILED,
    )


def _repair(situation: Situation, desired: Wish, step: Plan) -> Plan | None:
    """Return the repair of regions that failed.

    A region that is removed comes back because it is wanted: the note that the wish was met goes first. Where there is
    drift that would put it right, too, or where Azure has of the region what no spec says: then the regions are only
    tried again.
    """
    observed = situation.observed or {}
    profile = desired.body["properties"]["publishingProfile"]
    zones = resources.as_list(profile.get("targetExtendedLocations"))
    wanted = {each["name"] for each in profile["targetRegions"]}
    wanted |= {regions.normalise(each["extendedLocation"]["name"]) for each in zones}
    failures = replication.failed_regions(read_replication(observed) or {})
    # Azure may still name a region that was removed.
    failed = {name: details for name, details in failures.items() if name in wanted}
    if not failed:
        return None
    met = situation.standing.met
    if met and step == UpToDate():
        return MarkApplied(None)
    body = resources.update_body(resources.as_found(desired) if met else desired, observed, situation.now)
    body = region_changes.with_present_types(body, observed)  # another type comes when all regions are complete
    said = _said_of_regions(situation, desired)
    open_ = any(region_changes.unsaid(said, observed, name) for name in failed)
    removes = not met and not open_ and _regions_of_zones(body).isdisjoint(failed)
    return replication.repair(body, situation.parents.home, failed, situation.attempts, removes=removes)


def _regions_of_zones(body: JSON) -> set[str]:
    """Return the regions, normalised, that edge zones belong to.

    Whether an edge zone keeps its replicas while its region is removed and added again, nobody has recorded.
    """
    return {regions.normalise(str(zone.get("name", ""))) for zone in entries_of(body, EDGE_ZONES).values()}


def _said_of_regions(situation: Situation, desired: Wish) -> JSON:
    """Return the wish without the regions that it only takes from Azure: removed, they would not be wanted any more."""
    if version_body.named_regions(situation.version, situation.parents) is not None:
        return desired.body
    return without(desired.body, frozenset({TARGET_REGIONS}))


def _judged(situation: Situation, desired: Wish, step: Update) -> Update | Wait | Blocked:
    """Return an update as Azure can make it, or why it must not be made (now): it loses a region."""
    observed, safety = situation.observed or {}, situation.version.spec.safety
    states = read_replication(observed) or {}
    return region_changes.judge(
        step,
        _said_of_regions(situation, desired),
        observed,
        situation.parents.home,
        failed=replication.failed_regions(states).keys(),
        unfinished=replication.unfinished(states),
        removal_allowed=bool(safety and safety.allow_region_removal),
    )


def _other_source(situation: Situation, desired: Wish) -> Blocked | None:
    """Return that the version in Azure was made from another kind of source: fields that only Azure has tell it."""
    wanted, found = version_body.source_kinds(desired.body), version_body.source_kinds(situation.observed or {})
    if not found or wanted <= found:
        return None
    return Blocked(
        Reason.IMMUTABLE_FIELD_DIFFERS,
        f"spec.source: the version in Azure was made from {', '.join(sorted(found))}, not from "
        f"{', '.join(sorted(wanted))}, and Azure does not let that change; publish another version",
    )


def next_look(situation: Situation) -> datetime | None:
    """Return when the lifecycle has something to do next."""
    step = lifecycle.next_action(situation.dates, situation.now)
    return step[1] if step else None
