"""What a version's plan refuses, waits for and repairs."""

from __future__ import annotations

from typing import Any

import pytest

from gallery_operator.api.conditions import Reason
from gallery_operator.domain import versions
from gallery_operator.domain.plan import Blocked, Create, Plan, Update, UpToDate, Wait
from gallery_operator.domain.resources import ATTEMPTS, Attempts
from gallery_operator.domain.version_body import Parents
from tests.unit.domain.build import DAY, NOW, arm_version, member, parents, region, situation, text, version

WE, US, JP = {"name": "West Europe"}, {"name": "East US 2"}, {"name": "Japan East"}
TWO = [region(), region("East US 2")]


def plan(
    observed: dict[str, Any] | None, attempts: Attempts | None = None, of: Parents | None = None, **spec: Any
) -> Plan:
    return versions.plan(situation(version(**spec), observed, member("0.0.1"), of=of, attempts=attempts))


def sent_regions(step: Plan) -> list[str]:
    assert isinstance(step, Update | Create), step
    return [each["name"] for each in step.body["properties"]["publishingProfile"]["targetRegions"]]


def blocked(step: Plan, reason: Reason) -> str:
    assert isinstance(step, Blocked), step
    assert step.reason == reason
    return step.message


# --- regions ---


def test_dropping_a_region_is_refused_and_names_the_mend() -> None:
    message = blocked(plan(arm_version(regions=TWO), targetRegions=[WE]), Reason.REGION_REMOVAL_NOT_ALLOWED)
    assert "East US 2" in message
    assert "allowRegionRemoval" in message


def test_another_change_does_not_carry_a_dropped_region_along() -> None:
    step = plan(arm_version(regions=TWO), targetRegions=[WE, JP], replicas=3, tags={"team": "red"})
    blocked(step, Reason.REGION_REMOVAL_NOT_ALLOWED)


def test_dropping_a_region_is_done_when_the_spec_allows_it_and_azure_is_told_so() -> None:
    step = plan(arm_version(regions=TWO), targetRegions=[WE], safety={"allowRegionRemoval": True})
    assert sent_regions(step) == ["westeurope"]
    assert isinstance(step, Update)
    assert step.body["properties"]["safetyProfile"]["allowDeletionOfReplicatedLocations"] is True


def test_a_region_that_failed_may_be_dropped() -> None:
    observed = arm_version(regions=TWO, replication={"West Europe": ("Completed", 100), "East US 2": ("Failed", 1)})
    assert sent_regions(plan(observed, targetRegions=[WE])) == ["westeurope"]


def test_fewer_default_regions_of_the_definition_drop_no_region() -> None:
    step = plan(arm_version(regions=TWO), of=parents(versionDefaults={"targetRegions": [WE]}))
    blocked(step, Reason.REGION_REMOVAL_NOT_ALLOWED)


@pytest.mark.parametrize("allow", [False, True])
def test_the_storage_type_of_a_region_in_use_cannot_change(allow: bool) -> None:
    wanted = [{**WE, "storageAccountType": "Standard_ZRS"}]
    message = blocked(
        plan(arm_version(), targetRegions=wanted, safety={"allowRegionRemoval": allow}), Reason.STORAGE_TYPE_DIFFERS
    )
    assert "Standard_LRS -> Standard_ZRS" in message


def test_the_storage_type_is_compared_without_case() -> None:
    assert plan(arm_version(regions=[region(storage="standard_lrs")]), storageAccountType="Standard_LRS") == UpToDate()


@pytest.mark.parametrize("observed", [None, arm_version()])
def test_the_home_region_must_be_a_target(observed: dict[str, Any] | None) -> None:
    message = blocked(plan(observed, targetRegions=[US]), Reason.HOME_REGION_NOT_A_TARGET)
    assert "westeurope" in message
    assert "eastus2" in message


# --- the definition's end ---


def test_a_definition_past_its_end_takes_no_new_versions() -> None:
    blocked(plan(None, of=parents(endOfLifeDate=text(NOW))), Reason.DEFINITION_END_OF_LIFE)


def test_a_definition_past_its_end_goes_on_managing_what_it_has() -> None:
    step = plan(arm_version(), of=parents(endOfLifeDate=text(NOW - DAY)), tags={"team": "red"})
    assert isinstance(step, Update)


def test_before_its_end_a_definition_takes_versions() -> None:
    assert isinstance(plan(None, of=parents(endOfLifeDate=text(NOW + DAY))), Create)


# --- states ---


@pytest.mark.parametrize("state", ["Creating", "Updating", "Deleting", "Migrating"])
def test_nothing_is_sent_while_azure_is_at_work(state: str) -> None:
    assert isinstance(plan(arm_version(state=state), replicas=3), Wait)


@pytest.mark.parametrize("state", ["Canceled", "Paused", "succeeded", None])
def test_an_unknown_state_stops_nothing(state: str | None) -> None:
    assert plan(arm_version(state=state)) == UpToDate()


def test_an_object_of_another_owner_blocks_every_step() -> None:
    observed = arm_version(tags={"gallery-operator.owner": "c/n/other"})
    blocked(plan(observed, replicas=3), Reason.OWNERSHIP_CONFLICT)


def test_observing_never_writes() -> None:
    wanted = version(managementPolicy="Observe", replicas=9, annotations={"gallery-operator.io/retired": "now"})
    assert versions.plan(situation(wanted, arm_version(tags=None), member("2.0.0"))) == UpToDate()
    assert isinstance(versions.plan(situation(wanted, None)), Wait)


# --- repair ---

REPLICATION = {"West Europe": ("Completed", 100), "East US 2": ("Failed", 40)}


def repair(
    made: int,
    wait: float = 0.0,
    state: str = "Succeeded",
    replication: dict[str, tuple[str, int]] | None = None,
    **spec: Any,
) -> Plan:
    observed = arm_version(state=state, regions=TWO, replication=replication or REPLICATION)
    return plan(observed, Attempts(made, wait), **{"targetRegions": [WE, US], **spec})


@pytest.mark.parametrize("state", ["Succeeded", "Failed", "Canceled"])
@pytest.mark.parametrize("made", range(ATTEMPTS))
def test_a_failed_region_is_retried_then_removed_to_be_added_again(made: int, state: str) -> None:
    step = repair(made, state=state)
    assert isinstance(step, Update)
    assert step.repaired == ("eastus2",)
    assert "eastus2 (no capacity)" in step.why
    assert sent_regions(step) == (["westeurope", "eastus2"] if made % 2 == 0 else ["westeurope"])


def test_removing_a_failed_region_tells_azure_that_it_may() -> None:
    step = repair(1)
    assert isinstance(step, Update)
    assert step.body["properties"]["safetyProfile"]["allowDeletionOfReplicatedLocations"] is True


@pytest.mark.parametrize("zones", [None, [{"name": "microsoftedge1", "region": "eastus2"}]], ids=["unset", "wanted"])
@pytest.mark.parametrize("made", range(ATTEMPTS))
def test_a_failed_region_with_an_edge_zone_is_not_removed_as_azure_takes_no_zone_without_it(
    made: int, zones: list[dict[str, str]] | None
) -> None:
    observed = arm_version(regions=TWO, replication={"West Europe": ("Completed", 100), "East US 2": ("Failed", 5)})
    observed["properties"]["publishingProfile"]["targetExtendedLocations"] = [
        {"name": "East US 2", "extendedLocation": {"name": "microsoftedge1", "type": "EdgeZone"}}
    ]
    step = plan(observed, Attempts(made), targetRegions=[WE, US], edgeZones=zones)
    assert [each.casefold().replace(" ", "") for each in sent_regions(step)] == ["westeurope", "eastus2"]


def test_a_region_that_was_removed_for_repair_is_added_again() -> None:
    observed = arm_version(replication={"West Europe": ("Completed", 100)})
    step = plan(observed, Attempts(2, 600.0), targetRegions=[WE, US])
    assert sent_regions(step) == ["westeurope", "eastus2"]


@pytest.mark.parametrize("made", range(ATTEMPTS))
def test_the_home_region_is_never_removed(made: int) -> None:
    both = {"West Europe": ("Failed", 0), "East US 2": ("Failed", 0)}
    assert "westeurope" in sent_regions(repair(made, replication=both))
    alone = {"West Europe": ("Failed", 0), "East US 2": ("Completed", 100)}
    assert sent_regions(repair(made, replication=alone)) == ["westeurope", "eastus2"]


@pytest.mark.parametrize("state", ["Succeeded", "Failed"])
def test_a_repair_waits_for_its_time(state: str) -> None:
    step = repair(1, 90.0, state)
    assert isinstance(step, Wait)
    assert (step.reason, step.after) == (Reason.REPAIRING, 90.0)
    assert "no capacity" in step.message


@pytest.mark.parametrize("state", ["Succeeded", "Failed"])
def test_repairs_end_and_say_which_region(state: str) -> None:
    assert "eastus2 (no capacity)" in blocked(repair(ATTEMPTS, state=state), Reason.REPLICATION_FAILED)


def test_a_changed_wish_comes_before_a_repair() -> None:
    step = repair(ATTEMPTS, replicas=3)
    assert isinstance(step, Update)
    assert step.changes
    assert not step.repaired


def test_a_repair_never_drops_a_region_that_the_spec_no_longer_names_silently() -> None:
    replication = {"West Europe": ("Failed", 0), "East US 2": ("Completed", 100)}
    step = repair(1, state="Failed", replication=replication, targetRegions=[WE])
    blocked(step, Reason.REGION_REMOVAL_NOT_ALLOWED)


def test_the_failure_of_a_region_that_is_gone_needs_no_repair() -> None:
    observed = arm_version(replication=REPLICATION)
    assert plan(observed, targetRegions=[WE]) == UpToDate()


def test_a_failed_version_without_region_states_is_sent_again() -> None:
    step = plan(arm_version(state="Failed"), Attempts(2, 0.0))
    assert isinstance(step, Update)
    assert "attempt 3" in step.why
    assert step.body["properties"]["storageProfile"].keys() == {"source"}


def test_a_failed_version_is_given_up_after_its_attempts() -> None:
    blocked(plan(arm_version(state="Failed"), Attempts(ATTEMPTS, 0.0)), Reason.PROVISIONING_FAILED)
