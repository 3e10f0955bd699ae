"""The recorded sequences of statuses, headers and bodies."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from dev.azure_simulator import AzureSimulator, DataDisk, Source, Switchboard, operations, source_id
from dev.azure_simulator.errors import ArmError
from tests.simulator.conftest import Paths
from tests.simulator.support import IMAGE, Http, Json, changed, definition, gallery, version

MINUTE = timedelta(minutes=1)


def signs(answer: requests.Response) -> tuple[int, bool, bool, str | None]:
    """Return status, whether there are Azure-AsyncOperation and Location, and Retry-After."""
    headers = answer.headers
    return answer.status_code, "Azure-AsyncOperation" in headers, "Location" in headers, headers.get("Retry-After")


def state(answer: requests.Response) -> str:
    return str(answer.json()["properties"]["provisioningState"])


def test_gallery_writes_follow_the_recorded_sequence(azure: Switchboard, http: Http, paths: Paths) -> None:
    created = http.put(paths.gallery, gallery(description="one"))
    assert (*signs(created), state(created)) == (201, True, False, None, "Creating")
    assert created.json()["properties"]["identifier"]["uniqueName"].endswith("-SHARED")
    azure.advance(MINUTE)
    assert state(http.get(paths.gallery)) == "Succeeded"
    updated = http.put(paths.gallery, gallery(description="two"))
    assert (*signs(updated), state(updated)) == (200, True, False, None, "Updating")
    azure.advance(MINUTE)
    unchanged = http.patch(paths.gallery, {"properties": {"description": "two"}})
    assert (*signs(unchanged), state(unchanged)) == (200, True, False, None, "Succeeded")
    deleted = http.delete(paths.gallery)
    assert (*signs(deleted), deleted.content) == (202, True, True, None, b"")
    azure.advance(MINUTE)
    assert http.get(paths.gallery).status_code == 404
    assert (*signs(http.delete(paths.gallery)), b"") == (204, False, False, None, b"")


def test_definition_writes_follow_the_recorded_sequence(azure: Switchboard, http: Http, paths: Paths) -> None:
    azure.create([(paths.gallery, gallery())])
    created = http.put(paths.definition, definition())
    assert (*signs(created), state(created)) == (201, True, False, None, "Creating")
    azure.advance(MINUTE)
    updated = http.put(paths.definition, definition(description="new"))
    assert (*signs(updated), state(updated)) == (200, True, False, None, "Updating")
    azure.advance(MINUTE)
    patched = http.patch(paths.definition, {"properties": {"releaseNoteUri": "https://example.com"}})
    assert (*signs(patched), state(patched)) == (200, True, False, None, "Updating")
    assert patched.json()["properties"]["description"] == "new"
    azure.advance(MINUTE)
    assert signs(http.delete(paths.definition)) == (202, True, True, None)


def test_version_writes_follow_the_recorded_sequence(azure: Switchboard, http: Http, parents: Paths) -> None:
    created = http.put(parents.version, version())
    assert (*signs(created), state(created)) == (201, True, False, "60", "Creating")
    azure.advance(8 * MINUTE)
    patched = http.patch(parents.version, {"tags": {"a": "b"}})
    assert (*signs(patched), state(patched)) == (200, True, False, "60", "Updating")
    azure.advance(2 * MINUTE)
    assert state(http.get(parents.version)) == "Updating"
    azure.advance(MINUTE)
    assert state(http.get(parents.version)) == "Succeeded"
    updated = http.put(parents.version, version())
    assert (*signs(updated), state(updated)) == (200, True, False, "60", "Updating")
    azure.advance(3 * MINUTE)
    deleted = http.delete(parents.version)
    assert (*signs(deleted), deleted.content) == (202, True, True, "60", b"")
    assert state(http.get(parents.version)) == "Deleting"
    azure.advance(2 * MINUTE)
    assert http.get(parents.version).status_code == 404


def test_a_new_version_answers_with_the_recorded_body(http: Http, parents: Paths) -> None:
    body = version()
    body["location"] = "East US 2"
    body["properties"]["storageProfile"]["source"]["id"] = source_id("Microsoft.Compute/images", "ubuntu-2404-eastus2")
    body["properties"]["publishingProfile"] = {"targetRegions": [{"name": "eastus2"}, {"name": "West US 2"}]}
    answer = http.put(parents.version, body, api="2022-03-03").json()
    published = answer["properties"]["publishingProfile"].pop("publishedDate")
    assert published.startswith("20")
    target = {"regionalReplicaCount": 1, "storageAccountType": "Standard_LRS"}
    assert answer == {
        "name": "1.0.0",
        "id": parents.version,
        "type": "Microsoft.Compute/galleries/images/versions",
        "location": "eastus2",
        "properties": {
            "publishingProfile": {
                "targetRegions": [{"name": "East US 2", **target}, {"name": "West US 2", **target}],
                "replicaCount": 1,
                "excludeFromLatest": False,
                "storageAccountType": "Standard_LRS",
            },
            "storageProfile": body["properties"]["storageProfile"],
            "safetyProfile": {"reportedForPolicyViolation": False, "allowDeletionOfReplicatedLocations": False},
            "validationsProfile": {"validationOperationStatus": "NotExecuted"},
            "provisioningState": "Creating",
        },
    }


def test_disks_and_platform_attributes_appear_when_the_version_succeeds(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    source = source_id("Microsoft.Compute/images", "with-disks")
    disks = (DataDisk(lun=3, sizeGB=64),)
    azure.add_source(Source(id=source, location="westeurope", dataDisks=disks, platform=("a", "b", "c")))
    http.put(parents.version, version(source={"source": {"id": source}}))
    azure.advance(8 * MINUTE)
    properties = http.get(parents.version).json()["properties"]
    assert properties["storageProfile"] == {
        "source": {"id": source},
        "osDiskImage": {"sizeInGB": 30, "hostCaching": "ReadWrite", "source": {}},
        "dataDiskImages": [{"lun": 3, "sizeInGB": 64, "hostCaching": "None"}],
    }
    attributes = {item["name"]: item["value"] for item in properties["validationsProfile"]["platformAttributes"]}
    assert attributes == {"source_image_publisher": "a", "source_image_offer": "b", "source_image_sku": "c"}


def test_the_operation_resource_goes_from_in_progress_to_succeeded(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    url = http.put(parents.version, version()).headers["Azure-AsyncOperation"]
    running = http.get(url)
    assert (running.status_code, running.headers["Retry-After"]) == (200, "60")
    assert running.json().keys() == {"startTime", "status", "name"}
    assert running.json()["status"] == "InProgress"
    azure.advance(8 * MINUTE)
    done = http.get(url)
    assert "Retry-After" not in done.headers
    assert done.json()["status"] == "Succeeded"
    assert done.json().keys() == {"startTime", "endTime", "status", "name"}
    assert url.split("?")[0].endswith(done.json()["name"])


def test_the_location_of_a_deletion_answers_202_then_an_empty_200(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    url = http.delete(parents.definition).headers["Location"]
    assert "monitor=true" in url
    assert http.get(url).status_code == 202
    azure.advance(MINUTE)
    done = http.get(url)
    assert (done.status_code, done.content) == (200, b"")


def test_operation_urls_are_long_and_opaque(http: Http, parents: Paths) -> None:
    body = changed(version(), "location", "WestEurope")
    url = http.put(parents.version, body).headers["Azure-AsyncOperation"]
    assert "/locations/WestEurope/capsOperations/" in url
    assert len(url) > 2500
    rebuilt = url.split("&", maxsplit=1)[0]
    assert http.get(rebuilt).status_code == 404
    assert http.get(url).status_code == 200


def test_the_oldest_operations_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "_REMEMBERED", 2)
    kept = operations.Operations()
    started = [kept.start("create", 0, 1) for _ in range(3)]

    def query(operation: operations.Operation) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(kept.url(operation, "https://x", "s", "l", "v")).query))

    assert [kept.find(operation.name, query(operation)) for operation in started[1:]] == started[1:]
    with pytest.raises(ArmError, match="404"):
        kept.find(started[0].name, query(started[0]))


def test_put_drops_omitted_tags_and_keeps_source_and_end_of_life(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    full = version(endOfLifeDate="2090-01-01T00:00:00Z") | {"tags": {"a": "b"}}
    azure.create([(parents.version, full)])
    assert http.get(parents.version).json()["tags"] == {"a": "b"}
    short = changed(version(), "properties.storageProfile", {})
    answer = http.put(parents.version, short).json()
    assert "tags" not in answer
    assert answer["properties"]["storageProfile"]["source"]["id"] == IMAGE
    assert answer["properties"]["publishingProfile"]["endOfLifeDate"] == "2090-01-01T00:00:00Z"
    assert "validationsProfile" not in answer["properties"]


def test_patch_merges_objects_and_replaces_arrays_and_tags(azure: Switchboard, http: Http, parents: Paths) -> None:
    full = changed(
        version("westeurope", "northeurope"), "properties.safetyProfile.allowDeletionOfReplicatedLocations", True
    )
    azure.create([(parents.version, full | {"tags": {"a": "b"}})])
    profile = {
        "targetRegions": [{"name": "westeurope", "regionalReplicaCount": 4}],
        "storageAccountType": "Standard_LRS",
    }
    answer = http.patch(parents.version, {"tags": {"c": "d"}, "properties": {"publishingProfile": profile}}).json()
    assert answer["tags"] == {"c": "d"}
    targets = answer["properties"]["publishingProfile"]["targetRegions"]
    assert [(target["name"], target["regionalReplicaCount"]) for target in targets] == [("West Europe", 4)]
    assert answer["properties"]["publishingProfile"]["replicaCount"] == 1


def test_what_a_get_returns_can_be_put_back(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.create([(parents.version, version("westeurope", "eastus2") | {"tags": {"a": "b"}})])
    for path in (parents.gallery, parents.definition, parents.version):
        before = http.get(path).json()
        answer = http.put(path, before)
        assert answer.status_code == 200, answer.text
        azure.advance(MINUTE * 5)
        assert http.get(path).json() == before


def test_published_date_is_that_of_the_create_and_stays(azure: Switchboard, http: Http, parents: Paths) -> None:
    first = http.put(parents.version, version()).json()["properties"]["publishingProfile"]["publishedDate"]
    azure.advance(8 * MINUTE)
    http.put(parents.version, version(replicaCount=2))
    assert http.get(parents.version).json()["properties"]["publishingProfile"]["publishedDate"] == first


def test_paths_are_compared_without_regard_to_case(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.create([(parents.version, version())])
    assert http.get(parents.version.upper()).json()["id"] == parents.version
    assert (
        http.put(parents.gallery.lower().replace("galleries/shared", "Galleries/SHARED"), gallery()).status_code == 200
    )


@pytest.mark.parametrize(
    ("api", "expected"),
    [
        ("2024-03-03", {"hyperVGeneration": "V1", "architecture": "x64"}),
        (
            "2025-03-03",
            {
                "hyperVGeneration": "V2",
                "architecture": "x64",
                "features": [{"name": "SecurityType", "value": "TrustedLaunchSupported"}],
            },
        ),
    ],
)
def test_defaults_of_a_definition_depend_on_the_api_version(
    http: Http, parents: Paths, api: str, expected: Json
) -> None:
    body = definition(identifier={"publisher": "p", "offer": "o", "sku": "s"}, disallowed={})
    del body["properties"]["hyperVGeneration"]
    answer = http.put(f"{parents.gallery}/images/defaults", body, api=api).json()["properties"]
    given = {"osType", "osState", "identifier", "provisioningState"}
    assert {name: value for name, value in answer.items() if name not in given} == expected


@pytest.mark.parametrize(("api", "expected"), [("2024-03-03", "Standard_LRS"), ("2025-03-03", "Standard_ZRS")])
def test_default_storage_of_a_zonal_region_depends_on_the_api_version(
    http: Http, parents: Paths, api: str, expected: str
) -> None:
    body = version()
    body["properties"]["publishingProfile"] = {"targetRegions": [{"name": "westeurope"}, {"name": "westus"}]}
    targets = http.put(parents.version, body, api=api).json()["properties"]["publishingProfile"]["targetRegions"]
    assert [target["storageAccountType"] for target in targets] == [expected, "Standard_LRS"]


def test_every_answer_carries_the_headers_of_arm(http: Http, paths: Paths) -> None:
    sent = {
        "x-ms-correlation-request-id": "c0ffee",
        "x-ms-client-request-id": "42",
        "x-ms-return-client-request-id": "true",
    }
    url = f"{http.url}{paths.gallery}?api-version=2026-03-03"
    headers = http.session.get(url, headers=sent, timeout=30).headers
    assert headers["x-ms-correlation-request-id"] == "c0ffee"
    assert headers["x-ms-client-request-id"] == "42"
    assert headers["x-ms-request-id"]
    assert headers["x-ms-routing-request-id"].startswith("SIMULATOR:")


def test_durations_follow_the_speed_of_the_clock(azure: Switchboard, http: Http, paths: Paths) -> None:
    with AzureSimulator.start(speed=100_000) as fast:
        board = Switchboard(fast.endpoints)
        board.create([(paths.gallery, gallery()), (paths.definition, definition()), (paths.version, version())])
        started = board.now()
        client = Http(fast.endpoints)
        client.delete(paths.version)
        while client.get(paths.version).status_code != 404:
            assert board.now() - started < timedelta(days=10)
        assert board.now() - started >= timedelta(seconds=120)
        board.close()
