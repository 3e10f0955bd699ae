"""The API server refuses what Azure would refuse, naming the field and the mend; it takes everything else."""

from __future__ import annotations

from typing import Any

import pytest

from gallery_operator.api import crd, names
from tests.integration.admission import gallery, imagedefinition, imageversion, limits
from tests.integration.admission.asking import JSON, Admission, Refusal, changed, manifest
from tests.integration.admission.manifests import COMPUTE, DEFINITION_ID, FULL, GALLERY_ID, MINIMAL

REFUSALS = [*gallery.REFUSALS, *imagedefinition.REFUSALS, *imageversion.REFUSALS]
MODELS = {kind.kind: kind.resource for kind in crd.KINDS}
SNAPSHOT = {"snapshot": {"id": f"{COMPUTE}/snapshots/os"}, "hostCaching": "ReadOnly"}
DISKS = {"os": SNAPSHOT, "data": [{"lun": 0, **SNAPSHOT}, {"lun": 63, **SNAPSHOT}]}
VERSION_ID = f"{DEFINITION_ID}/versions/1.0.0"

#: Good changes of a minimal spec: kind, what they are, the changes.
GOOD: list[tuple[str, str, dict[str, Any]]] = [
    ("Gallery", "a display name as location", {"location": "Australia Central 2"}),
    ("Gallery", "a resource group with every sign", {"resourceGroup": "Images-rg_1.(eu)"}),
    ("Gallery", "no soft deletion", {"softDelete": {"enabled": False}}),
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
    ("ImageDefinition", "spelling the location in another way", {"location": "westeurope"}),
    ("ImageDefinition", "a later end of life", {"endOfLifeDate": "2031-04-25T00:00:00Z"}),
    ("ImageDefinition", "another lifecycle", {"lifecycle": {"endOfLife": {"after": "90d"}}}),
    ("ImageVersion", "spelling the location in another way", {"location": "westeurope"}),
    ("ImageVersion", "dropping a region that is not the home region", {"targetRegions": [{"name": "westeurope"}]}),
    ("ImageVersion", "an earlier end of life", {"endOfLifeDate": "2026-06-30T00:00:00Z"}),
    ("ImageVersion", "other replicas", {"replicas": 1, "targetRegions[0].replicas": 50}),
    ("ImageVersion", "other policies", {"deletionPolicy": "Retain", "managementPolicy": "Observe"}),
]


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
@pytest.mark.parametrize("specs", [MINIMAL, FULL], ids=["minimal", "full"])
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


def test_every_field_of_a_spec_is_in_the_full_manifest() -> None:
    for kind, schema in limits.schemas():
        assert set(FULL[kind]) == set(schema["properties"]["spec"]["properties"]), kind


def test_every_rule_of_the_crds_is_shown_by_a_refusal() -> None:
    shown = {(case.kind, limits.without_indices(case.at), case.says.removeprefix("Forbidden: ")) for case in REFUSALS}
    rules = {(kind, *rule) for kind, schema in limits.schemas() for rule in limits.rules_of(schema)}
    assert rules - shown == set()
