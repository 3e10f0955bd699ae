"""The real Azure CLI against the simulator: a version's life, as az waits for what takes time.

What az can do with galleries, versions and access is tried in the other `test_az_...` files. `make test-az` runs all
of them: the CLI is too large to be a dependency of tests.
"""

from __future__ import annotations

from datetime import timedelta

from dev.azure_simulator import Switchboard
from tests.simulator.azure_cli import DEFINITION, GALLERY, AzureCli, needs_az
from tests.simulator.support import IMAGE

pytestmark = needs_az
VERSION = (*DEFINITION, "-e", "1.0.0")


def test_az_carries_a_version_through_its_life(azure: Switchboard, az: AzureCli) -> None:
    azure.configure(durations={"gallery": 0, "definition": 0, "parent_delete": 0})  # else az sleeps 30 s after each
    assert az("sig", "create", *GALLERY)["provisioningState"] == "Succeeded"
    names = ("--publisher", "p", "--offer", "o", "--sku", "s", "--os-type", "linux")
    assert az("sig", "image-definition", "create", *DEFINITION, *names)["hyperVGeneration"] == "V2"
    targets = ("--target-regions", "westeurope", "eastus2=2=standard_zrs", "--managed-image", IMAGE)
    az("sig", "image-version", "create", *VERSION, *targets, "--no-wait")
    shown = az("sig", "image-version", "show", *VERSION, "--expand", "ReplicationStatus")
    assert shown["provisioningState"] == "Creating"
    assert {row["region"]: row["state"] for row in shown["replicationStatus"]["summary"]} == {
        "West Europe": "Replicating",
        "East US 2": "Replicating",
    }
    azure.advance(timedelta(minutes=10))
    az("sig", "image-version", "wait", *VERSION, "--created", "--interval", "1")
    add = ("--add", "publishingProfile.targetRegions", "name=northeurope")
    az("sig", "image-version", "update", *VERSION, *add, "--no-wait")
    azure.advance(timedelta(minutes=20))
    (listed,) = az("sig", "image-version", "list", *DEFINITION)
    regions = listed["publishingProfile"]["targetRegions"]
    assert {region["name"]: region["regionalReplicaCount"] for region in regions} == {
        "West Europe": 1,
        "East US 2": 2,
        "North Europe": 1,
    }
    az("sig", "image-version", "delete", *VERSION, "--no-wait")
    azure.advance(timedelta(minutes=5))
    az("sig", "image-definition", "delete", *DEFINITION)
    az("sig", "delete", *GALLERY)
    assert az("sig", "list") == []
    assert azure.resources() == []
