"""The real SDK, sync and aio, against the simulator: it must not notice the difference."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError, ServiceRequestError
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import ClientSecretCredential
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.compute.aio import ComputeManagementClient as AsyncComputeManagementClient

from dev.azure_simulator import AzureSimulator, FailOperation, FailRegion, Switchboard
from tests.simulator.conftest import Paths
from tests.simulator.support import GROUP, IMAGE, credential_options, definition, gallery, options, version

#: The annotations of the SDK know models only, where its methods take plain JSON, too.
Client = Any
QUICK: dict[str, Any] = {"polling_interval": 0.05}
NAMES = (GROUP, "shared", "ubuntu", "1.0.0")


@pytest.fixture
async def async_client(azure: Switchboard, simulator: AzureSimulator) -> AsyncIterator[AsyncComputeManagementClient]:
    credential = AsyncClientSecretCredential(**credential_options(simulator))
    async with credential, AsyncComputeManagementClient(credential, **options(simulator)) as made:
        yield made


def test_the_sync_client_carries_a_version_through_its_life(azure: Switchboard, client: Client) -> None:
    azure.configure(durations={"version_create": 0.2, "home_region": 0.1, "further_region": 0.1, "version_delete": 0.2})
    made = client.galleries.begin_create_or_update(*NAMES[:2], gallery(), **QUICK).result()
    assert made.properties.provisioning_state == "Succeeded"
    image = client.gallery_images.begin_create_or_update(*NAMES[:3], definition(), **QUICK).result()
    assert image.properties.architecture == "x64"
    body = version("westeurope", "eastus2")
    published = client.gallery_image_versions.begin_create_or_update(*NAMES, body, **QUICK).result()
    assert published.properties.provisioning_state == "Succeeded"
    assert published.properties.storage_profile.os_disk_image.size_in_gb == 30
    read = client.gallery_image_versions.get(*NAMES, expand="ReplicationStatus")
    assert [row.progress for row in read.properties.replication_status.summary] == [100, 100]
    assert len(list(client.gallery_image_versions.list_by_gallery_image(*NAMES[:3]))) == 1
    client.gallery_image_versions.begin_delete(*NAMES, **QUICK).result()
    with pytest.raises(ResourceNotFoundError):
        client.gallery_image_versions.get(*NAMES)
    client.gallery_images.begin_delete(*NAMES[:3], **QUICK).result()
    client.galleries.begin_delete(*NAMES[:2], **QUICK).result()
    assert azure.resources() == []


def test_updates_by_patch_are_accepted(azure: Switchboard, client: Client, parents: Paths) -> None:
    azure.configure(durations={"version_update": 0.1})
    azure.create([(parents.version, version())])
    patched = client.galleries.begin_update(*NAMES[:2], {"tags": {"a": "b"}}, **QUICK).result()
    assert patched.tags == {"a": "b"}
    changes = {"properties": {"storageProfile": {}, "publishingProfile": {"excludeFromLatest": True}}}
    excluded = client.gallery_image_versions.begin_update(*NAMES, changes, **QUICK).result()
    assert excluded.properties.publishing_profile.exclude_from_latest is True


def test_a_failed_operation_raises_its_code_with_status_200(azure: Switchboard, client: Client, parents: Paths) -> None:
    azure.configure(durations={"version_create": 0, "home_region": 0})
    azure.fault(FailOperation(match="PUT .*/versions/", code="DiskError", message="broken"))
    with pytest.raises(HttpResponseError) as caught:
        client.gallery_image_versions.begin_create_or_update(*NAMES, version(), **QUICK).result()
    assert caught.value.error is not None
    assert (caught.value.status_code, caught.value.error.code) == (200, "DiskError")


def test_errors_parse_to_the_exceptions_of_the_sdk(azure: Switchboard, client: Client, parents: Paths) -> None:
    azure.create([(parents.version, version())])
    with pytest.raises(ResourceExistsError) as caught:
        client.gallery_images.begin_delete(*NAMES[:3])
    assert caught.value.error is not None
    assert caught.value.error.code == "CannotDeleteResource"


def test_a_triple_in_use_names_the_definition_that_has_it(client: Client, parents: Paths) -> None:
    with pytest.raises(HttpResponseError) as caught:
        client.gallery_images.begin_create_or_update(GROUP, "shared", "another", definition())
    assert caught.value.error is not None
    assert (caught.value.status_code, caught.value.error.code) == (400, "InvalidParameter")
    assert "Gallery image: ubuntu identified by (publisher:example, offer:linux, sku:ubuntu)" in str(caught.value)


async def test_without_polling_the_aio_client_returns_the_first_body_and_headers(
    async_client: Client, parents: Paths
) -> None:
    headers: dict[str, str] = {}
    poller = await async_client.gallery_image_versions.begin_create_or_update(
        *NAMES, version(), polling=False, raw_response_hook=lambda raw: headers.update(raw.http_response.headers)
    )
    made = await poller.result()
    assert made.properties.provisioning_state == "Creating"
    assert made.id == parents.version
    assert (headers["Retry-After"], "Azure-AsyncOperation" in headers) == ("60", True)


async def test_the_aio_client_pages_through_a_list(azure: Switchboard, async_client: Client, parents: Paths) -> None:
    azure.create((f"{parents.versions}/1.0.{patch}", version()) for patch in range(8))
    names = [item.name async for item in async_client.gallery_image_versions.list_by_gallery_image(*NAMES[:3])]
    assert names == [f"1.0.{patch}" for patch in range(8)]
    assert len(azure.journal("GET .*/versions$")) == 3


async def test_the_aio_client_sees_a_failed_region(azure: Switchboard, async_client: Client, parents: Paths) -> None:
    azure.fault(FailRegion(region="eastus2", details="no space"))
    body = version("westeurope", "eastus2")
    await async_client.gallery_image_versions.begin_create_or_update(*NAMES, body, polling=False)
    azure.advance(timedelta(hours=1))
    read = await async_client.gallery_image_versions.get(*NAMES, expand="ReplicationStatus")
    assert read.properties.provisioning_state == "Failed"
    rows = {row.region: (row.state, row.details) for row in read.properties.replication_status.summary}
    assert rows == {"West Europe": ("Completed", ""), "East US 2": ("Failed", "no space")}


def test_the_journal_tells_who_asked_for_what(azure: Switchboard, client: Client) -> None:
    client.galleries.begin_create_or_update(*NAMES[:2], gallery(description="x"), polling=False)
    with pytest.raises(ResourceNotFoundError):
        client.gallery_images.get(*NAMES[:3], headers={"x-ms-correlation-request-id": "c0ffee"})
    put, get = azure.journal()
    assert (put.method, put.status, put.body) == ("PUT", 201, gallery(description="x"))
    assert (get.status, get.error, get.correlation_id) == (404, "ResourceNotFound", "c0ffee")
    assert get.path.endswith("/galleries/shared/images/ubuntu")
    assert get.client_request_id
    assert "azsdk-python-" in get.user_agent
    assert put.number < get.number
    assert put.time <= get.time


def test_an_untrusted_certificate_is_not_accepted(simulator: AzureSimulator, azure: Switchboard) -> None:
    credential = ClientSecretCredential(**credential_options(simulator))
    untrusting = options(simulator) | {"connection_verify": True}
    transport = RequestsTransport(use_env_settings=False)
    with (
        ComputeManagementClient(credential, transport=transport, **untrusting) as client,
        pytest.raises(ServiceRequestError, match="certificate"),
    ):
        client.galleries.get(*NAMES[:2])
    assert azure.journal() == []


def test_a_source_can_be_read_by_the_sdk(client: Client) -> None:
    image = client.images.get("sources-rg", IMAGE.rsplit("/", 1)[1])
    assert image.properties.storage_profile.os_disk.os_state == "Generalized"
