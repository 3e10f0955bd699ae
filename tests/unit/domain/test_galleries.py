"""Galleries: every field of the spec reaches Azure, and nothing else changes there."""

from __future__ import annotations

from typing import Any

import pytest

from gallery_operator.api import names
from gallery_operator.api.conditions import Reason
from gallery_operator.domain import galleries
from gallery_operator.domain.plan import Blocked, Create, Plan, Update, UpToDate, Wait
from gallery_operator.domain.resources import Attempts
from tests.unit.domain.build import NOW, OWNED, OWNER, arm_gallery, gallery


def plan(observed: dict[str, Any] | None, **spec: Any) -> Plan:
    return galleries.plan(gallery(**spec), observed, OWNER, Attempts(), NOW)


def test_a_new_gallery_gets_explicit_defaults() -> None:
    step = plan(None)
    assert step == Create(
        {
            "location": "westeurope",
            "tags": OWNED,
            "properties": {"softDeletePolicy": {"isSoftDeleteEnabled": False}},
        }
    )


@pytest.mark.parametrize(
    ("spec", "path", "value"),
    [
        ({"location": "East US 2"}, "location", "eastus2"),
        ({"description": "Images"}, "properties.description", "Images"),
        ({"tags": {"team": "red"}}, "tags.team", "red"),
        ({"softDelete": {"enabled": True}}, "properties.softDeletePolicy.isSoftDeleteEnabled", True),
        (
            {"softDelete": {"enabled": True, "retentionDays": 9}},
            "properties.softDeletePolicy.retentionPeriodInDays",
            9,
        ),
        ({"softDelete": {"enabled": True, "graceDays": 0}}, "properties.softDeletePolicy.gracePeriodInDays", 0),
    ],
)
def test_each_field_reaches_azure(spec: dict[str, Any], path: str, value: object) -> None:
    step = plan(None, **spec)
    assert isinstance(step, Create)
    found: Any = step.body
    for key in path.split("."):
        found = found[key]
    assert found == value


def test_what_the_spec_leaves_open_stays_as_azure_has_it() -> None:
    observed = arm_gallery(description="by hand", softDeletePolicy={"isSoftDeleteEnabled": True})
    assert plan(observed) == UpToDate()


def test_a_changed_tag_is_put_right_and_foreign_tags_stay() -> None:
    step = plan(arm_gallery(tags={**OWNED, "team": "blue", "theirs": "1"}), tags={"team": "red"})
    assert isinstance(step, Update)
    assert [str(each) for each in step.changes] == ["tags.team: blue -> red"]
    assert step.body["tags"] == {**OWNED, "team": "red", "theirs": "1"}


def test_a_gallery_in_another_region_is_a_conflict_that_names_both() -> None:
    step = plan(arm_gallery(location="eastus2"))
    assert isinstance(step, Blocked)
    assert step.reason == Reason.IMMUTABLE_FIELD_DIFFERS
    assert "location: eastus2 -> westeurope" in step.message


def test_an_update_holds_no_read_only_field() -> None:
    observed = arm_gallery(
        sharingStatus={"aggregatedState": "Succeeded"},
        sharingProfile={
            "permissions": "Community",
            "groups": [{"type": "Subscriptions"}],
            "communityGalleryInfo": {
                "publisherUri": "https://example.com",
                "communityGalleryEnabled": True,
                "publicNames": ["p"],
            },
        },
    )
    observed["identity"] = {"type": "SystemAssigned", "principalId": "p", "tenantId": "t"}
    step = plan(observed, description="new")
    assert isinstance(step, Update)
    assert step.body["identity"] == {"type": "SystemAssigned"}
    assert step.body["properties"] == {
        "description": "new",
        "softDeletePolicy": {"isSoftDeleteEnabled": False},
        "sharingProfile": {
            "permissions": "Community",
            "communityGalleryInfo": {"publisherUri": "https://example.com"},
        },
    }


@pytest.mark.parametrize("profile", [None, {}, {"permissions": "Private"}, {"permissions": None}, "odd", [1]])
def test_a_gallery_without_sharing_is_private(profile: Any) -> None:
    assert plan(arm_gallery(sharingProfile=profile), sharing={"permissions": "Private"}) == UpToDate()


def test_a_shared_gallery_does_not_meet_a_private_wish() -> None:
    step = plan(arm_gallery(sharingProfile={"permissions": "Community"}), sharing={})
    assert isinstance(step, Blocked)
    assert step.reason == Reason.SHARING_DIFFERS


def test_sharing_is_left_alone_when_the_spec_does_not_speak_of_it() -> None:
    assert plan(arm_gallery(sharingProfile={"permissions": "Community"})) == UpToDate()


def test_observing_never_writes() -> None:
    assert isinstance(plan(None, managementPolicy="Observe"), Wait)
    assert plan(arm_gallery(tags=None), managementPolicy="Observe", description="new") == UpToDate()


def test_tags_in_another_case_are_the_same_tags() -> None:
    observed = arm_gallery(tags={names.OWNER_TAG: OWNER, "Team": "red"})
    assert plan(observed, tags={"team": "red"}) == UpToDate()
