"""How a version leaves: excluded, retired, a tombstone, gone; and how it comes back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from gallery_operator.api import names
from gallery_operator.api.conditions import Reason
from gallery_operator.domain import versions
from gallery_operator.domain.family import Member, family_of
from gallery_operator.domain.plan import Blocked, Create, Delete, Plan, RemoveObject, Retire, Update, UpToDate, Wait
from gallery_operator.domain.resources import Attempts
from gallery_operator.domain.version_body import Parents
from tests.unit.domain import build
from tests.unit.domain.build import (
    DAY,
    HOME,
    NOW,
    OWNED,
    OWNER,
    arm_version,
    member,
    parents,
    region,
    situation,
    text,
    version,
)

NEWER = member("2.0.0")
POLICY = parents(lifecycle=build.lifecycle(after="30d", exclude="0d", delete="10d", remove="7d"))
RETIRED = {names.RETIRED: f"{text(NOW)} its delete date has passed"}


def published(days_ago: float, **more: Any) -> dict[str, Any]:
    return arm_version(published=NOW - days_ago * DAY, **more)


def plan(
    observed: dict[str, Any] | None,
    *others: Member,
    annotations: dict[str, str] | None = None,
    of: Parents = POLICY,
    now: datetime = NOW,
    **spec: Any,
) -> Plan:
    wanted = version(annotations=annotations, **spec)
    return versions.plan(situation(wanted, observed, *others, of=of, now=now))


def excluded(step: Plan) -> bool:
    assert isinstance(step, Update | Create), step
    flag = step.body["properties"]["publishingProfile"]["excludeFromLatest"]
    assert isinstance(flag, bool)
    return flag


# --- excluded from latest ---


def test_before_its_dates_nothing_happens_and_the_next_look_is_known() -> None:
    observed = published(20)
    step = plan(observed, NEWER)
    assert isinstance(step, UpToDate)
    assert step.next_look is not None
    assert abs(step.next_look - (NOW + 10 * DAY)).total_seconds() < 1


def test_at_its_end_a_version_is_excluded_from_latest() -> None:
    step = plan(published(31), NEWER)
    assert excluded(step)
    assert "excludeFromLatest: False -> True" in str(step)


def test_an_excluded_version_stays_as_it_is() -> None:
    assert isinstance(plan(published(31, excluded=True), NEWER), UpToDate)


@pytest.mark.parametrize(
    "others",
    [
        [],
        [member("2.0.0", state="Failed")],
        [member("2.0.0", regions=["East US 2"])],
        [member("2.0.0", excluded=True)],
    ],
)
def test_latest_is_not_left_without_a_successor(others: list[Member]) -> None:
    assert isinstance(plan(published(31), *others), UpToDate)


def test_an_excluded_version_comes_back_when_its_successor_is_gone() -> None:
    assert not excluded(plan(published(31, excluded=True), member("2.0.0", state="Failed")))


def test_an_excluded_version_does_not_come_back_while_its_successor_is_updated() -> None:
    assert isinstance(plan(published(31, excluded=True), member("2.0.0", state="Updating")), UpToDate)


def test_a_version_that_is_not_usable_is_not_switched_in_or_out() -> None:
    assert not excluded(plan(published(31, state="Failed"), NEWER))
    assert excluded(plan(published(31, state="Failed", excluded=True)))


def test_a_kept_version_stays_latest() -> None:
    assert isinstance(plan(published(90), NEWER, annotations={names.KEEP: "true"}), UpToDate)


def test_a_new_version_past_its_date_is_excluded_from_the_start_if_there_is_a_latest() -> None:
    date = text(NOW - DAY)
    assert excluded(plan(None, NEWER, endOfLifeDate=date))
    assert not excluded(plan(None, endOfLifeDate=date))


def test_what_the_spec_excludes_stays_excluded() -> None:
    assert excluded(plan(published(1), excludeFromLatest=True))


# --- retired ---


def test_past_its_delete_date_a_version_is_retired() -> None:
    step = plan(published(41), NEWER)
    assert isinstance(step, Retire)
    assert "has passed" in step.why


def test_the_definitions_end_brings_the_dates_forward() -> None:
    of = parents(lifecycle=build.lifecycle(after="365d", delete="10d"), endOfLifeDate=text(NOW - 11 * DAY))
    assert isinstance(plan(published(41), NEWER, of=of), Retire)


@pytest.mark.parametrize(
    ("observed", "others", "spec"),
    [
        (published(41), [], {}),
        (published(41), [member("2.0.0", state="Failed")], {}),
        (published(41, regions=[region(), region("East US 2")]), [NEWER], {}),
        (published(41, tags={}), [NEWER], {}),
        (published(41, tags={names.OWNER_TAG: "c/n/other"}), [NEWER], {}),
        (published(41, state="Updating"), [NEWER], {}),
        (arm_version(published=None), [NEWER], {}),
        (published(41), [NEWER], {"annotations": {names.KEEP: "true"}}),
        (published(41), [NEWER], {"managementPolicy": "Observe"}),
        (published(41), [NEWER], {"deletionPolicy": "Retain"}),
        (published(41, safety={"blockDeletionBeforeEndOfLife": True}, end_of_life=text(NOW + DAY)), [NEWER], {}),
        (published(41), [NEWER], {"of": parents(lifecycle=build.lifecycle(after="30d", exclude="0d"))}),
        (published(41), [NEWER], {"of": parents()}),
    ],
    ids=[
        "the last good one",
        "failed ones do not count",
        "latest in a region",
        "nobody's",
        "another's",
        "busy",
        "dates unknown",
        "kept by a person",
        "only observed",
        "to be retained",
        "deletion blocked",
        "no delete stage",
        "no lifecycle",
    ],
)
def test_policy_never_retires(observed: dict[str, Any], others: list[Member], spec: dict[str, Any]) -> None:
    regions = [{"name": "West Europe"}, {"name": "East US 2"}]
    if len(observed["properties"]["publishingProfile"]["targetRegions"]) == 2:
        spec = {**spec, "targetRegions": regions}
    assert not isinstance(plan(observed, *others, **spec), Retire | Delete | RemoveObject)


def test_a_failed_version_is_retired_like_any_other() -> None:
    assert isinstance(plan(published(41, state="Failed"), NEWER), Retire)


def test_a_list_that_is_older_than_the_last_look_does_not_retire_the_last_good_version() -> None:
    wanted = version()
    listed = member("1.0.0", state="Updating")
    stale = versions.Situation(
        wanted,
        POLICY,
        published(41),
        family_of([listed, member("2.0.0", excluded=True)]),
        OWNER,
        Attempts(),
        NOW,
    )
    assert not isinstance(versions.plan(stale), Retire)


def test_a_version_applied_past_its_delete_date_is_retired_and_never_published() -> None:
    step = plan(None, endOfLifeDate=text(NOW - 11 * DAY))
    assert isinstance(step, Retire)
    assert "before it was published" in step.why


def test_a_person_may_publish_a_version_past_its_delete_date() -> None:
    step = plan(None, endOfLifeDate=text(NOW - 11 * DAY), annotations={names.KEEP: "true"})
    assert isinstance(step, Create)


# --- the decision is carried out ---


def test_a_retired_version_is_deleted_in_azure() -> None:
    step = plan(published(41), NEWER, annotations=RETIRED)
    assert isinstance(step, Delete)
    assert "its delete date has passed" in step.why


def test_a_person_may_retire_a_version_before_its_dates() -> None:
    annotations = {names.RETIRED: "broken"}
    assert isinstance(plan(published(1), member("0.9.0"), annotations=annotations), Delete)
    assert isinstance(plan(published(1), member("0.9.0"), annotations=annotations, of=Parents(HOME)), Delete)


@pytest.mark.parametrize(
    ("observed", "others", "spec"),
    [
        (published(41), [], {}),
        (published(41), [member("2.0.0", excluded=True)], {}),
        (published(41), [member("2.0.0", retired=True)], {}),
        (published(41), [member("2.0.0", regions=["East US 2"])], {}),
        (published(41), [NEWER], {"safety": {"blockDeletionBeforeEndOfLife": True}, "endOfLifeDate": text(NOW + DAY)}),
        (published(41, tags={}), [NEWER], {}),
        (published(41, state="Odd"), [member("2.0.0", state="Failed")], {}),
        ({}, [NEWER], {}),
        ({"properties": None, "tags": OWNED}, [], {}),
    ],
)
def test_a_decision_is_not_carried_out_against_a_guard(
    observed: dict[str, Any], others: list[Member], spec: dict[str, Any]
) -> None:
    step = plan(observed, *others, annotations=RETIRED, **spec)
    assert isinstance(step, Wait)
    assert step.reason == Reason.KEPT


def test_a_kept_and_retired_version_is_not_deleted() -> None:
    step = plan(published(41), NEWER, annotations={**RETIRED, names.KEEP: "true"})
    assert isinstance(step, Wait)
    assert "keep" in step.message


def test_the_decision_does_not_touch_what_belongs_to_another() -> None:
    step = plan(published(41, tags={names.OWNER_TAG: "c/n/other"}), NEWER, annotations=RETIRED)
    assert isinstance(step, Blocked)
    assert step.reason == Reason.OWNERSHIP_CONFLICT


@pytest.mark.parametrize("state", ["Creating", "Updating", "Deleting", "Migrating"])
def test_the_decision_waits_for_what_runs_in_azure(state: str) -> None:
    assert isinstance(plan(published(41, state=state), NEWER, annotations=RETIRED), Wait)


# --- the tombstone ---


def test_a_retired_version_that_azure_no_longer_has_stays_as_a_tombstone() -> None:
    assert plan(None, annotations=RETIRED) == UpToDate(NOW + 7 * DAY)
    assert plan(None, annotations=RETIRED, of=parents()) == UpToDate()


def test_after_its_time_the_tombstone_goes_too() -> None:
    assert isinstance(plan(None, annotations=RETIRED, now=NOW + 7 * DAY), RemoveObject)
    assert plan(None, annotations=RETIRED, now=NOW + 6.99 * DAY) == UpToDate(NOW + 7 * DAY)


@pytest.mark.parametrize("annotation", ["by hand", "", "2026-11-23T10:00:00 no zone", "9999-12-31T23:59:59Z never"])
def test_a_tombstone_without_a_usable_time_stays(annotation: str) -> None:
    assert isinstance(plan(None, annotations={names.RETIRED: annotation}, now=NOW + 999 * DAY), UpToDate)


def test_removing_the_annotation_brings_a_version_back() -> None:
    assert isinstance(plan(None, NEWER, endOfLifeDate=text(NOW + DAY)), Create)
