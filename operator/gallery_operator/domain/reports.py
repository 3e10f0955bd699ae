"""What a reconcile says in the status. A report never decides anything, and nothing in it changes by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from gallery_operator.api.conditions import Claim, Reason, claim
from gallery_operator.api.image_definition import NextAction, RegionLatest, SoftDeletedVersion, VersionCounts
from gallery_operator.api.image_version import (
    EdgeZoneStatus,
    EndOfLifeStatus,
    ImageVersionStatus,
    RegionStatus,
    ReplicationStatus,
    SoftDeletedStatus,
)
from gallery_operator.domain import lifecycle, regions, replication, version_body
from gallery_operator.domain.family import Family
from gallery_operator.domain.lifecycle import Schedule
from gallery_operator.domain.observed import RegionReplication, SoftDeleted, numbers, read_replication
from gallery_operator.domain.plan import (
    Blocked,
    Change,
    Create,
    Delete,
    Grant,
    MarkApplied,
    Plan,
    Recreate,
    RemoveObject,
    Restore,
    Retire,
    Revoke,
    Share,
    Update,
    UpToDate,
    Wait,
)
from gallery_operator.domain.replication import Repairs
from gallery_operator.domain.versions import Situation

#: An ImageDefinition lists that many of the lifecycle's next steps.
NEXT_ACTIONS: Final = 16
#: A report of drift names that many differences.
NAMED_DIFFERENCES: Final = 5
#: And so many soft-deleted versions.
SOFT_DELETED: Final = 64

_AT_WORK: Final[Mapping[type, Reason]] = {
    Create: Reason.CREATING,
    Update: Reason.UPDATING,
    Delete: Reason.DELETING,
    Restore: Reason.RESTORING,
    Share: Reason.SHARING,
    Grant: Reason.GRANTING_ACCESS,
    Revoke: Reason.GRANTING_ACCESS,
    Recreate: Reason.RECREATING,
    MarkApplied: Reason.UPDATING,
    Retire: Reason.RETIRING,
    RemoveObject: Reason.RETIRING,
}


def claims(step: Plan, done: Reason, message: str = "") -> list[Claim]:
    """Return Ready, and Reconciling, Stalled or Drifted, for a step; `done` is Ready's reason when nothing is left."""
    match step:
        case UpToDate(drift=drift) if drift:
            why = drift_line(drift)
            return [claim("Ready", True, Reason.DRIFTED, why), claim("Drifted", True, Reason.DRIFTED, why)]
        case UpToDate() | MarkApplied(str()):
            return [claim("Ready", True, done, message)]
        case Blocked(reason, why):
            return [claim("Ready", False, reason, why), claim("Stalled", True, reason, why)]
        case Wait(reason, why):
            return [claim("Ready", False, reason, why), claim("Reconciling", True, reason, why)]
        case _:
            reason, why = _AT_WORK[type(step)], describe(step)
            return [claim("Ready", False, reason, why), claim("Reconciling", True, reason, why)]


def drift_of(step: Plan) -> tuple[Change, ...]:
    """Return what differs in Azure and is left so."""
    return step.drift if isinstance(step, UpToDate) else ()


def drift_line(drift: tuple[Change, ...]) -> str:
    """Return one line that names the first differences."""
    named = [f"{each.path} is {_shown(each.found)}, not {_shown(each.wanted)}" for each in drift[:NAMED_DIFFERENCES]]
    more = f"; and {len(drift) - NAMED_DIFFERENCES} more" if len(drift) > NAMED_DIFFERENCES else ""
    return f"changed in Azure, and left so (driftPolicy Report): {'; '.join(named)}{more}"


def _shown(value: object) -> str:
    return "unset" if value is None else str(value)[:80]


def describe(step: Plan) -> str:
    """Return one line that says what a step does and why."""
    match step:
        case Create():
            return "creating it in Azure"
        case Update():
            return f"updating it in Azure: {step}"[:1000]
        case Delete(why):
            return f"deleting it in Azure: {why}"
        case Retire(why) | RemoveObject(why) | Recreate(_, why) | Restore(why) | Share(_, why):
            return why
        case Grant() | Revoke():
            return step.why
        case Wait(_, why) | Blocked(_, why):
            return why
        case MarkApplied(digest):
            return "Azure has met the spec" if digest else "the spec is to be applied"
        case UpToDate(drift=drift):
            return drift_line(drift) if drift else "up to date"


# --- image versions --------------------------------------------------------------------------------------------------


def replication_status(
    situation: Situation, before: ReplicationStatus | None, repairs: Repairs, *, drifted: bool = False
) -> ReplicationStatus | None:
    """Return the replication rows: of the regions that are wanted, or of those there are where drift is left so.

    A LIST carries no replication states. A version that Azure still reports as Succeeded with the regions that were
    complete before keeps those rows, so that an idle version costs neither a read nor a write.
    """
    facts = situation.facts
    if facts is None:
        return None
    wanted = [
        regions.normalise(each.name)
        for each in version_body.target_regions(situation.version, situation.parents, situation.observed)
    ]
    zones = [regions.normalise(each.name) for each in situation.version.spec.edge_zones or ()]
    if situation.version.observe_only or drifted:
        wanted, zones = [each.name for each in facts.regions], []
    states = read_replication(situation.observed or {})
    if states is None:
        states = _carried([*before.regions, *(before.edge_zones or ())] if before else ())
    return replication.report(wanted, zones, facts, states, repairs)


def _carried(rows: Iterable[RegionStatus | EdgeZoneStatus]) -> dict[str, RegionReplication]:
    return {row.name: RegionReplication(row.state, row.progress, row.details or "") for row in rows}


def end_of_life_status(situation: Situation) -> EndOfLifeStatus | None:
    """Return where the version stands in its life; None for one without an end."""
    dates, facts, now = situation.dates, situation.facts, situation.now
    retired = situation.version.retired is not None
    if dates.end_of_life is None and not retired:
        return None
    version = situation.version
    taken = lifecycle.acted_on(dates, observed=version.observe_only, retained=bool(version.retain))
    coming = None if retired else lifecycle.next_action(taken, now)
    if retired and facts is None:
        coming = _removal(situation)
    return EndOfLifeStatus(
        date=dates.end_of_life,
        stage=lifecycle.stage(dates, now, retired=retired and facts is None, excluded=bool(facts and facts.excluded)),
        next_action=coming[0] if coming else None,
        next_action_at=coming[1] if coming else None,
        kept_because=(_kept(situation) or "")[:256] or None,
    )


def _removal(situation: Situation) -> tuple[str, datetime] | None:
    since = lifecycle.retired_at(situation.version.retired or "")
    after = situation.dates.remove_after
    return ("RemoveObject", lifecycle.later(since, after)) if since is not None and after is not None else None


def _kept(situation: Situation) -> str | None:
    """Why a step that is due is not taken: deletion if it is due, else leaving latest."""
    dates, now, facts = situation.dates, situation.now, situation.facts
    if facts is None:
        return None
    if situation.version.retired is not None or (dates.delete_at is not None and dates.delete_at <= now):
        return situation.kept_because
    if dates.exclude_at is not None and dates.exclude_at <= now and not facts.excluded:
        return lifecycle.why_latest(facts.name, situation.relatives, now)
    return None


def soft_deleted_status(found: SoftDeleted | None) -> SoftDeletedStatus | None:
    """Return the dates of a version that was deleted and can be brought back."""
    if found is None:
        return None
    return SoftDeletedStatus(
        deleted_at=found.deleted_at,
        consumption_end_time=found.consumption_end,
        hard_deletion_target_time=found.hard_deletion,
    )


def version_claims(situation: Situation, step: Plan, status: ImageVersionStatus) -> list[Claim]:
    """Return all conditions of an image version."""
    rows, facts = status.replication, situation.facts
    ready = _version_ready(situation, step, rows)
    result = list(ready)
    if facts is not None and rows is not None:
        home = next((row for row in rows.regions if row.name == situation.parents.home), None)
        usable = home is not None and home.state == replication.COMPLETED
        result.append(claim("Published", usable, Reason.PUBLISHED if usable else Reason.REPLICATING))
        whole = rows.state == replication.COMPLETED
        places = [*rows.regions, *(rows.edge_zones or ())]
        why = "; ".join(f"{row.name}: {row.details or row.state}" for row in places if row.state == "Failed")
        reason = Reason.REPLICATED if whole else Reason.REPLICATION_FAILED if why else Reason.REPLICATING
        result.append(claim("Replicated", whole, reason, why or f"{rows.summary} regions"))
    if (bin_ := status.soft_deleted) is not None:
        result.append(claim("SoftDeleted", True, Reason.SOFT_DELETED, _kept_in_bin(bin_)))
    if (life := status.end_of_life) is not None and life.date is not None:
        over = life.date <= situation.now
        reason = Reason.KEPT if life.kept_because else Reason(life.stage)
        result.append(claim("EndOfLife", over, reason, life.kept_because or ""))
    return result


def _kept_in_bin(found: SoftDeletedStatus) -> str:
    """Say until when what can be done with a version that was deleted."""
    usable, kept = found.consumption_end_time, found.hard_deletion_target_time or found.consumption_end_time
    how_long = f"until about {kept:%Y-%m-%dT%H:%M:%SZ}" if kept else "for a while"
    still = f"; virtual machines can be created from it until {usable:%Y-%m-%dT%H:%M:%SZ}" if usable else ""
    return f"Azure keeps it {how_long}: it can be brought back{still}"


def _version_ready(situation: Situation, step: Plan, rows: ReplicationStatus | None) -> list[Claim]:
    at_rest = isinstance(step, UpToDate) or (isinstance(step, MarkApplied) and step.digest is not None)
    if situation.version.retired is not None and situation.observed is None and at_rest:
        return claims(step, Reason.RETIRED, f"no longer in Azure: {situation.version.retired}"[:500])
    if isinstance(step, Wait) and step.reason in (Reason.CREATING, Reason.UPDATING) and rows is not None:
        how_far = f"{rows.summary} regions, {rows.progress} %"
        repaired = ", ".join(f"{row.name} (attempt {row.attempts})" for row in rows.regions if row.attempts)
        if repaired:
            step = Wait(Reason.REPAIRING, f"repairing {repaired}: {how_far}")
        else:
            step = Wait(Reason.REPLICATING, f"{step.message}: {how_far}")
    if at_rest and not drift_of(step) and rows is not None and rows.state != replication.COMPLETED:
        step = Wait(Reason.REPLICATING, f"Azure reports success, but only {rows.summary} regions are complete")
    done = Reason.OBSERVED if situation.version.observe_only else Reason.REPLICATED
    return claims(step, done, f"{rows.summary} regions" if rows else "")


# --- image definitions -----------------------------------------------------------------------------------------------


def count_versions(family: Family) -> VersionCounts:
    """Return the versions of a definition in Azure, by state."""
    states: Counter[str] = Counter()
    for member in family.members.values():
        version = member.observed
        states["busy" if version.busy else version.state] += 1
    return VersionCounts(
        total=len(family.members), succeeded=states["Succeeded"], in_progress=states["busy"], failed=states["Failed"]
    )


def latest_by_region(family: Family) -> list[RegionLatest]:
    """Return the latest version of each region."""
    return [RegionLatest(name=region, version=version) for region, version in family.latest_by_region().items()][:128]


def soft_deleted_versions(found: Iterable[SoftDeleted]) -> list[SoftDeletedVersion] | None:
    """Return the versions that can be brought back, the lowest first; None when there are none."""
    rows = [
        SoftDeletedVersion(
            version=each.version,
            deleted_at=each.deleted_at,
            consumption_end_time=each.consumption_end,
            hard_deletion_target_time=each.hard_deletion,
        )
        for each in sorted(found, key=lambda each: numbers(each.version))
    ]
    return rows[:SOFT_DELETED] or None


def next_actions(schedules: Mapping[str, Schedule], now: datetime) -> list[NextAction]:
    """Return the next steps of the lifecycle over all versions, soonest first."""
    coming = [
        NextAction(version=version, action=step[0], at=step[1])
        for version, dates in schedules.items()
        if (step := lifecycle.next_action(dates, now)) is not None
    ]
    return sorted(coming, key=lambda each: (each.at, each.version))[:NEXT_ACTIONS]


def operation_type(step: Plan, state: str | None) -> str | None:
    """Return what runs in Azure now, given what was just sent and Azure's provisioningState."""
    sent = {Create: "Create", Update: "Update", Delete: "Delete", Restore: "Restore"}.get(type(step))
    running = {"Creating": "Create", "Updating": "Update", "Deleting": "Delete", "Migrating": "Migrate"}
    return sent or running.get(state or "")
