"""The API server refuses what Azure would refuse, naming the field and the mend; it takes everything else."""

from __future__ import annotations

from typing import Any

import pytest

from gallery_operator.api import crd, names
from tests.integration.admission import gallery, imagedefinition, imageversion, limits
from tests.integration.admission.asking import JSON, UNSET, Admission, Refusal, changed, manifest
from tests.integration.admission.manifests import (
    COMPUTE,
    DEFINITION_ID,
    DISKS,
    FULL,
    GALLERY_ID,
    IDENTITIES,
    MINIMAL,
    OTHER,
    STORAGE,
    STORED,
    SUBSCRIPTION,
)

REFUSALS = [*gallery.REFUSALS, *imagedefinition.REFUSALS, *imageversion.REFUSALS]
MODELS = {kind.kind: kind.resource for kind in crd.KINDS}
SNAPSHOT = {"snapshot": {"id": f"{COMPUTE}/snapshots/os"}, "hostCaching": "ReadOnly"}
MACHINE_ID = f"{COMPUTE}/virtualMachines/ubuntu"
PUBLIC_ID = "/CommunityGalleries/contoso-3f1c/Images/ubuntu-24-04/Versions/1.0.0"
ENCRYPTED_SET = {"diskEncryptionSetId": f"{COMPUTE}/diskEncryptionSets/keys"}
MANY = [{"lun": lun, "snapshot": {"id": f"{COMPUTE}/snapshots/data-{lun}"}} for lun in range(64)]
ROLE_ID = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
VERSION_ID = f"{DEFINITION_ID}/versions/1.0.0"

#: Good changes of a minimal spec: kind, what they are, the changes.
GOOD: list[tuple[str, str, dict[str, Any]]] = [
    ("Gallery", "a display name as location", {"location": "Australia Central 2"}),
    ("Gallery", "a resource group with every sign", {"resourceGroup": "Images-rg_1.(eu)"}),
    ("Gallery", "no soft deletion", {"softDelete": {"enabled": False}}),
    ("Gallery", "sharing with nobody yet", {"sharing": {"permissions": "Groups"}}),
    ("Gallery", "private sharing", {"sharing": {}}),
    ("Gallery", "30 subscriptions and 5 tenants", {
        "sharing": {
            "permissions": "Groups",
            "subscriptions": [f"00000000-0000-0000-0000-{number:012}" for number in range(30)],
            "tenants": [f"00000000-0000-0000-0000-{number:012}" for number in range(5)],
        }
    }),
    ("Gallery", "an identity of its own", {"identity": {"type": "SystemAssigned"}}),
    ("Gallery", "no identity", {"identity": {"type": "None"}}),
    ("Gallery", "one identity in lower case",
     {"identity": {"type": "UserAssigned", "userAssignedIdentities": [f"{IDENTITIES}/gallery".lower()]}}),
    ("Gallery", "two roles of one principal",
     {"access": [{"principalId": SUBSCRIPTION, "role": role} for role in ("Reader", "Compute Gallery Sharing Admin")]}),
    ("Gallery", "one role of two principals",
     {"access": [{"principalId": id_, "role": "Reader"} for id_ in (SUBSCRIPTION, SUBSCRIPTION[:-1] + "2")]}),
    ("Gallery", "a role by its id",
     {"access": [{"principalId": SUBSCRIPTION, "role": f"/subscriptions/{SUBSCRIPTION}{ROLE_ID}"}]}),
    ("Gallery", "a role by its id in the tenant", {"access": [{"principalId": SUBSCRIPTION, "role": ROLE_ID}]}),
    ("ImageDefinition", "a gallery by its ARM id", {"galleryRef": {"id": GALLERY_ID}}),
    ("ImageDefinition", "an ARM id in lower case", {"galleryRef": {"id": GALLERY_ID.lower()}}),
    ("ImageDefinition", "generation V1", {"hyperVGeneration": "V1"}),
    ("ImageDefinition", "an empty release note", {"releaseNoteUri": ""}),
    ("ImageDefinition", "a range of one size", {"recommended": {"vCPUs": {"min": 4, "max": 4}}}),
    ("ImageDefinition", "offsets on both sides", {"lifecycle.stages": {"excludeFromLatest": "-9w", "delete": "0h"}}),
    ("ImageDefinition", "the longest duration", {"lifecycle.endOfLife.after": "99999w"}),
    ("ImageVersion", "a definition by its ARM id", {"imageDefinitionRef": {"id": DEFINITION_ID}}),
    ("ImageVersion", "the highest version", {"version": "2147483647.2147483647.2147483647"}),
    ("ImageVersion", "version 0.0.0", {"version": "0.0.0"}),
    ("ImageVersion", "another version as source", {"source": {"galleryImageVersion": {"id": VERSION_ID}}}),
    ("ImageVersion", "disks as source", {"source": {"disks": DISKS}}),
    ("ImageVersion", "an OS disk as source", {"source": {"disks": {"os": SNAPSHOT}}}),
    ("ImageVersion", "a disk as source", {"source": {"disks": {"os": {"managedDisk": {"id": f"{COMPUTE}/disks/os"}}}}}),
    ("ImageVersion", "64 data disks", {"source": {"disks": {"os": SNAPSHOT, "data": MANY}}}),
    ("ImageVersion", "a virtual machine as source", {"source": {"virtualMachine": {"id": MACHINE_ID}}}),
    ("ImageVersion", "a version here as source", {"source": {"galleryImageVersion": {"ref": "ubuntu-1.0.0"}}}),
    ("ImageVersion", "a community's version as source", {"source": {"communityGalleryImage": {"id": PUBLIC_ID}}}),
    ("ImageVersion", "a VHD in another cloud", {
        "source": {"disks": {"os": {"vhd": {
            "uri": "https://images.blob.core.chinacloudapi.cn/$root/os.VHD", "storageAccountId": f"{STORAGE}/images"
        }}}}
    }),
    ("ImageVersion", "encryption of the disks of its source in two regions", {
        "source": {"disks": DISKS},
        "targetRegions": [
            {"name": name, "encryption": {"dataDisks": [{"lun": lun, **ENCRYPTED_SET} for lun in (0, 63)]}}
            for name in ("westeurope", "northeurope")
        ],
    }),
    ("ImageVersion", "encryption of a data disk of a managed image", {
        "targetRegions": [{"name": "westeurope", "encryption": {"dataDisks": [{"lun": 7, **ENCRYPTED_SET}]}}],
    }),
    ("ImageVersion", "shallow replication without regions", {"replicationMode": "Shallow"}),
    ("ImageVersion", "shallow replication to its region", {
        "replicationMode": "Shallow", "replicas": 1,
        "targetRegions": [{"name": "westeurope", "replicas": 1, "storageAccountType": "Premium_LRS"}], "edgeZones": [],
    }),
    ("ImageVersion", "an edge zone of a region that is no target", {
        "targetRegions": [{"name": "westeurope"}], "edgeZones": [{"name": "microsoftlosangeles1", "region": "West US"}]
    }),
    ("ImageVersion", "an edge zone of inherited regions", {
        "edgeZones": [{"name": "microsoftlosangeles1", "region": "westus"}]
    }),
    ("ImageVersion", "256 hashes", {"uefiSettings": {"additionalSignatures": {
        "db": [{"type": "sha256", "value": ["3q2+7w=="] * 128}, {"type": "x509", "value": ["MIID"] * 256}],
        "dbx": [{"type": "sha256", "value": ["3q2+7w=="] * 128}],
    }}}),
    ("ImageVersion", "a home region in another spelling", {"location": "UK South", "targetRegions[0].name": "uksouth"}),
    ("ImageVersion", "a home region without targets", {"location": "westeurope"}),
    ("ImageVersion", "similar regions", {"targetRegions": [{"name": "eastus"}, {"name": "East US 2"}]}),
    ("ImageVersion", "64 regions", {"targetRegions": [{"name": f"region{number}"} for number in range(64)]}),
    ("ImageVersion", "an end of life on a leap day", {"endOfLifeDate": "2028-02-29T23:59:59-11:30"}),
    ("ImageVersion", "an end of life that has passed", {"endOfLifeDate": "2020-01-01T00:00:00Z"}),
    ("ImageVersion", "the last end of life", {"endOfLifeDate": "2999-12-31T23:59:59.999999-14:00"}),
]  # fmt: skip

#: Changes of the full object that are none for Azure, or that Azure makes in place.
GOOD_UPDATES: list[tuple[str, str, dict[str, Any]]] = [
    ("Gallery", "spelling the location in another way", {"location": "West Europe"}),
    ("Gallery", "a new description and other tags", {"description": "new", "tags": {"team": "other"}}),
    ("Gallery", "switching soft deletion off", {"softDelete": {"enabled": False}}),
    ("Gallery", "sharing with others", {"sharing.subscriptions": [SUBSCRIPTION], "sharing.tenants": UNSET}),
    ("Gallery", "ending to share", {"sharing": {"permissions": "Private"}}),
    ("Gallery", "leaving sharing to others", {"sharing": UNSET}),
    ("Gallery", "another identity", {"identity": {"type": "SystemAssigned"}}),
    ("Gallery", "another credential", {"credentialRef.name": "azure-images-2"}),
    ("Gallery", "taking roles away", {"access": UNSET}),
    ("ImageDefinition", "other features", {"features": [{"name": "SecurityType", "value": "ConfidentialVM"}]}),
    ("ImageDefinition", "spelling the location in another way", {"location": "westeurope"}),
    ("ImageDefinition", "a later end of life", {"endOfLifeDate": "2031-04-25T00:00:00Z"}),
    ("ImageDefinition", "another lifecycle", {"lifecycle": {"endOfLife": {"after": "90d"}}}),
    ("ImageVersion", "spelling the location in another way", {"location": "westeurope"}),
    (
        "ImageVersion",
        "dropping a region that is not the home region",
        {"targetRegions": [{"name": "eastus2"}, {"name": "westeurope"}]},
    ),
    ("ImageVersion", "dropping its edge zones", {"edgeZones": UNSET}),
    ("ImageVersion", "another storage type of a region", {"targetRegions[0].storageAccountType": "Standard_LRS"}),
    ("ImageVersion", "another drift policy", {"driftPolicy": "Report"}),
    ("ImageVersion", "an earlier end of life", {"endOfLifeDate": "2026-06-30T00:00:00Z"}),
    ("ImageVersion", "other replicas", {"replicas": 1, "targetRegions[0].replicas": 50}),
    ("ImageVersion", "other policies", {"deletionPolicy": "Retain", "managementPolicy": "Observe"}),
]


def paths(value: Any, at: str = "") -> set[str]:
    """Return the paths of all fields of a spec; entries of lists have the path of the list."""
    if isinstance(value, list):
        return {path for each in value for path in paths(each, at)}
    if not isinstance(value, dict):
        return set()
    here = {name: f"{at}.{name}".lstrip(".") for name in value}
    if at.endswith("tags"):
        return set()
    return set(here.values()) | {path for name, each in value.items() for path in paths(each, here[name])}


def named(cases: list[tuple[str, str, dict[str, Any]]]) -> list[Any]:
    return [pytest.param(kind, changes, id=f"{kind}: {that} is accepted") for kind, that, changes in cases]


def parsed(kind: str, body: JSON) -> Any:
    """Return the model of an object as the API server delivers it: what is admitted can be parsed."""
    return MODELS[kind].model_validate(body)


@pytest.mark.parametrize("case", REFUSALS, ids=str)
def test_a_wrong_manifest_is_refused_with_the_field_and_the_mend(admission: Admission, case: Refusal) -> None:
    admission.expect(case)


@pytest.mark.parametrize("case", limits.refusals(), ids=str)
def test_every_limit_of_the_schema_is_enforced(admission: Admission, case: Refusal) -> None:
    admission.expect(case)


@pytest.mark.parametrize("kind", names.PLURALS)
@pytest.mark.parametrize("specs", STORED.values(), ids=STORED)
def test_a_good_manifest_is_accepted_as_it_is(admission: Admission, kind: str, specs: dict[str, JSON]) -> None:
    accepted = admission.create(manifest(kind, specs[kind]))
    assert accepted["spec"] == {**accepted["spec"], **specs[kind]}
    model = parsed(kind, accepted)
    assert parsed(kind, model.model_dump(by_alias=True, mode="json")) == model


@pytest.mark.parametrize(("kind", "changes"), named(GOOD))
def test_a_variation_is_accepted(admission: Admission, kind: str, changes: JSON) -> None:
    parsed(kind, admission.create(manifest(kind, changed(MINIMAL[kind], changes))))


@pytest.mark.parametrize(("kind", "changes"), named(GOOD_UPDATES))
def test_a_change_that_azure_can_make_is_accepted(admission: Admission, kind: str, changes: JSON) -> None:
    parsed(kind, admission.update(kind, "full", changes))


def test_every_field_of_a_spec_is_in_a_good_manifest() -> None:
    good = [(kind, changed(MINIMAL[kind], changes)) for kind, _, changes in GOOD]
    for kind, schema in limits.schemas():
        specs = [FULL[kind], OTHER[kind], *(spec for of, spec in good if of == kind)]
        assert {path for spec in specs for path in paths(spec)} == set(limits.fields(schema["properties"]["spec"]))


def test_every_rule_of_the_crds_is_shown_by_a_refusal() -> None:
    shown = {(case.kind, limits.without_indices(case.at), case.says.removeprefix("Forbidden: ")) for case in REFUSALS}
    rules = {(kind, *rule) for kind, schema in limits.schemas() for rule in limits.rules_of(schema)}
    assert rules - shown == set()
