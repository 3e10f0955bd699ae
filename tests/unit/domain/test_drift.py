"""driftPolicy: which wish Azure has met, and what becomes of what differs from it."""

from __future__ import annotations

from typing import Any

import pytest

from gallery_operator.api import names
from gallery_operator.api.image_definition import ImageDefinition
from gallery_operator.api.image_version import ImageVersion
from gallery_operator.domain import definitions, drift, resources, versions
from gallery_operator.domain.plan import Blocked, Create, Delete, MarkApplied, Plan, Retire, Update, UpToDate, Wait
from gallery_operator.domain.resources import Attempts
from tests.unit.domain.build import (
    DAY,
    NOW,
    OWNED,
    OWNER,
    arm_definition,
    arm_version,
    definition,
    member,
    parents,
    region,
    situation,
    text,
    version,
)

JSON = dict[str, Any]
REPORT: dict[str, Any] = {"driftPolicy": "Report"}
RETIRED = {names.RETIRED: "2026-11-23T00:00:00Z old"}


def noted(obj: Any, note: str | None) -> Any:
    """Return an object with that note on it."""
    annotations = {**obj.metadata.annotations, **({names.APPLIED: note} if note else {})}
    return obj.model_copy(update={"metadata": obj.metadata.model_copy(update={"annotations": annotations})})


def step_for(wanted: ImageDefinition, observed: JSON | None, attempts: Attempts | None = None) -> Plan:
    step = definitions.plan(wanted, "westeurope", observed, OWNER, attempts or Attempts(), NOW)
    return definitions.standing(wanted, OWNER).noted(step)


def met(**spec: Any) -> ImageDefinition:
    """Return a definition whose present wish Azure has met before."""
    wanted = definition(**REPORT, **spec)
    found: ImageDefinition = noted(wanted, definitions.standing(wanted, OWNER).digest)
    assert definitions.standing(found, OWNER).met
    return found


# --- the note ---


def test_a_wish_that_azure_meets_is_noted_once() -> None:
    wanted = definition(**REPORT, description="ours")
    step = step_for(wanted, arm_definition(description="ours"))
    assert isinstance(step, MarkApplied)
    assert step.digest is not None
    assert step_for(noted(wanted, step.digest), arm_definition(description="ours")) == UpToDate()


def test_before_another_wish_is_applied_the_note_goes() -> None:
    wanted = noted(definition(**REPORT, description="new"), "of-an-earlier-wish")
    assert step_for(wanted, arm_definition(description="old")) == MarkApplied(None)
    assert isinstance(step_for(noted(definition(**REPORT, description="new"), None), arm_definition()), Update)


@pytest.mark.parametrize("observed", [arm_definition(osType="Windows"), arm_definition(state="Updating")])
def test_a_step_that_writes_nothing_leaves_the_note(observed: JSON) -> None:
    wanted = noted(definition(**REPORT, description="new"), "of-an-earlier-wish")
    assert isinstance(step_for(wanted, observed), Blocked | Wait)


def test_objects_that_correct_their_drift_carry_no_note() -> None:
    assert isinstance(step_for(definition(), arm_definition()), UpToDate)
    assert step_for(noted(definition(), "of-an-earlier-wish"), arm_definition()) == MarkApplied(None)


def test_objects_that_only_look_neither_write_nor_lose_a_note() -> None:
    looking = noted(definition(**REPORT, managementPolicy="Observe"), "of-an-earlier-wish")
    assert step_for(looking, arm_definition(description="theirs")) == UpToDate()


# --- what differs ---


def test_what_differs_from_a_wish_that_was_met_is_drift_and_stays() -> None:
    step = step_for(met(description="ours"), arm_definition(description="theirs"))
    assert isinstance(step, UpToDate)
    assert [str(each) for each in step.drift] == ["properties.description: theirs -> ours"]


def test_a_resource_that_someone_deleted_is_not_created_again() -> None:
    assert step_for(met(), None) == UpToDate(drift=resources.DELETED)
    assert isinstance(step_for(definition(**REPORT), None), Create)


def test_what_azure_cannot_change_and_who_owns_it_stay_reasons_to_stall() -> None:
    for observed in (arm_definition(osType="Windows"), arm_definition(tags={names.OWNER_TAG: "else/where/web"})):
        assert isinstance(step_for(met(), observed), Blocked)


def test_a_failure_is_repaired_and_the_drift_beside_it_stays() -> None:
    step = step_for(met(description="ours"), arm_definition(state="Failed", description="theirs"))
    assert isinstance(step, Update)
    assert step.body["properties"]["description"] == "theirs"


# --- versions ---


def met_version(observed: JSON | None, *others: Any, **spec: Any) -> tuple[ImageVersion, Plan]:
    """Return a version whose wish was met, and the step for it now."""
    wanted = version(**REPORT, **spec)
    note = situation(wanted, observed, *others).standing.digest
    found: ImageVersion = noted(wanted, note)
    return found, versions.plan(situation(found, observed, *others))


def test_a_region_that_others_added_is_drift_and_needs_no_permission() -> None:
    _, step = met_version(arm_version(regions=[region(), region("East US 2")]), targetRegions=[{"name": "westeurope"}])
    assert isinstance(step, UpToDate)
    assert [each.path for each in step.drift] == ["properties.publishingProfile.targetRegions[East US 2]"]


def test_a_region_that_others_removed_is_drift_and_is_not_given_back() -> None:
    regions = [{"name": "westeurope"}, {"name": "eastus2"}]
    _, step = met_version(arm_version(), targetRegions=regions)
    assert isinstance(step, UpToDate)
    assert [each.path for each in step.drift] == ["properties.publishingProfile.targetRegions[eastus2]"]


@pytest.mark.parametrize("storage", [None, "no object", 7])
def test_a_failed_version_whose_disks_azure_does_not_tell_is_tried_again(storage: object) -> None:
    observed = arm_version(state="Failed", replication={"West Europe": ("Failed", 1)})
    observed["properties"]["storageProfile"] = storage
    _, step = met_version(observed, targetRegions=[{"name": "westeurope"}])
    assert isinstance(step, Update)


def test_failed_regions_are_repaired_from_the_start_where_there_is_no_drift() -> None:
    failed = arm_version(
        regions=[region(), region("East US 2")],
        replication={"West Europe": ("Completed", 100), "East US 2": ("Failed", 10)},
    )
    regions = [{"name": "westeurope"}, {"name": "eastus2"}]
    _, step = met_version(failed, targetRegions=regions)
    assert step == MarkApplied(None), "what a repair removes comes back only while the wish is not met"
    afterwards = versions.plan(situation(version(**REPORT, targetRegions=regions), failed))
    assert isinstance(afterwards, Update)
    assert afterwards.repaired == ("eastus2",)


@pytest.mark.parametrize("made", range(4))
def test_beside_drift_failed_regions_are_only_tried_again(made: int) -> None:
    failed = arm_version(
        regions=[region(replicas=3), region("East US 2")],
        replication={"West Europe": ("Completed", 100), "East US 2": ("Failed", 10)},
    )
    wanted = version(**REPORT, targetRegions=[{"name": "westeurope", "replicas": 2}, {"name": "eastus2"}])
    wanted = noted(wanted, situation(wanted, failed).standing.digest)
    step = versions.plan(situation(wanted, failed, attempts=Attempts(made)))
    assert isinstance(step, Update)
    sent = step.body["properties"]["publishingProfile"]["targetRegions"]
    assert {each["name"]: each["regionalReplicaCount"] for each in sent} == {"West Europe": 3, "East US 2": 1}


def test_a_retired_version_has_another_wish_so_that_bringing_it_back_applies_all() -> None:
    wanted = version(**REPORT)
    published = situation(wanted, arm_version()).standing.digest
    retired = version(**REPORT, annotations=RETIRED)
    standing = situation(noted(retired, published), None).standing
    assert not standing.met
    tombstone = versions.plan(situation(noted(retired, published), None))
    assert tombstone == MarkApplied(standing.digest)
    assert isinstance(versions.plan(situation(noted(wanted, standing.digest), None)), MarkApplied | Create)


def test_retirement_goes_on_where_drift_is_reported() -> None:
    due = parents(lifecycle={"endOfLife": {"after": "10d"}, "stages": {"delete": "0d"}})
    wanted, others = version(**REPORT), [member("2.0.0")]
    old = arm_version(published=NOW - 30 * DAY, excluded=True)
    wanted = noted(wanted, situation(wanted, old, *others, of=due).standing.digest)
    assert isinstance(versions.plan(situation(wanted, old, *others, of=due)), Retire)
    retired = version(**REPORT, annotations=RETIRED)
    assert isinstance(versions.plan(situation(retired, old, *others, of=due)), Delete)


def test_what_the_lifecycle_wants_is_part_of_the_wish() -> None:
    leaving = parents(lifecycle={"endOfLife": {"after": "10d"}, "stages": {"excludeFromLatest": "0d"}})
    wanted, others = version(**REPORT), [member("2.0.0")]
    assert (
        situation(wanted, arm_version(), *others, of=parents()).standing.digest
        != situation(wanted, arm_version(), *others, of=leaving).standing.digest
    )


# --- digests ---


def test_time_alone_changes_no_wish() -> None:
    wanted = version(**REPORT, endOfLifeDate=text(NOW + DAY))
    before = situation(wanted, arm_version()).standing.digest
    assert situation(wanted, arm_version(), now=NOW + 2 * DAY).standing.digest == before
    later = version(**REPORT, endOfLifeDate=text(NOW + 3 * DAY))
    assert situation(later, arm_version()).standing.digest != before


@pytest.mark.parametrize("observed", [None, arm_version(tags={}), arm_version(regions=[]), arm_version(tags=OWNED)])
def test_what_azure_has_is_no_part_of_the_wish(observed: JSON | None) -> None:
    wanted = version(**REPORT, tags={"Team": "web"})
    assert situation(wanted, observed).standing.digest == situation(wanted, arm_version()).standing.digest


def test_another_spelling_is_the_same_wish() -> None:
    one = version(**REPORT, targetRegions=[{"name": "West Europe"}, {"name": "eastus2"}], tags={"Team": "web"})
    other = version(**REPORT, targetRegions=[{"name": "East US 2"}, {"name": "westeurope"}], tags={"team": "web"})
    assert situation(one, None).standing.digest == situation(other, None).standing.digest


def test_a_note_that_was_copied_to_another_object_means_nothing() -> None:
    wish = {"properties": {"description": "ours"}}
    assert drift.digest("uid-1", wish) != drift.digest("uid-2", wish)


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"tags": {"team": "web"}, "properties": {"description": "ours"}}, "249beceb40264dbe"),
        ({"properties": {"publishingProfile": {"targetRegions": [{"name": "westeurope"}]}}}, "b8f2cabb16106b6d"),
    ],
)
def test_digests_are_the_same_in_every_release(wish: JSON, expected: str) -> None:
    """Were they not, an update of the operator would put right what was to be left."""
    assert drift.digest("uid", wish) == expected
