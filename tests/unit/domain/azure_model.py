"""A small model of Azure: what a GET answers after a PUT of a body was carried out (azure-gallery-api.md §2, §6)."""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any

from gallery_operator.domain.regions import normalise
from tests.unit.domain.build import JSON, envelope

DISPLAY = {
    "westeurope": "West Europe",
    "eastus2": "East US 2",
    "westus2": "West US 2",
    "northeurope": "North Europe",
    "japaneast": "Japan East",
}


def apply_version(body: JSON, before: JSON | None, now: datetime) -> JSON:
    """Return the version that Azure has after a PUT: display names, defaults, read-only fields."""
    sent = copy.deepcopy(body)
    profile: JSON = sent["properties"]["publishingProfile"]
    replicas = profile.setdefault("replicaCount", 1)
    storage = profile.setdefault("storageAccountType", "Standard_LRS")
    profile.setdefault("excludeFromLatest", False)
    profile.setdefault("replicationMode", "Full")
    profile["targetRegions"] = [_region(each, replicas, storage) for each in profile["targetRegions"]]
    had: JSON = before["properties"]["publishingProfile"] if before else {}
    profile["publishedDate"] = had.get("publishedDate", f"{now:%Y-%m-%dT%H:%M:%S}.0000001+00:00")
    _date(profile, had)
    source: JSON = sent["properties"]["storageProfile"]
    if "source" in source:
        source["source"]["id"] = source["source"]["id"].replace("/rg/", "/RG/")
    disk = source.setdefault("osDiskImage", {})
    disk.update({"sizeInGB": 30, "source": disk.get("source", {})})
    disk.setdefault("hostCaching", "ReadWrite")
    safety: JSON = sent["properties"].setdefault("safetyProfile", {})
    safety.setdefault("allowDeletionOfReplicatedLocations", False)
    safety["reportedForPolicyViolation"] = False
    sent["properties"].update(provisioningState="Succeeded", validationsProfile={"executedValidations": []})
    summary = [{"region": each["name"], "state": "Completed", "progress": 100} for each in profile["targetRegions"]]
    sent["properties"]["replicationStatus"] = {"aggregatedState": "Completed", "summary": summary}
    return _answer("galleries/images/versions", sent)


def _region(sent: JSON, replicas: int, storage: str) -> JSON:
    name = normalise(sent["name"])
    answer = {"regionalReplicaCount": replicas, "storageAccountType": storage, **sent, "name": DISPLAY.get(name, name)}
    # Recorded answers carry excludeFromLatest of a region only when it is true.
    if not answer.get("excludeFromLatest"):
        answer.pop("excludeFromLatest", None)
    return answer


def apply_definition(body: JSON, before: JSON | None, now: datetime) -> JSON:
    """Return the image definition that Azure has after a PUT."""
    del now
    sent = copy.deepcopy(body)
    properties: JSON = sent["properties"]
    properties.pop("allowUpdateImage", None)
    features: list[JSON] = properties.setdefault("features", [])
    if not any(each["name"] == "SecurityType" for each in features):
        features.append({"name": "SecurityType", "value": "TrustedLaunchSupported"})
    if not properties.get("disallowed", {}).get("diskTypes"):
        properties.pop("disallowed", None)
    else:
        properties["disallowed"]["diskTypes"].sort()
    _date(properties, before["properties"] if before else {})
    _drop_empty(properties)
    properties["provisioningState"] = "Succeeded"
    return _answer("galleries/images", sent)


def apply_gallery(body: JSON, before: JSON | None, now: datetime) -> JSON:
    """Return the gallery that Azure has after a PUT."""
    del before, now
    sent = copy.deepcopy(body)
    _drop_empty(sent["properties"])
    sent["properties"].update(
        identifier={"uniqueName": "SUB-SHARED"},
        sharingStatus={"aggregatedState": "Succeeded"},
        provisioningState="Succeeded",
    )
    return _answer("galleries", sent)


def _date(properties: JSON, before: JSON) -> None:
    """An end-of-life date cannot be cleared, and comes back with seven digits of fractions."""
    date = properties.get("endOfLifeDate", before.get("endOfLifeDate"))
    if date is not None:
        properties["endOfLifeDate"] = date.replace("Z", ".0000000+00:00")


def _drop_empty(properties: JSON) -> None:
    for key in [key for key, value in properties.items() if value in ("", {})]:
        del properties[key]


def _answer(kind: str, sent: Any) -> JSON:
    return envelope(kind, "resource", normalise(sent["location"]), sent.get("tags"), sent["properties"])
