"""Galleries that are shared directly, as those see them that they are shared with, through the real SDK."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.mgmt.compute import ComputeManagementClient

from dev.azure_simulator import AzureSimulator, FailSharing, Switchboard
from dev.azure_simulator.seeds import SECOND_SUBSCRIPTION_ID, TENANT_ID
from tests.simulator.conftest import Paths
from tests.simulator.support import GROUP, credential_options, definition, gallery, options, version

Client = Any
QUICK: dict[str, Any] = {"polling_interval": 0.05}
UNIQUE = "00000000-0000-0000-0000-000000000001-SHARED"
WITH_SECOND = [{"type": "Subscriptions", "ids": [SECOND_SUBSCRIPTION_ID]}]
WITH_TENANT = [{"type": "AADTenants", "ids": [TENANT_ID]}]


@pytest.fixture
def recipient(azure: Switchboard, simulator: AzureSimulator) -> Iterator[Client]:
    """The SDK of someone who uses the second subscription."""
    credential = ClientSecretCredential(**credential_options(simulator))
    with ComputeManagementClient(
        credential, **options(simulator) | {"subscription_id": SECOND_SUBSCRIPTION_ID}
    ) as made:
        yield made


@pytest.fixture
def published(azure: Switchboard, paths: Paths) -> Paths:
    """A gallery that can be shared with a version in two regions."""
    azure.create([(paths.gallery, gallery(sharingProfile={"permissions": "Groups"})), (paths.definition, definition())])
    azure.create([(paths.version, version("westeurope", "northeurope"))])
    return paths


def share(azure: Switchboard, client: Client, groups: object, operation: str = "Add") -> None:
    update = {"operationType": operation, "groups": groups}
    client.gallery_sharing_profile.begin_update(GROUP, "shared", update, polling=False)
    azure.advance(timedelta(minutes=1))


def names(recipient: Client, location: str = "westeurope", **more: str) -> list[str]:
    return [each.name for each in recipient.shared_galleries.list(location, **more)]


def test_a_subscription_sees_what_is_shared_with_it_until_that_ends(
    azure: Switchboard, client: Client, recipient: Client, published: Paths
) -> None:
    assert names(recipient) == []
    share(azure, client, WITH_SECOND)
    assert names(recipient) == [UNIQUE]
    assert names(client) == [], "its owner's subscription is not among those it is shared with"
    shared = recipient.shared_galleries.get("westeurope", UNIQUE)
    assert shared.identifier.unique_id == f"/SharedGalleries/{UNIQUE}"
    (image,) = recipient.shared_gallery_images.list("westeurope", UNIQUE)
    assert (image.name, image.properties.os_type, image.properties.identifier.sku) == ("ubuntu", "Linux", "ubuntu")
    (listed,) = recipient.shared_gallery_image_versions.list("westeurope", UNIQUE, "ubuntu")
    read = recipient.shared_gallery_image_versions.get("westeurope", UNIQUE, "ubuntu", "1.0.0")
    assert (listed.name, read.properties.exclude_from_latest) == ("1.0.0", False)
    share(azure, client, WITH_SECOND, "Remove")
    assert names(recipient) == []
    with pytest.raises(HttpResponseError) as caught:
        recipient.shared_galleries.get("westeurope", UNIQUE)
    assert caught.value.status_code == 404


def test_a_tenant_sees_what_is_shared_with_it_when_it_asks_for_that(
    azure: Switchboard, client: Client, recipient: Client, published: Paths
) -> None:
    share(azure, client, WITH_TENANT)
    assert (names(recipient), names(recipient, shared_to="tenant")) == ([], [UNIQUE])
    assert recipient.shared_galleries.get("westeurope", UNIQUE).name == UNIQUE


def test_a_shared_gallery_is_there_in_the_regions_of_its_versions_where_sharing_succeeded(
    azure: Switchboard, client: Client, recipient: Client, published: Paths
) -> None:
    azure.fault(FailSharing(region="northeurope"))
    share(azure, client, WITH_SECOND)
    assert {place: names(recipient, place) for place in ("westeurope", "northeurope", "eastus2")} == {
        "westeurope": [UNIQUE],
        "northeurope": [],
        "eastus2": [],
    }
