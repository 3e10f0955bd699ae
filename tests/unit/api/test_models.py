"""The models read what the API server delivers, and write what it takes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gallery_operator.api import crd
from gallery_operator.api.base import ApiModel, DriftPolicy, Duration, Offset
from gallery_operator.api.conditions import Condition
from gallery_operator.api.gallery import Gallery, GalleryStatus
from gallery_operator.api.image_definition import ImageDefinition, ImageDefinitionStatus
from gallery_operator.api.image_version import ImageVersion, ImageVersionStatus, RegionStatus, ReplicationStatus
from gallery_operator.api.sharing import Sharing
from gallery_operator.api.target_regions import DiskSecurity, Encryption
from tests.integration.admission.manifests import DEFINITION_ID, ENCRYPTION, FULL, MINIMAL, STORED

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
MODELS = {kind.kind: kind.resource for kind in crd.KINDS}
HOURS = {"h": 1, "d": 24, "w": 168}


def delivered(kind: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """Return an object as a watch delivers it, with what we do not read."""
    return {
        "apiVersion": "gallery-operator.io/v1alpha1",
        "kind": kind,
        "metadata": {
            "name": "platform-images",
            "namespace": "team-a",
            "uid": "0b4a1f0e-0000-0000-0000-000000000000",
            "generation": 3,
            "resourceVersion": "4711",
            "creationTimestamp": "2026-11-01T08:00:00Z",
            "managedFields": [{"manager": "kubectl"}],
            **metadata,
        },
        "spec": spec,
        "status": {"observedGeneration": -1},
    }


def version(**metadata: Any) -> ImageVersion:
    return ImageVersion.model_validate(delivered("ImageVersion", MINIMAL["ImageVersion"], **metadata))


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("specs", STORED.values(), ids=STORED)
def test_an_object_survives_reading_and_writing(kind: str, specs: dict[str, Any]) -> None:
    model: Any = MODELS[kind].model_validate(delivered(kind, specs[kind]))
    assert MODELS[kind].model_validate(model.model_dump(by_alias=True, mode="json")) == model


def without_defaults(written: Any, given: Any) -> Any:
    """Return what was written, without the fields that were not given: they are defaults, or empty."""
    if isinstance(given, dict):
        return {key: without_defaults(written[key], value) for key, value in given.items()}
    if isinstance(given, list):
        return [without_defaults(*pair) for pair in zip(written, given, strict=True)]
    return written


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("specs", STORED.values(), ids=STORED)
def test_every_field_is_read_and_written_by_its_own_name(kind: str, specs: dict[str, Any]) -> None:
    # Times and durations are written in another form than they are given in.
    spec = {name: value for name, value in specs[kind].items() if name not in ("endOfLifeDate", "lifecycle")}
    written = MODELS[kind].model_validate(delivered(kind, specs[kind])).model_dump(by_alias=True, mode="json")["spec"]
    assert without_defaults(written, spec) == spec


def test_names_with_capitals_in_a_row_are_those_of_azure() -> None:
    profile = {
        "confidentialVMEncryptionType": "EncryptedWithCmk",
        "secureVMDiskEncryptionSetId": ENCRYPTION["osDisk"]["diskEncryptionSetId"],
    }
    read = Encryption.model_validate({"osDisk": {"securityProfile": profile}})
    assert read.os_disk is not None
    assert read.os_disk.security_profile is not None
    assert read.os_disk.security_profile.model_dump(by_alias=True) == profile
    with pytest.raises(ValidationError, match="confidentialVMEncryptionType"):
        DiskSecurity.model_validate({"confidentialVmEncryptionType": "EncryptedWithCmk"})


def test_what_an_object_from_before_a_field_says_of_it_is_its_default() -> None:
    spec = version().spec
    assert (spec.drift_policy, spec.replication_mode, spec.edge_zones) == (DriftPolicy.CORRECT, "Full", None)
    assert spec.source.tenant_id is None


def test_the_newer_parts_of_a_status_are_written_as_the_api_server_stores_them() -> None:
    times = {
        "deletedAt": "2026-11-23T10:00:00Z",
        "consumptionEndTime": "2026-11-30T10:00:00Z",
        "hardDeletionTargetTime": "2026-12-07T10:00:00Z",
    }
    regions = [{"name": "westeurope", "state": "Failed", "details": "no quota"}]
    stored: dict[type[ApiModel], dict[str, Any]] = {
        GalleryStatus: {
            "sharing": {
                "permissions": "Community",
                "state": "InProgress",
                "communityEnabled": True,
                "publicNames": ["contoso-3f1c"],
                "regions": regions,
            },
            "identity": {"principalId": "p", "tenantId": "t"},
        },
        ImageDefinitionStatus: {"softDeletedVersions": [{"version": "1.0.0", **times}]},
        ImageVersionStatus: {
            "softDeleted": times,
            "replication": {
                "state": "InProgress",
                "progress": 0,
                "summary": "0/1",
                "regions": [{"name": "westus", "state": "Failed", "progress": 0, "nextAttemptAt": times["deletedAt"]}],
                "edgeZones": [{"name": "microsoftlosangeles1", "state": "Pending", "progress": 0}],
            },
        },
    }
    for model, own in stored.items():
        status = {"observedGeneration": 1, "conditions": [], **own}
        assert model.model_validate(status).model_dump(by_alias=True, mode="json", exclude_none=True) == status


def test_a_status_is_written_as_the_api_server_stores_it() -> None:
    stored = {
        "observedGeneration": 3,
        "id": f"{DEFINITION_ID}/versions/1.0.0",
        "publishedDate": "2026-11-23T10:00:00Z",
        "latest": True,
        "replication": {
            "state": "InProgress",
            "progress": 64,
            "summary": "1/2",
            "regions": [
                {"name": "westeurope", "state": "Completed", "progress": 100, "storageAccountType": "Standard_ZRS"},
                {"name": "eastus2", "state": "Replicating", "progress": 28},
            ],
        },
        "endOfLife": {"date": "2027-06-30T00:00:00Z", "stage": "Active", "nextAction": "Delete"},
        "conditions": [
            {
                "type": "Ready",
                "status": "False",
                "reason": "Replicating",
                "message": "1/2 regions",
                "lastTransitionTime": "2026-11-23T10:00:00Z",
                "observedGeneration": 3,
            }
        ],
    }
    status = ImageVersionStatus.model_validate(stored)
    assert status.model_dump(by_alias=True, mode="json", exclude_none=True) == stored


def test_names_in_azure_follow_from_names_in_kubernetes() -> None:
    gallery = Gallery.model_validate(delivered("Gallery", MINIMAL["Gallery"]))
    definition = ImageDefinition.model_validate(delivered("ImageDefinition", MINIMAL["ImageDefinition"]))
    assert (gallery.azure_name, definition.azure_name) == ("platform_images", "platform-images")
    gallery = Gallery.model_validate(delivered("Gallery", FULL["Gallery"]))
    definition = ImageDefinition.model_validate(delivered("ImageDefinition", FULL["ImageDefinition"]))
    assert (gallery.azure_name, definition.azure_name) == ("Platform.images_1", "Ubuntu-24.04_lts")


def test_metadata_says_what_a_person_or_the_api_server_decided() -> None:
    plain = version()
    assert (plain.paused, plain.keep, plain.retired, plain.deleting, plain.finalizer_present) == (
        False,
        False,
        None,
        False,
        False,
    )
    marked = version(
        deletionTimestamp="2026-11-23T10:00:00Z",
        finalizers=["gallery-operator.io/azure-cleanup"],
        annotations={
            "gallery-operator.io/paused": "true",
            "gallery-operator.io/keep": "true",
            "gallery-operator.io/retired": "2026-11-23T10:00:00Z too old",
        },
    )
    assert (marked.paused, marked.keep, marked.deleting, marked.finalizer_present) == (True, True, True, True)
    assert marked.retired == "2026-11-23T10:00:00Z too old"
    assert not version(annotations={"gallery-operator.io/paused": "false"}).paused


def test_annotations_of_an_image_version_are_read() -> None:
    assert not version().bypasses_soft_delete
    assert version(annotations={"gallery-operator.io/bypass-soft-delete": "true"}).bypasses_soft_delete
    assert not version(annotations={"gallery-operator.io/bypass-soft-delete": "yes"}).bypasses_soft_delete
    assert version().recreated is None
    assert version(annotations={"gallery-operator.io/recreated": "2026-11-23"}).recreated == "2026-11-23"


@pytest.mark.parametrize(("policy", "retain"), [("Retain", True), ("Delete", False), (None, None)])
def test_an_unset_deletion_policy_leaves_it_to_the_origin(policy: str | None, retain: bool | None) -> None:
    spec = MINIMAL["Gallery"] | ({"deletionPolicy": policy} if policy else {})
    assert Gallery.model_validate(delivered("Gallery", spec)).retain is retain


def test_an_object_of_a_newer_operator_is_read_without_the_fields_we_do_not_know() -> None:
    newer = delivered("Gallery", MINIMAL["Gallery"] | {"colour": "blue", "sharing": {"audience": ["everyone"]}})
    spec = Gallery.model_validate(newer).spec
    assert (spec.location, spec.sharing) == ("westeurope", Sharing())


@given(st.integers(0, 99999), st.sampled_from("hdw"))
def test_every_duration_the_api_server_takes_is_read(number: int, unit: str) -> None:
    assert TypeAdapter(Duration).validate_python(f"{number:02}{unit}") == timedelta(hours=number * HOURS[unit])


@given(st.integers(-99999, 99999), st.sampled_from("hdw"))
def test_every_offset_the_api_server_takes_is_read(number: int, unit: str) -> None:
    assert TypeAdapter(Offset).validate_python(f"{number}{unit}") == timedelta(hours=number * HOURS[unit])


@given(st.integers(-99999, 99999), st.sampled_from(["2000-01-01T00:00:00+14:00", "2999-12-31T23:59:59.999999-14:00"]))
def test_no_offset_leads_out_of_the_calendar(weeks: int, date: str) -> None:
    spec = MINIMAL["ImageVersion"] | {"endOfLifeDate": date}
    end = ImageVersion.model_validate(delivered("ImageVersion", spec)).spec.end_of_life_date
    assert end is not None
    assert (end + TypeAdapter(Offset).validate_python(f"{weeks}w")).astimezone(UTC).year > 0


@pytest.mark.parametrize("text", ["1.5d", "10m", "7", "d", "", "--1d", "²d", 7.5, None])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Duration).validate_python(text, strict=True)


def test_a_status_finds_its_condition_by_type() -> None:
    row = {"type": "Ready", "status": "True", "reason": "Replicated", "message": "", "lastTransitionTime": NOW}
    status = ImageVersionStatus(
        conditions=[Condition.model_validate(row)],
        replication=ReplicationStatus(
            state="Completed", progress=100, summary="1/1", regions=[RegionStatus(name="westeurope", state="Completed")]
        ),
    )
    assert (found := status.condition("Ready")) is not None
    assert found.reason == "Replicated"
    assert status.condition("Stalled") is None
