"""What all kinds have in common: ownership, busy states, failures, deletion."""

from __future__ import annotations

from typing import Any

import pytest

from gallery_operator.api import names
from gallery_operator.api.conditions import Reason
from gallery_operator.domain import resources
from gallery_operator.domain.plan import Blocked, Create, Delete, Plan, Update, UpToDate, Wait
from gallery_operator.domain.resources import ATTEMPTS, Attempts, Wish
from tests.unit.domain.build import DAY, NOW, OWNED, OWNER, arm_gallery, text

ADOPTED = {names.OWNER_TAG: OWNER, names.ADOPTED_TAG: "true"}
FOREIGN = {names.OWNER_TAG: "cluster-2/other/web"}


def plan(observed: dict[str, Any] | None, attempts: Attempts | None = None, **fields: object) -> Plan:
    tags = resources.wanted_tags(None, OWNER, observed)
    wish = Wish({"location": "westeurope", "tags": tags, "properties": dict(fields)})
    return resources.plan(wish, observed, OWNER, attempts or Attempts(), NOW)


# --- ownership ---


def test_what_does_not_exist_is_created_with_the_owner_tag() -> None:
    step = plan(None)
    assert isinstance(step, Create)
    assert step.body["tags"] == OWNED


def test_what_existed_before_is_taken_over_and_marked_as_adopted() -> None:
    step = plan(arm_gallery(tags={"theirs": "1"}))
    assert isinstance(step, Update)
    assert step.body["tags"] == {"theirs": "1", **ADOPTED}


def test_the_mark_of_adoption_stays_on_later_updates() -> None:
    step = plan(arm_gallery(tags=ADOPTED), description="new")
    assert isinstance(step, Update)
    assert step.body["tags"] == ADOPTED


@pytest.mark.parametrize("state", ["Succeeded", "Failed", "Updating", "Deleting"])
def test_what_belongs_to_another_object_is_never_touched(state: str) -> None:
    step = plan(arm_gallery(tags=FOREIGN, state=state), description="new")
    assert isinstance(step, Blocked)
    assert step.reason == Reason.OWNERSHIP_CONFLICT
    assert "cluster-2/other/web" in step.message


def test_the_owner_tag_is_found_in_any_case() -> None:
    assert plan(arm_gallery(tags={names.OWNER_TAG.upper(): OWNER})) == UpToDate()
    assert isinstance(plan(arm_gallery(tags={names.OWNER_TAG.upper(): "someone/else"})), Blocked)


def test_a_tag_keeps_the_spelling_that_azure_has() -> None:
    observed = arm_gallery(tags={**OWNED, "TEAM": "red"})
    assert resources.wanted_tags({"team": "blue"}, OWNER, observed) == {"TEAM": "blue", **OWNED}


@pytest.mark.parametrize(
    ("tags", "retain", "stays"),
    [
        (OWNED, None, False),
        (ADOPTED, None, True),
        ({}, None, True),
        (FOREIGN, None, True),
        (OWNED, True, True),
        (ADOPTED, False, False),
        ({}, False, True),
        (FOREIGN, False, True),
        (FOREIGN, True, True),
    ],
)
def test_deletion_takes_what_policy_or_origin_gives_and_never_what_is_of_others(
    tags: dict[str, str], retain: bool | None, stays: bool
) -> None:
    step = resources.deletion(arm_gallery(tags=tags), OWNER, retain)
    assert (step is None) if stays else isinstance(step, Delete)


def test_what_is_gone_needs_no_deletion() -> None:
    assert resources.deletion(None, OWNER, False) is None


@pytest.mark.parametrize("state", sorted(resources.BUSY))
def test_deletion_waits_for_what_runs_in_azure(state: str) -> None:
    assert isinstance(resources.deletion(arm_gallery(state=state), OWNER, None), Wait)


# --- states ---


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("Creating", Reason.CREATING),
        ("Updating", Reason.UPDATING),
        ("Deleting", Reason.DELETING),
        ("Migrating", Reason.BUSY),
    ],
)
def test_nothing_is_sent_while_azure_is_at_work(state: str, reason: Reason) -> None:
    step = plan(arm_gallery(state=state), description="new")
    assert isinstance(step, Wait)
    assert step.reason == reason


@pytest.mark.parametrize("state", ["Canceled", "Validating", "", None, 7, {}])
def test_a_state_that_nobody_knows_is_neither_busy_nor_failed(state: Any) -> None:
    assert plan(arm_gallery(state=state)) == UpToDate()
    assert isinstance(plan(arm_gallery(state=state), description="new"), Update)


def test_a_long_state_is_cut() -> None:
    assert resources.provisioning_state(arm_gallery(state="x" * 10_000)) == "x" * 64


def test_a_failed_resource_is_sent_again() -> None:
    step = plan(arm_gallery(state="Failed"), Attempts(1, 0.0))
    assert isinstance(step, Update)
    assert not step.changes
    assert "attempt 2" in str(step)


def test_the_next_attempt_waits_for_its_time() -> None:
    assert plan(arm_gallery(state="Failed"), Attempts(1, 30.0)) == Wait(
        Reason.REPAIRING, "Azure reports Failed; the next attempt is due", 30.0
    )


def test_attempts_end() -> None:
    step = plan(arm_gallery(state="Failed"), Attempts(ATTEMPTS, 0.0))
    assert isinstance(step, Blocked)
    assert step.reason == Reason.PROVISIONING_FAILED
    assert names.RECONCILE_REQUESTED_AT in step.message


def test_a_changed_wish_is_sent_to_a_failed_resource_whatever_the_attempts() -> None:
    assert isinstance(plan(arm_gallery(state="Failed"), Attempts(ATTEMPTS, 9.0), description="mended"), Update)


def test_observing_waits_for_what_does_not_exist_and_changes_nothing() -> None:
    missing = resources.observe_only(None)
    assert isinstance(missing, Wait)
    assert missing.reason == Reason.NOT_FOUND
    assert isinstance(resources.observe_only(arm_gallery(state="Updating")), Wait)
    assert resources.observe_only(arm_gallery(state="Failed", tags=FOREIGN)) == UpToDate()


# --- the body of an update ---


def test_an_update_holds_what_was_there() -> None:
    observed = arm_gallery(tags={**OWNED, "theirs": "1"}, description="by hand")
    step = plan(observed, softDeletePolicy={"isSoftDeleteEnabled": True})
    assert isinstance(step, Update)
    assert step.body["tags"]["theirs"] == "1"
    assert step.body["properties"]["description"] == "by hand"


def test_an_update_holds_no_read_only_field() -> None:
    step = plan(arm_gallery(), description="new")
    assert isinstance(step, Update)
    assert not step.body.keys() & {"id", "name", "type", "systemData", "etag"}
    assert "provisioningState" not in step.body["properties"]


@pytest.mark.parametrize(
    ("days", "sent"), [(-1, False), (0, False), (1, True)], ids=["has passed", "is now", "is to come"]
)
def test_an_end_of_life_is_sent_again_only_while_it_is_to_come(days: int, sent: bool) -> None:
    step = plan(arm_gallery(endOfLifeDate=text(NOW + days * DAY)), description="new")
    assert isinstance(step, Update)
    assert ("endOfLifeDate" in step.body["properties"]) is sent


def test_a_date_is_written_as_azure_writes_it() -> None:
    assert resources.future(NOW + DAY, NOW) == "2026-11-24T10:00:00Z"
    assert resources.future(NOW, NOW) is None
    assert resources.future(None, NOW) is None
