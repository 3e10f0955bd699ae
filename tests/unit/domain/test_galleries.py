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


USER = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
BOTH = {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": [f"{USER}/a", f"{USER}/b"]}


def with_identity(identity: dict[str, Any] | None) -> dict[str, Any]:
    return {**arm_gallery(), **({"identity": identity} if identity else {})}


def found_identity(kind: str, *users: str) -> dict[str, Any]:
    """Return an identity as Azure answers, which spells ids as it likes."""
    system = {"principalId": "p", "tenantId": "t"} if "System" in kind else {}
    ids: dict[str, Any] = {f"{USER.upper()}/{each}": {"principalId": "q", "clientId": "c"} for each in users}
    return {"type": kind, **system, **({"userAssignedIdentities": ids} if users else {})}


def test_a_new_gallery_gets_its_identities() -> None:
    step = plan(None, identity=BOTH)
    assert isinstance(step, Create)
    ids: dict[str, Any] = {f"{USER}/a": {}, f"{USER}/b": {}}
    assert step.body["identity"] == {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": ids}
    step = plan(None, identity={"type": "SystemAssigned"})
    assert isinstance(step, Create)
    assert step.body["identity"] == {"type": "SystemAssigned"}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (None, found_identity("UserAssigned", "A")),
        (BOTH, found_identity("SystemAssigned, UserAssigned", "B", "A")),
        ({"type": "SystemAssigned"}, found_identity("SystemAssigned")),
        ({"type": "None"}, None),
        ({"type": "None"}, {"type": "None"}),
    ],
)
def test_identities_in_azures_words_are_up_to_date(wanted: Any, found: Any) -> None:
    assert plan(with_identity(found), identity=wanted) == UpToDate()


@pytest.mark.parametrize(
    ("wanted", "found", "sent"),
    [
        (
            {"type": "UserAssigned", "userAssignedIdentities": [f"{USER}/b"]},
            found_identity("UserAssigned", "a"),
            {"type": "UserAssigned", "userAssignedIdentities": {f"{USER}/b": {}}},
        ),
        ({"type": "SystemAssigned"}, found_identity("SystemAssigned, UserAssigned", "a"), {"type": "SystemAssigned"}),
        ({"type": "None"}, found_identity("SystemAssigned, UserAssigned", "a"), {"type": "None"}),
        ({"type": "SystemAssigned"}, None, {"type": "SystemAssigned"}),
    ],
)
def test_a_put_says_the_whole_identity_so_that_what_the_spec_lacks_goes(wanted: Any, found: Any, sent: Any) -> None:
    step = plan(with_identity(found), identity=wanted)
    assert isinstance(step, Update)
    assert step.body["identity"] == sent


def test_an_identity_that_the_spec_does_not_speak_of_stays_in_an_update() -> None:
    step = plan(with_identity(found_identity("SystemAssigned, UserAssigned", "a")), description="new")
    assert isinstance(step, Update)
    ids: dict[str, Any] = {f"{USER.upper()}/a": {}}
    assert step.body["identity"] == {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": ids}


@pytest.mark.parametrize("identity", [None, {}, "odd", {"type": "None"}, {"principalId": 7}])
def test_a_gallery_without_a_system_identity_reports_none(identity: Any) -> None:
    assert galleries.identity_status({"identity": identity}) is None


def test_the_system_identity_is_reported() -> None:
    status = galleries.identity_status(with_identity(found_identity("SystemAssigned")))
    assert status is not None
    assert (status.principal_id, status.tenant_id) == ("p", "t")


def test_observing_never_writes() -> None:
    assert isinstance(plan(None, managementPolicy="Observe"), Wait)
    assert plan(arm_gallery(tags=None), managementPolicy="Observe", description="new") == UpToDate()


def test_tags_in_another_case_are_the_same_tags() -> None:
    observed = arm_gallery(tags={names.OWNER_TAG: OWNER, "Team": "red"})
    assert plan(observed, tags={"team": "red"}) == UpToDate()
