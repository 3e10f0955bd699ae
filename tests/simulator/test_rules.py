"""Every rule of ARM, galleries and definitions, with the code and the text Azure uses."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from dev.azure_simulator import Switchboard
from tests.simulator.conftest import Paths
from tests.simulator.support import GROUP, Http, changed, definition, gallery, message, refusal, version

PUBLISHING = "properties.publishingProfile"
TARGETS = f"{PUBLISHING}.targetRegions"
STORAGE = "properties.storageProfile"
IMAGES = "Microsoft.Compute/images"


# --- ARM -------------------------------------------------------------------------------------------------------------


def test_an_unknown_api_version_is_refused_with_the_list_of_known_ones(http: Http, paths: Paths) -> None:
    answer = http.put(paths.gallery, gallery(), api="2017-01-01")
    assert refusal(answer) == (400, "NoRegisteredProviderFound")
    assert "for location 'westeurope' and API version '2017-01-01' for type 'galleries'" in message(answer)
    assert "2018-06-01, 2019-03-01" in message(answer)
    assert "2026-03-03'" in message(answer)


@pytest.mark.parametrize("api", ["2018-06-01", "2019-12-01", "2022-03-03", "2024-03-03", "2026-03-03"])
def test_known_api_versions_are_accepted(http: Http, paths: Paths, api: str) -> None:
    assert refusal(http.get(paths.gallery, api=api)) == (404, "ResourceNotFound")


def test_a_request_without_api_version_is_refused(http: Http, paths: Paths) -> None:
    assert refusal(http.get(paths.gallery, api="")) == (400, "MissingApiVersionParameter")


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"",
        b"[]",
        b'"text"',
        b'{"location": "westeurope", "colour": 1}',
        b'{"location": "westeurope", "tags": {"a": 1}}',
    ],
)
def test_a_body_that_is_no_proper_json_object_is_refused(http: Http, paths: Paths, content: bytes) -> None:
    url = f"{http.url}{paths.gallery}?api-version=2026-03-03"
    assert refusal(http.session.put(url, data=content, timeout=30)) == (400, "InvalidRequestContent")


def test_a_body_beyond_four_megabytes_is_refused(http: Http, paths: Paths) -> None:
    url = f"{http.url}{paths.gallery}?api-version=2026-03-03"
    content = json.dumps(gallery(description="x" * 4 * 1024 * 1024))
    assert refusal(http.session.put(url, data=content, timeout=30)) == (400, "InvalidRequestContent")


def test_what_does_not_exist_is_named(http: Http, paths: Paths) -> None:
    answer = http.get(paths.version)
    assert refusal(answer) == (404, "ResourceNotFound")
    assert message(answer) == (
        "The Resource 'Microsoft.Compute/galleries/shared/images/ubuntu/versions/1.0.0' under resource group "
        "'images-rg' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    )
    assert refusal(http.patch(paths.gallery, {})) == (404, "ResourceNotFound")


def test_an_unknown_resource_group_or_subscription_is_not_found(http: Http, paths: Paths) -> None:
    answer = http.put(paths.gallery.replace(GROUP, "none"), gallery())
    assert (refusal(answer), message(answer)) == (
        (404, "ResourceGroupNotFound"),
        "Resource group 'none' could not be found.",
    )
    elsewhere = paths.gallery.replace("00000001", "00000009")
    assert refusal(http.get(elsewhere)) == (404, "SubscriptionNotFound")


def test_unknown_paths_and_methods_are_refused(http: Http, parents: Paths) -> None:
    assert refusal(http.get(f"{http.subscription}/providers/Microsoft.Network/vnets")) == (404, "InvalidResourceType")
    assert refusal(http.send("POST", parents.gallery, {})) == (405, "HttpMethodNotSupported")
    assert refusal(http.put(parents.versions, {})) == (405, "HttpMethodNotSupported")


# --- parents, children, and what goes on -----------------------------------------------------------------------------


def test_a_child_needs_its_parent(azure: Switchboard, http: Http, paths: Paths) -> None:
    answer = http.put(paths.definition, definition())
    assert refusal(answer) == (404, "ParentResourceNotFound")
    assert message(answer) == (
        "Can not perform requested operation on nested resource. Parent resource 'shared' not found."
    )
    azure.create([(paths.gallery, gallery())])
    assert "Parent resource 'ubuntu' not found" in message(http.put(paths.version, version()))


def test_a_parent_with_children_cannot_be_deleted(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.create([(parents.version, version())])
    answer = http.delete(parents.definition)
    assert refusal(answer) == (409, "CannotDeleteResource")
    assert message(answer) == (
        "Cannot delete resource while nested resources exist. Some existing nested resource IDs include: "
        "'Microsoft.Compute/galleries/shared/images/ubuntu/versions/1.0.0'. Please delete all nested resources before "
        "deleting this resource."
    )
    assert refusal(http.delete(parents.gallery)) == (409, "CannotDeleteResource")


def test_writes_are_refused_while_another_one_runs(azure: Switchboard, http: Http, parents: Paths) -> None:
    http.put(parents.version, version())
    for answer in (http.put(parents.version, version()), http.patch(parents.version, {}), http.delete(parents.version)):
        assert refusal(answer) == (409, "Conflict")
        assert "'Creating'" in message(answer)
    azure.advance(timedelta(minutes=10))
    assert http.put(parents.version, version()).status_code == 200
    assert "'Updating'" in message(http.delete(parents.version))


def test_what_is_being_deleted_takes_no_update_and_no_children(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.create([(parents.version, version())])
    first = http.delete(parents.version)
    answer = http.put(parents.version, version())
    assert refusal(answer) == (409, "OperationNotAllowed")
    assert message(answer) == (
        "Operation 'Update Gallery Image Version' is not allowed on 1.0.0 since it is marked for deletion. "
        "You can only retry the Delete operation (or wait for an ongoing one to complete)."
    )
    again = http.delete(parents.version)
    assert again.status_code == 202
    assert again.headers["Azure-AsyncOperation"] == first.headers["Azure-AsyncOperation"]
    azure.advance(timedelta(minutes=10))
    http.delete(parents.definition)
    assert refusal(http.put(parents.version, version())) == (409, "OperationNotAllowed")
    assert http.get(parents.versions).json() == {"value": []}


# --- galleries -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["with-dash", "_under", "dot.", "a" * 81])
def test_a_gallery_name_follows_its_rule(http: Http, name: str) -> None:
    answer = http.put(f"{http.galleries}/{name}", gallery())
    assert refusal(answer) == (400, "BadRequest")
    assert message(answer).startswith("Gallery name is invalid. Allowed characters")


def test_a_gallery_name_is_unique_in_the_subscription(azure: Switchboard, http: Http, parents: Paths) -> None:
    other = parents.gallery.replace(GROUP, "sources-rg").replace("shared", "SHARED")
    assert "'SHARED' is not unique within the subscription" in message(http.put(other, gallery()))


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("Atlantis", (400, "LocationNotAvailableForResourceType")),
        (7, (400, "LocationNotAvailableForResourceType")),
        (None, (400, "InvalidParameter")),
    ],
)
def test_a_gallery_needs_a_known_location(
    http: Http, paths: Paths, location: object, expected: tuple[int, str]
) -> None:
    assert refusal(http.put(paths.gallery, {"location": location})) == expected


def test_a_resource_cannot_move(http: Http, parents: Paths) -> None:
    answer = http.put(parents.gallery, gallery() | {"location": "North Europe"})
    assert refusal(answer) == (409, "InvalidResourceLocation")
    assert message(answer) == (
        "The resource 'shared' already exists in location 'westeurope' in resource group 'images-rg'. A resource with "
        "the same name cannot be created in location 'northeurope'. Please select a new resource name."
    )


def test_unknown_members_are_refused_and_read_only_ones_ignored(http: Http, paths: Paths) -> None:
    assert "Could not find member 'colour'" in message(http.put(paths.gallery, gallery(colour="red")))
    read_only = gallery(identifier={"uniqueName": "mine"}, provisioningState="Failed")
    answer = http.put(paths.gallery, read_only | {"id": "x", "name": "y", "type": "z"})
    assert answer.status_code == 201
    assert answer.json()["name"] == "shared"
    assert answer.json()["properties"]["identifier"]["uniqueName"].endswith("-SHARED")


# --- definitions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["-dash", "_x", "dot.", "dash-", "ü", "a" * 81])
def test_a_definition_name_follows_its_rule(http: Http, parents: Paths, name: str) -> None:
    answer = http.put(f"{parents.gallery}/images/{name}", definition())
    assert refusal(answer) == (400, "InvalidParameter")
    assert r"validation rule: ^[^_\W][\w-._]{0,79}(?<![-.])$" in message(answer)


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        ("properties.osType", "BeOS", "galleryImage.properties.osType"),
        ("properties.osState", None, "Required parameter 'galleryImage.properties.osState' is missing"),
        ("properties.identifier.sku", None, "galleryImage.properties.identifier.sku"),
        ("properties.identifier.publisher", "p" * 129, "galleryImage.properties.identifier.publisher"),
        ("properties.identifier.offer", "o" * 65, "galleryImage.properties.identifier.offer"),
        ("properties.identifier.sku", "ends.", "galleryImage.properties.identifier.sku"),
        ("properties.identifier.sku", "sp ace", "galleryImage.properties.identifier.sku"),
        ("properties.endOfLifeDate", "2020-01-01T00:00:00Z", "EndOfLifeDate must be set to a future date."),
        ("properties.endOfLifeDate", "soon", "Could not convert string to DateTimeOffset: soon. Path 'properties."),
        ("properties.recommended.vCPUs", {"min": 4, "max": 2}, "The minimum value of vCPUs must not be greater"),
        ("properties.recommended.memory", {"min": "x"}, "galleryImage.properties.recommended.memory.min"),
        ("properties.architecture", "Arm64", "requires Hypervisor generation 'V2'"),
    ],
)
def test_a_definition_is_checked(http: Http, parents: Paths, path: str, value: object, text: str) -> None:
    body = changed(definition(hyperVGeneration="V1"), "properties.identifier.sku", "other")
    answer = http.put(f"{parents.gallery}/images/other", changed(body, path, value))
    assert refusal(answer) == (400, "InvalidParameter")
    assert text in message(answer)


def test_publisher_offer_and_sku_are_unique_in_a_gallery(http: Http, parents: Paths) -> None:
    answer = http.put(f"{parents.gallery}/images/other", changed(definition(), "properties.identifier.sku", "UBUNTU"))
    assert message(answer) == (
        "Gallery image: ubuntu identified by (publisher:example, offer:linux, sku:UBUNTU) already exists. Choose a "
        "different publisher, offer, sku combination."
    )
    assert http.put(f"{parents.gallery}/images/other", changed(definition(), "properties.identifier.sku", "x")).ok


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("osType", "Windows"),
        ("osState", "Specialized"),
        ("hyperVGeneration", "V1"),
        ("architecture", "Arm64"),
        ("eula", "https://example.com/new"),
        ("privacyStatementUri", "https://example.com/new"),
        ("purchasePlan", {"name": "n"}),
        ("identifier.sku", "other"),
        ("features", [{"name": "SecurityType", "value": "TrustedLaunch"}]),
    ],
)
def test_what_is_fixed_in_a_definition_cannot_change(http: Http, parents: Paths, path: str, value: object) -> None:
    answer = http.put(parents.definition, changed(definition(), f"properties.{path}", value))
    assert refusal(answer) == (409, "PropertyChangeNotAllowed")
    assert message(answer) == f"Changing property 'galleryImage.properties.{path}' is not allowed."
    assert answer.json()["error"]["target"] == f"galleryImage.properties.{path}"


def test_an_end_of_life_date_that_has_passed_may_stay(azure: Switchboard, http: Http, parents: Paths) -> None:
    soon = (azure.now() + timedelta(days=1)).isoformat()
    body = definition(endOfLifeDate=soon)
    assert http.put(parents.definition, body).status_code == 200
    azure.advance(timedelta(days=2))
    assert http.put(parents.definition, body | {"tags": {"a": "b"}}).status_code == 200
