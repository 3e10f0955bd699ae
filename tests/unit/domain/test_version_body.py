"""Image versions: every field of the spec reaches Azure, and nothing else changes there."""

from __future__ import annotations

from typing import Any

import pytest

from gallery_operator.api import names
from gallery_operator.api.conditions import Reason
from gallery_operator.domain import versions
from gallery_operator.domain.plan import Blocked, Create, Plan, Update, UpToDate
from gallery_operator.domain.version_body import Parents, replicas_for, target_regions
from tests.unit.domain.build import (
    DAY,
    GROUP_ID,
    HOME,
    IMAGE_ID,
    NOW,
    OWNED,
    SNAPSHOT_ID,
    arm_version,
    disks,
    member,
    parents,
    region,
    situation,
    text,
    version,
)

SOON = text(NOW + 30 * DAY)
OTHER = f"{GROUP_ID}/galleries/g/images/i/versions/1.0.0"
WE, US = {"name": "West Europe"}, {"name": "East US 2"}


def plan(observed: dict[str, Any] | None, of: Parents | None = None, **spec: Any) -> Plan:
    return versions.plan(situation(version(**spec), observed, member("0.0.1"), of=of))


def created(of: Parents | None = None, **spec: Any) -> dict[str, Any]:
    step = plan(None, of, **spec)
    assert isinstance(step, Create)
    return step.body


def updated(observed: dict[str, Any], of: Parents | None = None, **spec: Any) -> tuple[dict[str, Any], list[str]]:
    step = plan(observed, of, **spec)
    assert isinstance(step, Update), step
    return step.body, [each.path.removeprefix("properties.") for each in step.changes]


def regions_of(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in body["properties"]["publishingProfile"]["targetRegions"]}


# --- create ---


def test_a_new_version_gets_explicit_defaults() -> None:
    assert created() == {
        "location": HOME,
        "tags": OWNED,
        "properties": {
            "publishingProfile": {
                "targetRegions": [
                    {
                        "name": "westeurope",
                        "regionalReplicaCount": 1,
                        "storageAccountType": "Standard_LRS",
                        "excludeFromLatest": False,
                    }
                ],
                "replicaCount": 1,
                "replicationMode": "Full",
                "excludeFromLatest": False,
                "storageAccountType": "Standard_LRS",
            },
            "storageProfile": {"source": {"id": IMAGE_ID}},
            "safetyProfile": {
                "allowDeletionOfReplicatedLocations": False,
                "blockDeletionBeforeEndOfLife": False,
            },
        },
    }


@pytest.mark.parametrize(
    ("spec", "path", "value"),
    [
        ({"tags": {"team": "red"}}, "tags.team", "red"),
        ({"replicas": 3}, "properties.publishingProfile.replicaCount", 3),
        ({"storageAccountType": "Premium_LRS"}, "properties.publishingProfile.storageAccountType", "Premium_LRS"),
        ({"excludeFromLatest": True}, "properties.publishingProfile.excludeFromLatest", True),
        ({"endOfLifeDate": SOON}, "properties.publishingProfile.endOfLifeDate", SOON),
        (
            {"safety": {"allowRegionRemoval": True}},
            "properties.safetyProfile.allowDeletionOfReplicatedLocations",
            True,
        ),
        (
            {"safety": {"blockDeletionBeforeEndOfLife": True}},
            "properties.safetyProfile.blockDeletionBeforeEndOfLife",
            True,
        ),
        ({"source": {"managedImage": {"id": IMAGE_ID}}}, "properties.storageProfile", {"source": {"id": IMAGE_ID}}),
        ({"source": {"galleryImageVersion": {"id": OTHER}}}, "properties.storageProfile", {"source": {"id": OTHER}}),
        (
            {"source": disks()},
            "properties.storageProfile.osDiskImage",
            {"source": {"id": SNAPSHOT_ID}},
        ),
        (
            {"source": {"disks": {"os": {"snapshot": {"id": SNAPSHOT_ID}, "hostCaching": "ReadOnly"}}}},
            "properties.storageProfile.osDiskImage",
            {"source": {"id": SNAPSHOT_ID}, "hostCaching": "ReadOnly"},
        ),
        (
            {"source": disks(0, 3)},
            "properties.storageProfile.dataDiskImages",
            [{"lun": each, "source": {"id": f"{GROUP_ID}/snapshots/data{each}"}} for each in (0, 3)],
        ),
    ],
)
def test_each_field_reaches_azure(spec: dict[str, Any], path: str, value: object) -> None:
    found: Any = created(**spec)
    for key in path.split("."):
        found = found[key]
    assert found == value


@pytest.mark.parametrize(
    ("fields", "key", "value"),
    [
        ({"replicas": 4}, "regionalReplicaCount", 4),
        ({"capacity": {"virtualMachines": 41}}, "regionalReplicaCount", 3),
        ({"storageAccountType": "Standard_ZRS"}, "storageAccountType", "Standard_ZRS"),
        ({"excludeFromLatest": True}, "excludeFromLatest", True),
        ({}, "regionalReplicaCount", 2),
        ({}, "storageAccountType", "Premium_LRS"),
        ({}, "excludeFromLatest", False),
    ],
)
def test_each_field_of_a_region_reaches_azure_or_comes_from_the_version(
    fields: dict[str, Any], key: str, value: object
) -> None:
    body = created(targetRegions=[WE, {**US, **fields}], replicas=2, storageAccountType="Premium_LRS")
    assert regions_of(body)["eastus2"][key] == value


@pytest.mark.parametrize(
    ("machines", "instances", "replicas"),
    [
        (1, None, 1),
        (20, None, 1),
        (21, None, 2),
        (2000, None, 100),
        (None, 600, 1),
        (None, 601, 2),
        (None, 60000, 100),
        (41, 601, 3),
        (1, 1801, 4),
    ],
)
def test_capacity_becomes_replicas_by_azures_guidance(
    machines: int | None, instances: int | None, replicas: int
) -> None:
    capacity = {"virtualMachines": machines, "scaleSetInstances": instances}
    wanted = version(targetRegions=[{**WE, "capacity": capacity}]).spec.target_regions
    assert wanted is not None
    assert replicas_for(wanted[0]) == replicas


# --- what the definition gives ---


def test_a_version_inherits_what_it_does_not_say() -> None:
    of = parents(versionDefaults={"targetRegions": [WE, US], "replicas": 2, "storageAccountType": "Standard_ZRS"})
    body = created(of)
    assert regions_of(body).keys() == {"westeurope", "eastus2"}
    assert {each["regionalReplicaCount"] for each in regions_of(body).values()} == {2}
    assert {each["storageAccountType"] for each in regions_of(body).values()} == {"Standard_ZRS"}
    assert body["properties"]["publishingProfile"]["storageAccountType"] == "Standard_ZRS"


def test_what_a_version_says_itself_wins() -> None:
    of = parents(versionDefaults={"targetRegions": [WE, US], "replicas": 2, "storageAccountType": "Standard_ZRS"})
    body = created(of, targetRegions=[WE], replicas=3, storageAccountType="Premium_LRS")
    assert regions_of(body) == {
        "westeurope": {
            "name": "westeurope",
            "regionalReplicaCount": 3,
            "storageAccountType": "Premium_LRS",
            "excludeFromLatest": False,
        }
    }


def test_without_any_region_the_home_region_is_the_target() -> None:
    assert [each.name for each in target_regions(version(), Parents("japaneast"))] == ["japaneast"]


def test_another_default_storage_changes_no_region_in_use() -> None:
    of = parents(versionDefaults={"storageAccountType": "Standard_ZRS", "targetRegions": [WE, US]})
    body, changes = updated(arm_version(), of)
    assert changes == ["publishingProfile.targetRegions[eastus2]"]
    assert regions_of(body)["westeurope"]["storageAccountType"] == "Standard_LRS"
    assert regions_of(body)["eastus2"]["storageAccountType"] == "Standard_ZRS"


# --- compare ---


@pytest.mark.parametrize(
    ("spec", "observed"),
    [
        ({}, {}),
        ({}, {"excluded": False, "regions": [region(replicas=5)]}),
        ({}, {"end_of_life": SOON}),
        ({}, {"safety": {"blockDeletionBeforeEndOfLife": True}}),
        ({"endOfLifeDate": SOON}, {"end_of_life": SOON.replace("Z", ".0000000+00:00")}),
        ({"endOfLifeDate": text(NOW - DAY)}, {"end_of_life": text(NOW - DAY)}),
        ({"targetRegions": [US, WE]}, {"regions": [region(), region("East US 2")]}),
        ({"targetRegions": [{**WE, "excludeFromLatest": False}]}, {"regions": [region()]}),
        ({"safety": {"blockDeletionBeforeEndOfLife": False}}, {"safety": {}}),
        ({"replicas": 1}, {}),
    ],
)
def test_the_same_wish_in_azures_words_is_up_to_date(spec: dict[str, Any], observed: dict[str, Any]) -> None:
    assert plan(arm_version(**observed), **spec) == UpToDate()


def test_a_version_from_disks_is_up_to_date_in_azures_words() -> None:
    made = {
        "osDiskImage": {"sizeInGB": 30, "hostCaching": "ReadWrite", "source": {"id": SNAPSHOT_ID.upper()}},
        "dataDiskImages": [{"lun": 0, "sizeInGB": 8, "source": {}}],
    }
    assert plan(arm_version(storage_profile=made), source=disks(0)) == UpToDate()


@pytest.mark.parametrize(
    ("spec", "observed", "changes"),
    [
        ({"replicas": 2}, {}, ["[westeurope].regionalReplicaCount", "replicaCount"]),
        ({"targetRegions": [{**WE, "replicas": 2}]}, {}, ["[westeurope].regionalReplicaCount"]),
        ({"targetRegions": [{**WE, "excludeFromLatest": True}]}, {}, ["[westeurope].excludeFromLatest"]),
        ({"targetRegions": [WE, US]}, {}, ["[eastus2]"]),
        ({"excludeFromLatest": True}, {}, ["excludeFromLatest"]),
        ({}, {"excluded": True}, ["excludeFromLatest"]),
        ({"endOfLifeDate": SOON}, {}, ["endOfLifeDate"]),
    ],
)
def test_each_drift_is_one_update_that_names_it(
    spec: dict[str, Any], observed: dict[str, Any], changes: list[str]
) -> None:
    _, found = updated(arm_version(**observed), **spec)
    short = [each.removeprefix("publishingProfile.").removeprefix("targetRegions") for each in found]
    assert short == changes


#: What others made before there was an object for it.
THEIRS: dict[str, Any] = {
    "tags": {},
    "excluded": True,
    "regions": [region(replicas=3), region("East US 2", storage="Premium_LRS")],
    "safety": {"allowDeletionOfReplicatedLocations": True},
}


def test_of_a_version_that_existed_before_only_the_tags_change_where_the_spec_says_nothing() -> None:
    _, found = updated(arm_version(**THEIRS))
    assert found == [f"tags.{names.OWNER_TAG}", f"tags.{names.ADOPTED_TAG}"]


@pytest.mark.parametrize(
    ("spec", "changed"),
    [
        ({"excludeFromLatest": False}, "publishingProfile.excludeFromLatest"),
        ({"safety": {}}, "safetyProfile.allowDeletionOfReplicatedLocations"),
        (
            {"targetRegions": [WE, {**US, "replicas": 2}]},
            "publishingProfile.targetRegions[eastus2].regionalReplicaCount",
        ),
    ],
)
def test_of_a_version_that_was_adopted_what_the_spec_says_is_put_right(spec: dict[str, Any], changed: str) -> None:
    adopted = {**OWNED, names.ADOPTED_TAG: "true"}
    _, found = updated(arm_version(**{**THEIRS, "tags": adopted}), **spec)
    assert found == [changed]


def test_an_update_keeps_what_others_set() -> None:
    observed = arm_version(
        tags={**OWNED, "theirs": "1"},
        regions=[region(storage="Standard_ZRS", encryption={"osDiskImage": {"diskEncryptionSetId": "/d"}})],
        end_of_life=SOON,
        safety={"blockDeletionBeforeEndOfLife": True},
    )
    observed["properties"]["securityProfile"] = {"uefiSettings": {"signatureTemplateNames": ["x"]}}
    body, _ = updated(observed, tags={"team": "red"})
    assert body["tags"] == {**OWNED, "theirs": "1", "team": "red"}
    assert body["properties"]["publishingProfile"]["endOfLifeDate"] == SOON
    assert body["properties"]["safetyProfile"]["blockDeletionBeforeEndOfLife"] is True
    assert body["properties"]["securityProfile"] == {"uefiSettings": {"signatureTemplateNames": ["x"]}}
    assert regions_of(body)["westeurope"]["storageAccountType"] == "Standard_ZRS"
    assert regions_of(body)["westeurope"]["encryption"] == {"osDiskImage": {"diskEncryptionSetId": "/d"}}


def test_an_update_holds_no_read_only_field() -> None:
    observed = arm_version(replication={"West Europe": ("Completed", 100)})
    observed["properties"]["imageMetadataProfiles"] = [{"x": 1}]
    observed["properties"]["safetyProfile"]["policyViolations"] = [{"category": "Other"}]
    body, _ = updated(observed, tags={"team": "red"})
    assert not body.keys() & {"id", "name", "type", "systemData", "etag"}
    properties = body["properties"]
    assert properties.keys() == {"publishingProfile", "storageProfile", "safetyProfile"}
    assert "publishedDate" not in properties["publishingProfile"]
    assert properties["safetyProfile"] == {"allowDeletionOfReplicatedLocations": False}
    assert properties["storageProfile"].keys() == {"source"}


def test_an_update_of_a_version_from_disks_holds_no_size_and_no_other_source() -> None:
    made = {
        "source": {},
        "osDiskImage": {"sizeInGB": 30, "hostCaching": "ReadWrite", "source": {"id": SNAPSHOT_ID}},
        "dataDiskImages": [{"lun": 0, "sizeInGB": 8, "hostCaching": "None"}],
    }
    body, _ = updated(arm_version(storage_profile=made), source=disks(0), tags={"team": "red"})
    assert body["properties"]["storageProfile"] == {
        "osDiskImage": {"hostCaching": "ReadWrite", "source": {"id": SNAPSHOT_ID}},
        "dataDiskImages": [{"lun": 0, "hostCaching": "None", "source": {"id": f"{GROUP_ID}/snapshots/data0"}}],
    }


@pytest.mark.parametrize("date", [text(NOW - DAY), text(NOW)])
def test_an_update_never_holds_a_past_end_of_life(date: str) -> None:
    body, _ = updated(arm_version(end_of_life=date), endOfLifeDate=date, tags={"team": "red"})
    assert "endOfLifeDate" not in body["properties"]["publishingProfile"]


# --- what Azure cannot change ---


@pytest.mark.parametrize(
    ("spec", "storage_profile"),
    [
        ({}, {"source": {"id": OTHER}}),
        ({}, {"osDiskImage": {"source": {"id": SNAPSHOT_ID}}}),
        ({}, {"osDiskImage": {"source": {"uri": "https://a/x.vhd"}}}),
        ({}, {"source": {"virtualMachineId": f"{GROUP_ID}/virtualMachines/x"}}),
        ({}, {"source": {"communityGalleryImageId": "/CommunityGalleries/x"}}),
        ({"source": disks()}, {"source": {"id": IMAGE_ID}}),
        ({"source": disks()}, {"osDiskImage": {"source": {"id": f"{GROUP_ID}/snapshots/else"}}}),
    ],
)
@pytest.mark.parametrize("tags", [{}, {"team": "red"}], ids=["alone", "with another change"])
def test_a_version_that_was_made_from_something_else_is_not_taken_for_this_one(
    spec: dict[str, Any], storage_profile: dict[str, Any], tags: dict[str, str]
) -> None:
    step = plan(arm_version(storage_profile=storage_profile), **spec, tags=tags)
    assert isinstance(step, Blocked)
    assert step.reason == Reason.IMMUTABLE_FIELD_DIFFERS
    assert "spec.source" in step.message


def test_a_source_that_azure_does_not_report_is_no_conflict() -> None:
    assert plan(arm_version(storage_profile={"osDiskImage": {"sizeInGB": 30, "source": {}}})) == UpToDate()


def test_a_version_in_another_home_region_is_a_conflict() -> None:
    observed = {**arm_version(regions=[region(), region("East US 2")]), "location": "eastus2"}
    step = plan(observed, targetRegions=[WE, US])
    assert isinstance(step, Blocked)
    assert step.reason == Reason.IMMUTABLE_FIELD_DIFFERS
    assert "spec.location (location: eastus2 -> westeurope)" in step.message


@pytest.mark.parametrize("name", [False, 7, None])
def test_a_region_of_an_adopted_version_that_has_no_name_is_passed_over(name: object) -> None:
    odd = {**region(), "name": name}
    observed = arm_version(tags={}, regions=[region(), odd])
    assert [each.name for each in target_regions(version(), parents(), observed)] == [HOME]
