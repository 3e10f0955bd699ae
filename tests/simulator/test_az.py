"""The real Azure CLI against the simulator.

It runs when GALLERY_AZ names an `az` executable (2.91 was used); the CLI is too large to be a dependency of tests.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dev.azure_simulator import AzureSimulator, Switchboard
from tests.simulator.support import IMAGE

AZ = os.environ.get("GALLERY_AZ", "")
pytestmark = pytest.mark.skipif(not AZ, reason="GALLERY_AZ names no az executable: see docs/simulator.md")

Az = Callable[..., Any]
GALLERY = ("-g", "images-rg", "-r", "cli")
DEFINITION = (*GALLERY, "-i", "ubuntu")
VERSION = (*DEFINITION, "-e", "1.0.0")


@pytest.fixture
def az(simulator: AzureSimulator, azure: Switchboard, tmp_path: Path) -> Az:
    """A function that runs az, logged in to the simulator, and returns what it prints as JSON."""
    environment = {
        **os.environ,
        "AZURE_CONFIG_DIR": str(tmp_path / "azure"),
        "AZURE_CORE_COLLECT_TELEMETRY": "no",
        "REQUESTS_CA_BUNDLE": str(simulator.endpoints.ca_file),
    }

    def run(*arguments: str) -> Any:
        command = [AZ, *arguments, "--only-show-errors", "--output", "json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    ends = simulator.endpoints
    run("config", "set", "core.instance_discovery=false")
    run("cloud", "register", "-n", "simulator", "--endpoint-resource-manager", ends.url)
    run("cloud", "set", "-n", "simulator")
    secret = ("-u", ends.client_id, "-p", ends.client_secret, "--tenant", ends.tenant_id)
    run("login", "--service-principal", *secret)
    return run


def test_az_carries_a_version_through_its_life(az: Az, azure: Switchboard) -> None:
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
