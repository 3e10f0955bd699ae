"""Quotas per subscription and region, and the usage API that shows them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dev.azure_simulator import Switchboard
from tests.simulator.conftest import Paths
from tests.simulator.support import Http, changed, definition, gallery, message, refusal, version

Client = Any
NAMES = ("galleries", "galleryImages", "galleryImageVersions")


def usage(client: Client, location: str = "westeurope") -> dict[str, tuple[int, int]]:
    return {row.name.value: (row.current_value, row.limit) for row in client.usage.list(location)}


def test_the_sdk_sees_what_is_used_of_the_documented_limits(azure: Switchboard, client: Client, parents: Paths) -> None:
    azure.create([(parents.version, version("westeurope", "eastus2"))])
    assert usage(client) == {"galleries": (1, 100), "galleryImages": (1, 1000), "galleryImageVersions": (1, 10000)}
    assert usage(client, "East US 2") == {name: (0, limit) for name, (_, limit) in usage(client).items()}
    (row,) = [row for row in client.usage.list("westeurope") if row.name.value == "galleryImages"]
    assert (row.unit, row.name.localized_value) == ("Count", "Gallery Images")


def test_at_the_limit_a_creation_is_refused_with_the_numbers(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.create([(parents.version, version())])
    azure.configure(quotas={"versions": 1})
    azure.configure(quotas={"definitions": 1, "galleries": 1})
    other = changed(definition(), "properties.identifier.sku", "other")
    wanted = {
        "galleries": (f"{parents.gallery}2", gallery()),
        "galleryImages": (f"{parents.definition}2", other),
        "galleryImageVersions": (f"{parents.versions}/2.0.0", version()),
    }
    for name, (path, body) in wanted.items():
        answer = http.put(path, body)
        assert refusal(answer) == (409, "OperationNotAllowed")
        assert f"exceeding approved {name} quota" in message(answer)
        assert "Location: westeurope, Current Limit: 1, Current Usage: 1" in message(answer)
    assert http.put(parents.version, version()).status_code == 200
    assert http.put(f"{parents.gallery}2", gallery() | {"location": "eastus2"}).status_code == 201


def test_what_is_deleted_is_no_longer_counted(azure: Switchboard, http: Http, client: Client, parents: Paths) -> None:
    azure.configure(quotas={"versions": 1})
    http.put(parents.version, version())
    azure.advance(timedelta(hours=1))
    assert usage(client)["galleryImageVersions"] == (1, 1)
    http.delete(parents.version)
    azure.advance(timedelta(hours=1))
    assert usage(client)["galleryImageVersions"] == (0, 1)
    assert http.put(parents.version, version()).status_code == 201
    azure.remove(parents.gallery)
    assert {used for used, _ in usage(client).values()} == {0}


@pytest.mark.parametrize("location", ["atlantis", "global"])
def test_the_usage_of_an_unknown_region_is_refused(http: Http, location: str) -> None:
    path = f"{http.subscription}/providers/Microsoft.Compute/locations/{location}/usages"
    assert refusal(http.get(path)) == (400, "LocationNotAvailableForResourceType")
    assert http.put(path.replace(location, "westeurope"), {}).status_code == 405
