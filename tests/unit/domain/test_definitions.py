"""Image definitions: every field of the spec reaches Azure, and nothing else changes there."""

from __future__ import annotations

from typing import Any

import pytest

from gallery_operator.api.conditions import Reason
from gallery_operator.api.image_definition import ImageDefinition
from gallery_operator.domain import definitions
from gallery_operator.domain.plan import Blocked, Create, Plan, Update, UpToDate, Wait
from gallery_operator.domain.resources import Attempts
from tests.unit.domain.build import DAY, NOW, OWNED, OWNER, arm_definition, definition, text

SOON = text(NOW + 30 * DAY)
STANDARD = {"name": "SecurityType", "value": "Standard"}
HIBERNATE = {"name": "IsHibernateSupported", "value": "True"}
PLAN = {"name": "n", "publisher": "p", "product": "q"}


def plan(observed: dict[str, Any] | None, **spec: Any) -> Plan:
    return definitions.plan(definition(**spec), "West Europe", observed, OWNER, Attempts(), NOW)


def test_a_new_definition_gets_explicit_defaults() -> None:
    assert plan(None) == Create(
        {
            "location": "westeurope",
            "tags": OWNED,
            "properties": {
                "osType": "Linux",
                "osState": "Generalized",
                "hyperVGeneration": "V2",
                "architecture": "x64",
                "identifier": {"publisher": "contoso", "offer": "web", "sku": "v1"},
            },
        }
    )


@pytest.mark.parametrize(
    ("spec", "field", "value"),
    [
        ({"osType": "Windows"}, "osType", "Windows"),
        ({"osState": "Specialized"}, "osState", "Specialized"),
        ({"hyperVGeneration": "V1"}, "hyperVGeneration", "V1"),
        ({"architecture": "Arm64"}, "architecture", "Arm64"),
        ({"description": "Web"}, "description", "Web"),
        ({"eula": "MIT"}, "eula", "MIT"),
        ({"privacyStatementUri": "https://example.com/p"}, "privacyStatementUri", "https://example.com/p"),
        ({"releaseNoteUri": "https://example.com/r"}, "releaseNoteUri", "https://example.com/r"),
        ({"endOfLifeDate": SOON}, "endOfLifeDate", SOON),
        (
            {"recommended": {"vCPUs": {"min": 2, "max": 8}, "memoryGB": {"min": 4}}},
            "recommended",
            {"vCPUs": {"min": 2, "max": 8}, "memory": {"min": 4}},
        ),
        ({"disallowedDiskTypes": ["Premium_LRS"]}, "disallowed", {"diskTypes": ["Premium_LRS"]}),
        ({"purchasePlan": PLAN}, "purchasePlan", PLAN),
        ({"purchasePlan": {"name": "n"}}, "purchasePlan", {"name": "n"}),
        (
            {"features": [{"name": "SecurityType", "value": "TrustedLaunch", "startsAtVersion": "1.0.0"}]},
            "features",
            [{"name": "SecurityType", "value": "TrustedLaunch", "startsAtVersion": "1.0.0"}],
        ),
    ],
)
def test_each_field_reaches_azure(spec: dict[str, Any], field: str, value: object) -> None:
    step = plan(None, **spec)
    assert isinstance(step, Create)
    assert step.body["properties"][field] == value


def test_a_past_end_of_life_is_never_sent() -> None:
    step = plan(None, endOfLifeDate=text(NOW - DAY))
    assert isinstance(step, Create)
    assert "endOfLifeDate" not in step.body["properties"]
    assert plan(arm_definition(), endOfLifeDate=text(NOW - DAY)) == UpToDate()


def test_what_the_service_fills_in_is_no_difference() -> None:
    assert plan(arm_definition()) == UpToDate()


@pytest.mark.parametrize(
    ("spec", "properties"),
    [
        ({}, {"description": "by hand", "endOfLifeDate": SOON, "disallowed": {"diskTypes": ["Premium_LRS"]}}),
        ({"disallowedDiskTypes": []}, {}),
        ({"description": ""}, {}),
        ({"releaseNoteUri": ""}, {}),
        ({"recommended": {}}, {}),
        (
            {"disallowedDiskTypes": ["Premium_LRS", "UltraSSD_LRS"]},
            {"disallowed": {"diskTypes": ["UltraSSD_LRS", "Premium_LRS"]}},
        ),
        ({"endOfLifeDate": SOON}, {"endOfLifeDate": SOON.replace("Z", ".0000000+00:00")}),
        ({"recommended": {"vCPUs": {}}}, {}),
        ({"recommended": {"vCPUs": {"min": 2}}}, {"recommended": {"vCPUs": {"min": 2, "max": None}, "memory": {}}}),
        ({"features": [{"name": "securitytype", "value": "Standard"}]}, {"features": [STANDARD]}),
        ({"features": []}, {"features": [STANDARD]}),
        ({"features": [HIBERNATE]}, {"features": [STANDARD, HIBERNATE]}),
        ({"purchasePlan": PLAN}, {"purchasePlan": PLAN}),
    ],
)
def test_the_same_wish_in_azures_words_is_up_to_date(spec: dict[str, Any], properties: dict[str, Any]) -> None:
    assert plan(arm_definition(**properties), **spec) == UpToDate()


@pytest.mark.parametrize(
    ("spec", "properties"),
    [
        ({"osType": "Windows"}, {}),
        ({"osState": "Specialized"}, {}),
        ({"hyperVGeneration": "V1"}, {}),
        ({"architecture": "Arm64"}, {}),
        ({"identifier": {"publisher": "other", "offer": "web", "sku": "v1"}}, {}),
        ({"identifier": {"publisher": "contoso", "offer": "other", "sku": "v1"}}, {}),
        ({"identifier": {"publisher": "contoso", "offer": "web", "sku": "other"}}, {}),
        ({"eula": "new"}, {"eula": "old"}),
        ({"privacyStatementUri": "https://a.example"}, {"privacyStatementUri": "https://b.example"}),
        ({"purchasePlan": PLAN}, {"purchasePlan": {**PLAN, "product": "other"}}),
    ],
)
def test_a_field_that_azure_never_changes_blocks_and_is_named(spec: dict[str, Any], properties: dict[str, Any]) -> None:
    step = plan(arm_definition(**properties), **spec)
    assert isinstance(step, Blocked)
    assert step.reason == Reason.IMMUTABLE_FIELD_DIFFERS
    assert f"spec.{next(iter(spec))}" in step.message


def test_an_immutable_field_that_azure_does_not_report_is_no_reason_to_write() -> None:
    observed = arm_definition(architecture=None, hyperVGeneration=None, identifier={})
    assert plan(observed, eula="MIT", purchasePlan=PLAN) == UpToDate()


def test_changing_features_asks_azure_to_allow_it() -> None:
    step = plan(arm_definition(), features=[{"name": "IsHibernateSupported", "value": "True"}])
    assert isinstance(step, Update)
    assert step.body["properties"]["allowUpdateImage"] is True
    assert {each["name"] for each in step.body["properties"]["features"]} == {"IsHibernateSupported", "SecurityType"}


def test_other_changes_do_not_touch_that_switch() -> None:
    step = plan(arm_definition(), description="new")
    assert isinstance(step, Update)
    assert "allowUpdateImage" not in step.body["properties"]


def test_an_update_keeps_what_others_set() -> None:
    observed = arm_definition(
        tags={**OWNED, "theirs": "1"},
        releaseNoteUri="https://example.com/r",
        recommended={"vCPUs": {"min": 1, "max": 4}, "memory": {"min": 1}},
    )
    step = plan(observed, recommended={"vCPUs": {"min": 2, "max": 4}})
    assert isinstance(step, Update)
    assert step.body["tags"] == {**OWNED, "theirs": "1"}
    assert step.body["properties"]["releaseNoteUri"] == "https://example.com/r"
    assert step.body["properties"]["recommended"] == {"vCPUs": {"min": 2, "max": 4}, "memory": {"min": 1}}


@pytest.mark.parametrize(("wanted", "changes"), [({"min": 1}, ["max: 4 -> unset"]), ({}, ["min: 1", "max: 4"])])
def test_an_end_that_a_range_leaves_open_is_cleared(wanted: dict[str, int], changes: list[str]) -> None:
    step = plan(arm_definition(recommended={"vCPUs": {"min": 1, "max": 4}}), recommended={"vCPUs": wanted})
    assert isinstance(step, Update)
    shown = [str(each).removeprefix("properties.recommended.vCPUs.") for each in step.changes]
    assert [each[: len(start)] for each, start in zip(shown, changes, strict=True)] == changes
    assert step.body["properties"]["recommended"] == {"vCPUs": wanted}


def test_a_feature_that_the_spec_drops_is_removed_but_not_the_one_that_azure_fills_in() -> None:
    step = plan(arm_definition(features=[STANDARD, HIBERNATE]), features=[])
    assert isinstance(step, Update)
    assert list(map(str, step.changes)) == ["properties.features[IsHibernateSupported]: present -> unset"]
    assert step.body["properties"]["features"] == [STANDARD]
    assert step.body["properties"]["allowUpdateImage"] is True


def test_the_past_date_of_another_does_not_come_back_in_an_update() -> None:
    step = plan(arm_definition(endOfLifeDate=text(NOW - DAY)), description="new")
    assert isinstance(step, Update)
    assert "endOfLifeDate" not in step.body["properties"]


def test_observing_never_writes() -> None:
    assert isinstance(plan(None, managementPolicy="Observe"), Wait)
    assert plan(arm_definition(tags=None), managementPolicy="Observe", description="new") == UpToDate()


def rival(
    name: str, *, days: int = 1, deleting: bool = False, identifier: dict[str, str] | None = None
) -> ImageDefinition:
    """Return another image definition, made so many days before or after the first of its gallery."""
    triple = {"publisher": "Contoso", "offer": "WEB", "sku": "v1", **(identifier or {})}
    metadata = {"name": name, "namespace": "images", "creationTimestamp": text(NOW + days * DAY)}
    if deleting:
        metadata["deletionTimestamp"] = text(NOW + 9 * DAY)
    spec = {"galleryRef": {"name": "shared"}, "osType": "Linux", "identifier": triple}
    return ImageDefinition.model_validate({"metadata": metadata, "spec": spec})


def test_the_definition_that_was_there_first_has_the_identifier() -> None:
    first, second = rival("first", days=1), rival("second", days=2)
    assert definitions.identifier_taken(first, [second]) is None
    step = definitions.identifier_taken(second, [first])
    assert isinstance(step, Blocked)
    assert step.reason == Reason.IDENTIFIER_TAKEN
    assert "'first'" in step.message


def test_of_two_definitions_of_the_same_second_one_has_the_identifier() -> None:
    one, other = rival("a"), rival("b")
    assert definitions.identifier_taken(one, [other]) is None
    assert isinstance(definitions.identifier_taken(other, [one]), Blocked)


@pytest.mark.parametrize("part", ["publisher", "offer", "sku"])
def test_definitions_may_share_two_of_the_three(part: str) -> None:
    assert definitions.identifier_taken(rival("b", days=2), [rival("a", identifier={part: "other"})]) is None


def test_an_identifier_that_is_about_to_be_free_is_waited_for() -> None:
    step = definitions.identifier_taken(rival("b", days=2), [rival("a", deleting=True)])
    assert isinstance(step, Wait)
    assert isinstance(
        definitions.identifier_taken(rival("c", days=3), [rival("a", deleting=True), rival("b")]), Blocked
    )
