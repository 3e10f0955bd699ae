"""What the status says of replication and of a version's life."""

from __future__ import annotations

from typing import Any

import pytest

from gallery_operator.api import names
from gallery_operator.api.conditions import Claim, Reason
from gallery_operator.api.image_version import ImageVersionStatus
from gallery_operator.domain import replication, reports, versions
from gallery_operator.domain.family import family_of
from gallery_operator.domain.lifecycle import Schedule
from gallery_operator.domain.observed import read_replication, read_version
from gallery_operator.domain.plan import (
    Blocked,
    Change,
    Create,
    Delete,
    MarkApplied,
    Plan,
    RemoveObject,
    Retire,
    Update,
    UpToDate,
    Wait,
)
from gallery_operator.domain.replication import Repairs
from tests.unit.domain import build
from tests.unit.domain.build import DAY, NOW, arm_version, member, parents, region, situation, text, version

TWO = [region(), region("East US 2", replicas=3, storage="Standard_ZRS")]
HOME = {"name": "West Europe"}
WANTED = [{"name": "West Europe"}, {"name": "East US 2"}]


def status_of(of: versions.Situation, before: Any = None) -> ImageVersionStatus:
    return ImageVersionStatus(
        replication=reports.replication_status(of, before, Repairs({"eastus2": 2}, NOW)),
        end_of_life=reports.end_of_life_status(of),
    )


def claims_of(of: versions.Situation, before: Any = None) -> dict[str, Claim]:
    found = reports.version_claims(of, versions.plan(of), status_of(of, before))
    return {each.type: each for each in found}


# --- replication rows ---


def test_each_region_has_a_row_with_what_azure_says() -> None:
    observed = arm_version(regions=TWO, replication={"West Europe": ("Completed", 100), "East US 2": ("Failed", 12)})
    rows = status_of(situation(version(targetRegions=WANTED), observed)).replication
    assert rows is not None
    assert (rows.state, rows.progress, rows.summary) == ("Failed", 56, "1/2")
    assert rows.regions[1].model_dump() == {
        "name": "eastus2",
        "state": "Failed",
        "progress": 12,
        "replicas": 3,
        "storage_account_type": "Standard_ZRS",
        "details": "no capacity",
        "attempts": 2,
        "next_attempt_at": NOW,
    }


@pytest.mark.parametrize(
    ("states", "aggregate", "summary"),
    [
        ({"West Europe": ("Completed", 100), "East US 2": ("Completed", 100)}, "Completed", "2/2"),
        ({"West Europe": ("Completed", 100), "East US 2": ("Replicating", 30)}, "InProgress", "1/2"),
        ({"West Europe": ("Completed", 100)}, "InProgress", "1/2"),
        ({"West Europe": ("Unknown", 0), "East US 2": ("Unknown", 0)}, "Unknown", "0/2"),
        ({"West Europe": ("Failed", 0), "East US 2": ("Completed", 100)}, "Failed", "1/2"),
        ({}, "InProgress", "0/2"),
    ],
)
def test_the_whole_is_judged_by_its_regions(states: dict[str, tuple[str, int]], aggregate: str, summary: str) -> None:
    observed = arm_version(regions=TWO, replication=states)
    rows = status_of(situation(version(targetRegions=WANTED), observed)).replication
    assert rows is not None
    assert (rows.state, rows.summary) == (aggregate, summary)


def test_a_region_that_still_exists_keeps_its_row_and_does_not_count_as_wanted() -> None:
    observed = arm_version(
        regions=TWO, replication={"West Europe": ("Completed", 100), "East US 2": ("Completed", 100)}
    )
    rows = status_of(situation(version(), observed)).replication
    assert rows is not None
    assert [each.name for each in rows.regions] == ["westeurope", "eastus2"]
    assert rows.summary == "1/1"


def test_rows_are_carried_over_when_an_answer_has_no_states() -> None:
    full = situation(
        version(targetRegions=WANTED), arm_version(regions=TWO, replication={"West Europe": ("Completed", 100)})
    )
    before = status_of(full).replication
    listed = situation(version(targetRegions=WANTED), arm_version(regions=TWO))
    assert status_of(listed, before).replication == before


def test_an_edge_zone_has_a_row_of_its_own() -> None:
    zone = {"name": "West Europe", "extendedLocation": {"name": "LosAngeles", "type": "EdgeZone"}}
    observed = arm_version(replication={"West Europe": ("Completed", 100), "losangeles": ("Failed", 12)})
    observed["properties"]["publishingProfile"]["targetExtendedLocations"] = [zone]
    wanted = version(edgeZones=[{"name": "losangeles", "region": "westeurope"}, {"name": "miami", "region": "eastus"}])
    rows = status_of(situation(wanted, observed)).replication
    assert rows is not None
    assert rows.edge_zones is not None
    assert [(each.name, each.state) for each in rows.edge_zones] == [("losangeles", "Failed"), ("miami", "Pending")]
    assert (rows.state, rows.summary) == ("Failed", "1/1")


def test_an_edge_zone_shows_its_repairs_as_a_region_does() -> None:
    zone = {"name": "West Europe", "extendedLocation": {"name": "LosAngeles", "type": "EdgeZone"}}
    raw = arm_version(replication={"West Europe": ("Completed", 100), "losangeles": ("Failed", 12)})
    raw["properties"]["publishingProfile"]["targetExtendedLocations"] = [zone]
    states = read_replication(raw) or {}
    repairs = Repairs({"losangeles": 2}, NOW)
    rows = replication.report(["westeurope"], ["losangeles"], read_version("1.0.0", raw), states, repairs)
    assert rows.edge_zones is not None
    (row,) = rows.edge_zones
    assert (row.attempts, row.next_attempt_at) == (2, NOW)


def test_more_regions_than_the_status_holds_are_cut() -> None:
    observed = read_version("1.0.0", arm_version(regions=[region(f"Region {number}") for number in range(500)]))
    assert len(replication.report(["westeurope"], [], observed, {}, Repairs()).regions) == replication.ROWS


@pytest.mark.parametrize(
    ("raw", "progress"), [(None, 0), ("64", 0), (-5, 0), (101, 100), (10**30, 100), (64, 64), ([], 0)]
)
def test_progress_is_a_percentage_whatever_azure_says(raw: object, progress: int) -> None:
    entry = {"region": "West Europe", "state": None, "details": None, "progress": raw}
    read = read_replication({"properties": {"replicationStatus": {"summary": [entry, None, 3]}}})
    assert read is not None
    assert read["westeurope"].progress == progress
    assert read["westeurope"].state == "Unknown"


def test_long_texts_of_azure_are_cut() -> None:
    entry = {"region": "r" * 1000, "state": "s" * 1000, "details": "d" * 5000, "progress": 1}
    read = read_replication({"properties": {"replicationStatus": {"summary": [entry]}}})
    assert read is not None
    ((name, found),) = read.items()
    assert (len(name), len(found.state), len(found.details)) == (64, 64, 512)


# --- conditions ---

PLANS: list[tuple[Plan, str, str | None]] = [
    (UpToDate(), "True", None),
    (MarkApplied("the present wish"), "True", None),
    (MarkApplied(None), "False", "Reconciling"),
    (Blocked(Reason.INVALID_SPEC, "mend it"), "False", "Stalled"),
    (Wait(Reason.BUSY, "soon"), "False", "Reconciling"),
    (Create({}), "False", "Reconciling"),
    (Update({}, (Change("a", 1, 2),)), "False", "Reconciling"),
    (Delete("why"), "False", "Reconciling"),
    (Retire("why"), "False", "Reconciling"),
    (RemoveObject("why"), "False", "Reconciling"),
]


@pytest.mark.parametrize(("step", "ready", "other"), PLANS, ids=lambda each: type(each).__name__)
def test_each_plan_is_ready_at_work_or_stalled(step: Plan, ready: str, other: str | None) -> None:
    found = reports.claims(step, Reason.SUCCEEDED)
    assert found[0].type == "Ready"
    assert found[0].status == ready
    assert [each.type for each in found[1:]] == ([other] if other else [])
    assert reports.describe(step)


def test_an_edit_is_not_reported_as_done_before_it_is_applied() -> None:
    observed = arm_version(replication={"West Europe": ("Completed", 100)})
    edited = version(
        annotations={names.APPLIED: "of-an-earlier-wish"}, driftPolicy="Report", targetRegions=[{**HOME, "replicas": 9}]
    )
    found = claims_of(situation(edited, observed))
    assert (found["Ready"].status, found["Ready"].reason) == ("False", "Updating")


def test_success_with_regions_to_come_is_not_ready() -> None:
    observed = arm_version(
        regions=TWO, replication={"West Europe": ("Completed", 100), "East US 2": ("Replicating", 9)}
    )
    found = claims_of(situation(version(targetRegions=WANTED), observed, member("0.1.0")))
    assert found["Ready"].status == "False"
    assert found["Published"].status == "True"
    assert found["Replicated"].status == "False"


def test_a_whole_version_is_ready() -> None:
    found = claims_of(situation(version(), arm_version(replication={"West Europe": ("Completed", 100)})))
    assert {each.status for each in found.values()} == {"True"}
    assert found["Ready"].reason == Reason.REPLICATED


def test_a_failed_region_is_named_with_its_reason() -> None:
    observed = arm_version(regions=TWO, replication={"West Europe": ("Completed", 100), "East US 2": ("Failed", 9)})
    found = claims_of(situation(version(targetRegions=WANTED), observed))
    assert found["Replicated"].reason == Reason.REPLICATION_FAILED
    assert found["Replicated"].message == "eastus2: no capacity"


# --- end of life ---

POLICY = parents(lifecycle=build.lifecycle(after="30d", exclude="0d", delete="10d", remove="7d"))


def test_a_version_without_an_end_has_no_end_of_life_status() -> None:
    assert reports.end_of_life_status(situation(version(), arm_version())) is None


def test_the_next_action_is_reported() -> None:
    life = reports.end_of_life_status(situation(version(endOfLifeDate=text(NOW + DAY)), arm_version(), of=POLICY))
    assert life is not None
    assert (life.stage, life.next_action, life.next_action_at) == ("Active", "ExcludeFromLatest", NOW + DAY)


def test_a_version_that_is_kept_past_its_date_says_why() -> None:
    of = situation(version(endOfLifeDate=text(NOW - 90 * DAY)), arm_version(), of=POLICY)
    life = reports.end_of_life_status(of)
    assert life is not None
    assert life.stage == "Expired"
    assert "last good" in (life.kept_because or "")
    assert claims_of(of)["EndOfLife"].reason == Reason.KEPT


def test_a_version_that_cannot_leave_latest_says_why() -> None:
    life = reports.end_of_life_status(situation(version(endOfLifeDate=text(NOW)), arm_version(), of=POLICY))
    assert life is not None
    assert "takes its place as latest in westeurope" in (life.kept_because or "")


def test_a_reason_fits_into_the_status_whatever_regions_are_called() -> None:
    observed = arm_version(regions=[region(f"{number}{'x' * 100}") for number in range(9)])
    life = reports.end_of_life_status(situation(version(endOfLifeDate=text(NOW)), observed, member("2.0.0"), of=POLICY))
    assert life is not None
    assert len(life.kept_because or "") == 256


def test_a_tombstone_says_when_it_goes() -> None:
    retired = version(annotations={names.RETIRED: f"{text(NOW)} why"})
    of = situation(retired, None, of=POLICY)
    life = reports.end_of_life_status(of)
    assert life is not None
    assert (life.stage, life.next_action, life.next_action_at) == ("Retired", "RemoveObject", NOW + 7 * DAY)
    ready = claims_of(of)["Ready"]
    assert (ready.status, ready.reason) == ("True", Reason.RETIRED)


# --- definitions ---


def test_versions_are_counted_by_state() -> None:
    states = ["Succeeded", "Succeeded", "Creating", "Updating", "Failed", "Odd"]
    counts = reports.count_versions(family_of(member(f"1.0.{n}", state=state) for n, state in enumerate(states)))
    assert counts.model_dump() == {"total": 6, "succeeded": 2, "in_progress": 2, "failed": 1}


@pytest.mark.parametrize(
    ("spec", "action"),
    [({}, "Delete"), ({"deletionPolicy": "Retain"}, None), ({"managementPolicy": "Observe"}, None)],
)
def test_no_action_is_announced_that_a_policy_forbids(spec: dict[str, Any], action: str | None) -> None:
    of = parents(lifecycle=build.lifecycle(after="30d", delete="10d"))
    life = reports.end_of_life_status(situation(version(**spec), arm_version(published=NOW), of=of))
    assert life is not None
    assert (life.stage, life.next_action) == ("Active", action)


def test_who_only_observes_says_why_nothing_happens_at_the_end() -> None:
    of = parents(lifecycle=build.lifecycle(after="30d", delete="10d"))
    expired = arm_version(published=NOW - 50 * DAY)
    life = reports.end_of_life_status(situation(version(managementPolicy="Observe"), expired, of=of))
    assert life is not None
    assert life.kept_because == "its managementPolicy is Observe"


def test_the_next_actions_are_the_soonest_ones() -> None:
    schedules = {f"1.0.{n}": Schedule(delete_at=NOW + (40 - n) * DAY) for n in range(40)}
    found = reports.next_actions(schedules, NOW)
    assert len(found) == reports.NEXT_ACTIONS
    assert [each.version for each in found[:2]] == ["1.0.39", "1.0.38"]


@pytest.mark.parametrize(
    ("step", "state", "operation"),
    [
        (Create({}), None, "Create"),
        (Update({}), "Succeeded", "Update"),
        (Delete("why"), "Succeeded", "Delete"),
        (UpToDate(), "Succeeded", None),
        (Wait(Reason.BUSY, ""), "Creating", "Create"),
        (Wait(Reason.BUSY, ""), "Updating", "Update"),
        (Wait(Reason.BUSY, ""), "Deleting", "Delete"),
        (Wait(Reason.BUSY, ""), "Migrating", "Migrate"),
        (Wait(Reason.BUSY, ""), "Odd", None),
    ],
)
def test_the_operation_is_what_was_sent_or_what_azure_reports(
    step: Plan, state: str | None, operation: str | None
) -> None:
    assert reports.operation_type(step, state) == operation


def test_while_a_region_is_repaired_ready_says_which() -> None:
    states = {"West Europe": ("Completed", 100), "East US 2": ("Replicating", 20)}
    repaired = arm_version(regions=TWO, replication=states, state="Updating")
    ready = claims_of(situation(version(targetRegions=WANTED), repaired))["Ready"]
    assert (ready.status, ready.reason) == ("False", "Repairing")
    assert ready.message == "repairing eastus2 (attempt 2): 1/2 regions, 60 %"
