"""The switchboard: clock, settings, resources behind the operator's back."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from dev.azure_simulator import AzureSimulator, Endpoints, FailRegion, Refuse, Settings, Switchboard, fill, source_id
from dev.azure_simulator import simulator as simulator_module
from gallery_operator.clock import FileClock
from tests.simulator.conftest import Paths
from tests.simulator.support import Http, definition, gallery, version


def test_the_clock_is_stepped_for_every_process_that_reads_it(simulator: AzureSimulator, azure: Switchboard) -> None:
    clock = FileClock(simulator.endpoints.clock_file)
    before = clock.now()
    azure.advance(timedelta(days=1))
    assert timedelta(days=1) <= clock.now() - before < timedelta(days=1, minutes=5)
    assert abs(azure.now() - simulator.clock.now()) < timedelta(minutes=1)


def test_the_clock_can_be_sped_up(azure: Switchboard) -> None:
    azure.set_speed(1_000_000)
    before, started = azure.now(), time.monotonic()
    while azure.now() - before < timedelta(hours=1):
        assert time.monotonic() - started < 10


def test_a_version_can_be_tampered_with_behind_the_operators_back(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    azure.create([(parents.version, version() | {"tags": {"a": "b", "c": "d"}})])
    targets = [{"name": "westeurope", "regionalReplicaCount": 9, "storageAccountType": "Standard_LRS"}]
    azure.tamper(
        parents.version,
        {"tags": {"a": "x", "c": None}, "properties": {"publishingProfile": {"targetRegions": targets}}},
    )
    assert azure.journal() == []
    body = http.get(parents.version).json()
    assert body["tags"] == {"a": "x"}
    (target,) = body["properties"]["publishingProfile"]["targetRegions"]
    assert (target["name"], target["regionalReplicaCount"]) == ("West Europe", 9)
    assert body["properties"]["provisioningState"] == "Succeeded"


def test_tampering_with_an_unknown_region_changes_nothing(azure: Switchboard, parents: Paths) -> None:
    azure.create([(parents.version, version())])
    before = azure.resource(parents.version)
    patch = {"tags": {"a": "b"}, "properties": {"publishingProfile": {"targetRegions": [{"name": "Atlantis"}]}}}
    with pytest.raises(ValueError, match="atlantis"):
        azure.tamper(parents.version, patch)
    assert azure.resource(parents.version) == before


def test_a_looked_at_resource_leaves_no_trace_in_the_journal(azure: Switchboard, parents: Paths) -> None:
    azure.create([(parents.version, version())])
    seen = azure.resource(parents.version)
    assert seen is not None
    assert seen["properties"]["replicationStatus"]["aggregatedState"] == "Completed"
    assert azure.resource(f"{parents.versions}/9.9.9") is None
    assert azure.resources() == [parents.gallery, parents.definition, parents.version]
    assert azure.journal() == []


def test_a_removed_gallery_takes_what_it_holds_with_it(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.create([(parents.version, version())])
    azure.remove(parents.gallery)
    assert azure.resources() == []
    assert http.put(parents.gallery, gallery()).status_code == 201


def test_a_resource_deleted_and_created_anew_is_not_taken_away_by_the_old_deletion(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    azure.create([(parents.version, version())])
    http.delete(parents.version)
    azure.remove(parents.version)
    azure.create([(parents.version, version())])
    azure.advance(timedelta(hours=1))
    assert http.get(parents.version).status_code == 200


def test_created_resources_obey_the_rules(azure: Switchboard, paths: Paths) -> None:
    with pytest.raises(ValueError, match="ParentResourceNotFound"):
        azure.create([(paths.version, version())])
    with pytest.raises(ValueError, match="not the id of a gallery"):
        azure.create([("/subscriptions/x", {})])


def test_the_journal_can_be_filtered_and_cleared(azure: Switchboard, http: Http, parents: Paths) -> None:
    http.get(parents.gallery)
    http.get(parents.definition)
    http.delete(parents.definition)
    assert [entry.request for entry in azure.journal("^DELETE")] == [f"DELETE {parents.definition}"]
    first = azure.journal()[0]
    assert len(azure.journal(after=first.number)) == 2
    azure.clear_journal()
    assert azure.journal() == []
    http.get(parents.gallery)
    assert azure.journal()[0].number > first.number


def test_settings_change_one_by_one_and_reset_restores_them(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.configure(retry_after=5)
    azure.configure(durations={"version_delete": 1000})
    azure.create([(parents.version, version())])
    assert http.delete(parents.version).headers["Retry-After"] == "5"
    azure.advance(timedelta(seconds=900))
    assert http.get(parents.version).status_code == 200
    azure.fault(Refuse())
    azure.reset()
    assert azure.resources() == []
    assert azure.faults() == []
    assert http.get(http.galleries).status_code == 200
    azure.create([(parents.gallery, gallery()), (parents.definition, definition())])
    assert http.put(parents.version, version()).headers["Retry-After"] == "60"


@pytest.mark.parametrize(("setting", "value"), [("retry_after", -1), ("unknown", 1), ("durations", {"x": 1})])
def test_a_wrong_setting_is_refused(azure: Switchboard, setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=setting if setting != "durations" else "x"):
        azure.configure(**{setting: value})


def test_faults_survive_the_way_to_the_simulator(azure: Switchboard) -> None:
    azure.fault(FailRegion(region="West US 2", times=3, match="PUT"))
    (fault,) = azure.faults()
    assert fault == FailRegion(region="westus2", times=3, match="PUT")


def test_thousands_of_versions_are_there_quickly(azure: Switchboard, http: Http) -> None:
    azure.create(fill.resources(2500))
    ids = azure.resources()
    assert len(ids) == 1 + 3 + 2500
    states = {http.get(resource_id).json()["properties"]["provisioningState"] for resource_id in ids[::500]}
    assert states == {"Succeeded"}


def test_two_simulators_run_side_by_side(azure: Switchboard, parents: Paths) -> None:
    with AzureSimulator.start(settings=Settings(retry_after=1)) as other:
        board = Switchboard(other.endpoints)
        assert board.resources() == []
        board.close()
    assert azure.resources() == [parents.gallery, parents.definition]


def test_a_taken_port_is_reported(simulator: AzureSimulator) -> None:
    port = int(simulator.endpoints.url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="in use"):
        AzureSimulator.start(port=port)


def test_a_simulator_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator_module, "application", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        AzureSimulator.start()


def test_temporary_files_go_when_the_simulator_stops() -> None:
    with AzureSimulator.start() as running:
        folder = running.endpoints.ca_file.parent
        assert folder.exists()
    assert not folder.exists()


def test_endpoints_survive_json(simulator: AzureSimulator) -> None:
    endpoints = simulator.endpoints
    assert Endpoints.from_json(endpoints.to_json()) == endpoints
    assert endpoints.environment()["GALLERY_OPERATOR_ARM_ENDPOINT"] == endpoints.url


def test_source_ids_are_those_of_the_seeds(http: Http) -> None:
    assert http.get(source_id("Microsoft.Compute/images", "ubuntu-2404-20261122")).json()["location"] == "westeurope"
