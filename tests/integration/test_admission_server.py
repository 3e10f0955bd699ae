"""Our CRDs on the real API server: they are sound, fill in defaults, and make `kubectl get` useful alone."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest

from dev.control_plane import Cluster, Kubectl, KubectlError
from gallery_operator.api import crd, names
from gallery_operator.api.conditions import Condition
from gallery_operator.api.gallery import GalleryStatus
from gallery_operator.api.image_definition import ImageDefinitionStatus, NextAction, RegionLatest, VersionCounts
from gallery_operator.api.image_version import (
    EndOfLifeStatus,
    ImageVersionStatus,
    RegionStatus,
    ReplicationStatus,
)
from gallery_operator.api.resource import Operation, Status
from tests.integration.admission.asking import JSON, Admission, changed, manifest
from tests.integration.admission.manifests import DEFINITION_ID, GALLERY_ID, MINIMAL

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
POLICIES = {"managementPolicy": "Manage", "driftPolicy": "Correct"}


def ready(status: str, reason: str, message: str) -> list[Condition]:
    stalled = Condition.model_validate(
        {"type": "Ready", "status": status, "reason": reason, "message": message, "lastTransitionTime": NOW}
    )
    return [stalled]


def apply(cluster: Cluster, namespace: str, *manifests: JSON) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
    cluster.kubectl("apply", f"--namespace={namespace}", "--filename=-", input=text)


def write_status(cluster: Cluster, namespace: str, kind: str, status: Status) -> None:
    """Write a status as the operator spells it."""
    patch = json.dumps({"status": status.model_dump(by_alias=True, mode="json", exclude_none=True)})
    where = (names.PLURALS[kind], "candidate", f"--namespace={namespace}", "--subresource=status")
    cluster.kubectl("patch", *where, "--type=merge", f"--patch={patch}")


def row(cluster: Cluster, namespace: str, kind: str) -> dict[str, str]:
    """Return what `kubectl get --output=wide` shows of an object, by column; AGE is left out."""
    where = (names.PLURALS[kind], "candidate", f"--namespace={namespace}")
    head, line = cluster.kubectl("get", *where, "--output=wide").splitlines()
    columns = list(re.finditer(r"\S+(?: \S+)*", head))
    ends = [each.start() for each in columns[1:]] + [len(line)]
    shown = {each[0]: line[each.start() : end].strip() for each, end in zip(columns, ends, strict=True)}
    assert re.fullmatch(r"\d+[smh].*", shown.pop("AGE"))
    return shown


@pytest.mark.parametrize("kind", crd.KINDS, ids=lambda kind: kind.kind)
def test_a_crd_is_established_and_structural(cluster: Cluster, crds: tuple[str, ...], kind: crd.Kind) -> None:
    name = f"{kind.plural}.{names.GROUP}"
    assert name in crds
    status = cluster.kubectl.json("get", "crd", name)["status"]
    conditions = {each["type"]: each["status"] for each in status["conditions"]}
    assert conditions == {"Established": "True", "NamesAccepted": "True"}
    assert status["acceptedNames"]["shortNames"] == [kind.short]
    assert status["acceptedNames"]["categories"] == ["azure", "compute-gallery"]


def test_a_new_gallery_is_managed_and_was_not_looked_at(admission: Admission) -> None:
    created = admission.create(manifest("Gallery", MINIMAL["Gallery"]))
    assert created["spec"] == {**MINIMAL["Gallery"], **POLICIES}
    assert created["status"] == {"observedGeneration": -1}


def test_a_new_image_definition_has_azures_usual_properties_explicitly(admission: Admission) -> None:
    created = admission.create(manifest("ImageDefinition", MINIMAL["ImageDefinition"]))
    assert created["spec"] == {
        **MINIMAL["ImageDefinition"],
        "osState": "Generalized",
        "hyperVGeneration": "V2",
        "architecture": "x64",
        **POLICIES,
    }
    assert created["status"] == {"observedGeneration": -1}


def test_a_new_image_version_is_copied_in_full_and_loses_no_region(admission: Admission) -> None:
    spec = changed(MINIMAL["ImageVersion"], {"safety": {}})
    created = admission.create(manifest("ImageVersion", spec))
    assert created["spec"] == {
        **spec,
        "safety": {"allowRegionRemoval": False},
        "replicationMode": "Full",
        **POLICIES,
    }
    assert created["status"] == {"observedGeneration": -1}


def test_the_status_of_an_applied_manifest_is_ignored(admission: Admission) -> None:
    body = manifest("Gallery", MINIMAL["Gallery"]) | {"status": {"observedGeneration": 7, "id": GALLERY_ID}}
    assert admission.create(body)["status"] == {"observedGeneration": -1}


def test_kubectl_refuses_an_unknown_field_by_name(cluster: Cluster, admission: Admission) -> None:
    body = json.dumps(manifest("ImageVersion", changed(MINIMAL["ImageVersion"], {"targetRegion": "westeurope"})))
    where = (f"--namespace={admission.namespace}", "--dry-run=server", "--filename=-")
    with pytest.raises(KubectlError, match=r'unknown field "spec\.targetRegion"'):
        cluster.kubectl("apply", *where, input=body)


def test_a_client_that_does_not_ask_for_strictness_gets_unknown_fields_pruned(admission: Admission) -> None:
    body = manifest("Gallery", {**MINIMAL["Gallery"], "colour": "blue"})
    assert "colour" not in admission.create(body, validation="Ignore")["spec"]


def test_versions_can_be_selected_by_definition_and_version(
    cluster: Cluster, crds: tuple[str, ...], namespace: str
) -> None:
    of_ubuntu = manifest("ImageVersion", MINIMAL["ImageVersion"], "ubuntu")
    of_debian = manifest("ImageVersion", changed(of_ubuntu["spec"], {"imageDefinitionRef.name": "debian-13"}), "debian")
    foreign = {**of_ubuntu["spec"], "imageDefinitionRef": {"id": DEFINITION_ID}, "version": "2.0.0"}
    definition = manifest("ImageDefinition", MINIMAL["ImageDefinition"], "of-platform")
    apply(cluster, namespace, of_ubuntu, of_debian, manifest("ImageVersion", foreign, "foreign"), definition)

    def selected(plural: str, selector: str) -> set[str]:
        where = (f"--namespace={namespace}", f"--field-selector={selector}", "--output=name")
        return {each.partition("/")[2] for each in cluster.kubectl("get", plural, *where).split()}

    assert selected("imageversions", "spec.imageDefinitionRef.name=debian-13") == {"debian"}
    assert selected("imageversions", "spec.imageDefinitionRef.name=") == {"foreign"}
    assert selected("imageversions", "spec.version=1.0.0") == {"ubuntu", "debian"}
    assert selected("imagedefinitions", "spec.galleryRef.name=platform") == {"of-platform"}
    assert selected("imagedefinitions", "spec.galleryRef.name=other") == set()


@pytest.mark.parametrize(
    ("kind", "full", "emptied"),
    [
        ("Gallery", {"sharing": {"permissions": "Groups", "subscriptions": []}}, {"sharing": {}}),
        ("Gallery", {"tags": {"team": "platform"}}, {"tags": {}}),
        ("ImageDefinition", {"recommended": {"vCPUs": {"min": 2}}}, {"recommended": {"vCPUs": {}}}),
        ("ImageDefinition", {"recommended": {"vCPUs": {"min": 2}}}, {"recommended": {}}),
        ("ImageDefinition", {"lifecycle": {"stages": {"delete": "1d"}}}, {"lifecycle": {"stages": {}}}),
        ("ImageDefinition", {"lifecycle": {"stages": {"delete": "1d"}}}, {"lifecycle": {}}),
        ("ImageDefinition", {"versionDefaults": {"replicas": 2}}, {"versionDefaults": {}}),
        ("ImageVersion", {"safety": {"blockDeletionBeforeEndOfLife": True}}, {"safety": {}}),
    ],
)
def test_what_a_manifest_empties_is_emptied_by_server_side_apply(
    cluster: Cluster, crds: tuple[str, ...], namespace: str, kind: str, full: JSON, emptied: JSON
) -> None:
    where = (f"--namespace={namespace}", "--server-side")
    for spec in (full, emptied):
        text = json.dumps(manifest(kind, {**MINIMAL[kind], **spec}))
        cluster.kubectl("apply", *where, "--filename=-", input=text)
    found = cluster.kubectl.json("get", names.PLURALS[kind], "candidate", f"--namespace={namespace}")["spec"]
    defaults: dict[str, JSON] = {"sharing": {"permissions": "Private"}, "safety": {"allowRegionRemoval": False}}
    assert {field: found[field] for field in emptied} == {
        f: value or defaults.get(f, {}) for f, value in emptied.items()
    }


def test_a_category_names_all_three_kinds(cluster: Cluster, crds: tuple[str, ...], namespace: str) -> None:
    apply(cluster, namespace, *(manifest(kind, MINIMAL[kind]) for kind in names.PLURALS))
    kubectl = Kubectl(cluster.kubeconfig)  # one that has not cached what the server offers
    every = {f"{kind.kind.lower()}.{names.GROUP}/candidate" for kind in crd.KINDS}
    for category in ("azure", "compute-gallery"):
        assert set(kubectl("get", category, f"--namespace={namespace}", "--output=name").split()) == every


@pytest.mark.parametrize("kind", crd.KINDS, ids=lambda kind: kind.kind)
def test_an_object_is_found_by_every_name_of_its_kind(
    cluster: Cluster, crds: tuple[str, ...], namespace: str, kind: crd.Kind
) -> None:
    apply(cluster, namespace, manifest(kind.kind, MINIMAL[kind.kind]))
    kubectl = Kubectl(cluster.kubeconfig)
    for name in (kind.kind.lower(), kind.plural, kind.short):
        shown = kubectl("get", name, "candidate", f"--namespace={namespace}", "--output=name")
        assert shown.strip() == f"{kind.kind.lower()}.{names.GROUP}/candidate"


def test_kubectl_get_shows_a_gallery(cluster: Cluster, crds: tuple[str, ...], namespace: str) -> None:
    apply(cluster, namespace, manifest("Gallery", MINIMAL["Gallery"]))
    newborn = {"NAME": "candidate", "READY": "", "STATE": "", "LOCATION": "westeurope", "MESSAGE": "", "AZURE ID": ""}
    assert row(cluster, namespace, "Gallery") == newborn
    status = GalleryStatus(
        observed_generation=1,
        id=GALLERY_ID,
        conditions=ready("False", "OwnershipConflict", "belongs to another"),
    )
    write_status(cluster, namespace, "Gallery", status)
    shown = {"READY": "False", "STATE": "OwnershipConflict", "MESSAGE": "belongs to another", "AZURE ID": GALLERY_ID}
    assert row(cluster, namespace, "Gallery") == newborn | shown


def test_kubectl_get_shows_an_image_definition(cluster: Cluster, crds: tuple[str, ...], namespace: str) -> None:
    apply(cluster, namespace, manifest("ImageDefinition", MINIMAL["ImageDefinition"]))
    status = ImageDefinitionStatus(
        observed_generation=1,
        id=DEFINITION_ID,
        conditions=ready("True", "Succeeded", ""),
        latest_version="1.0.1",
        latest_by_region=[RegionLatest(name="westeurope", version="1.0.1")],
        versions=VersionCounts(total=4, succeeded=2, in_progress=1, failed=1),
        next_actions=[NextAction(version="1.0.0", action="Delete", at=NOW)],
    )
    write_status(cluster, namespace, "ImageDefinition", status)
    assert row(cluster, namespace, "ImageDefinition") == {
        "NAME": "candidate",
        "READY": "True",
        "STATE": "Succeeded",
        "OS": "Linux",
        "LATEST": "1.0.1",
        "VERSIONS": "4",
        "NEXT": "Delete",
        "NEXT AT": "2026-11-23T10:00:00Z",
        "MESSAGE": "",
        "AZURE ID": DEFINITION_ID,
    }


def test_kubectl_get_shows_an_image_version(cluster: Cluster, crds: tuple[str, ...], namespace: str) -> None:
    apply(cluster, namespace, manifest("ImageVersion", MINIMAL["ImageVersion"]))
    row_of = RegionStatus(name="westeurope", state="Failed", progress=64, replicas=2, details="no quota", attempts=1)
    status = ImageVersionStatus(
        observed_generation=1,
        id=f"{DEFINITION_ID}/versions/1.0.0",
        provisioning_state="Updating",
        operation=Operation(type="Update", started_at=NOW),
        conditions=ready("False", "Replicating", "3/5 regions"),
        last_handled_reconcile_request="now",
        published_date=NOW,
        latest=False,
        replication=ReplicationStatus(state="InProgress", progress=64, summary="3/5", regions=[row_of]),
        end_of_life=EndOfLifeStatus(
            date=NOW, stage="Expired", next_action="Delete", next_action_at=NOW, kept_because="it is the last good one"
        ),
    )
    write_status(cluster, namespace, "ImageVersion", status)
    assert row(cluster, namespace, "ImageVersion") == {
        "NAME": "candidate",
        "VERSION": "1.0.0",
        "READY": "False",
        "STATE": "Replicating",
        "REGIONS": "3/5",
        "PERCENT": "64",
        "LATEST": "false",
        "END OF LIFE": "2026-11-23T10:00:00Z",
        "LIFE": "Expired",
        "MESSAGE": "3/5 regions",
        "AZURE ID": f"{DEFINITION_ID}/versions/1.0.0",
    }
    stored = cluster.kubectl.json("get", "imageversions", "candidate", f"--namespace={namespace}")["status"]
    assert ImageVersionStatus.model_validate(stored) == status
