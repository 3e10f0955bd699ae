"""The operator as a process: what it survives, and what it says when something is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dev.azure_simulator import Delay
from tests.integration import scenes
from tests.integration.blindfold import Blindfold
from tests.integration.driving import condition
from tests.integration.operating import FAST, Installation, Objects, Process, secrets_in, watched
from tests.packaging.running import eventually

if TYPE_CHECKING:
    from dev.azure_simulator import AzureSimulator, Switchboard
    from dev.control_plane import Cluster

VERSION, DEFINITION, GALLERY = "imageversions/ubuntu-1.0.0", "imagedefinitions/ubuntu", "galleries/platform"
WRONG_SECRET = "wr0ng-but-secret-all-the-same"


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[AzureSimulator]:
    """An Azure of each test's own: its clock runs fast."""
    from dev.azure_simulator import AzureSimulator

    with AzureSimulator.start(tmp_path / "azure", speed=FAST) as simulator:
        yield simulator


@pytest.fixture
def azure(simulator: AzureSimulator) -> Iterator[Switchboard]:
    from dev.azure_simulator import Switchboard

    switchboard = Switchboard(simulator.endpoints)
    yield switchboard
    switchboard.close()


@pytest.fixture
def installation(
    cluster: Cluster, crds: tuple[str, ...], simulator: AzureSimulator, namespace: str, tmp_path: Path
) -> Installation:
    del crds
    return Installation(cluster, simulator, tmp_path, [namespace])


@pytest.fixture
def objects(cluster: Cluster, installation: Installation) -> Objects:
    return Objects(cluster.kubectl, installation.namespaces[0])


def test_it_is_ready_when_it_has_seen_everything_and_not_before(
    installation: Installation, objects: Objects, tmp_path: Path
) -> None:
    installation.install()
    objects.apply(watched("early"))
    with Blindfold(installation.kubeconfig()) as blindfold:
        blindfold.hold_lists(True)
        through = str(blindfold.kubeconfig(tmp_path / "through.kubeconfig"))
        with installation.run(GALLERY_OPERATOR_KUBECONFIG=through) as process:
            assert process.probe("/healthz").status_code == 200
            answer = process.probe("/readyz")
            assert answer.status_code == 503
            assert answer.text == "[-]store: the store does not hold all objects yet\nfailed\n"
            assert objects.ready("galleries/early") == ("", "")
            blindfold.hold_lists(False)
            process.wait_until_ready()
            objects.wait_for("galleries/early", "NotFound", process)


def test_what_happens_while_the_watch_is_blind_is_found_out(
    installation: Installation, objects: Objects, tmp_path: Path
) -> None:
    installation.install()
    objects.apply(watched("stays"), watched("goes"))
    with Blindfold(installation.kubeconfig()) as blindfold:
        through = str(blindfold.kubeconfig(tmp_path / "through.kubeconfig"))
        with installation.ready(GALLERY_OPERATOR_KUBECONFIG=through) as process:
            for name in ("galleries/stays", "galleries/goes"):
                objects.wait_for(name, "NotFound", process)
            blindfold.blind()
            objects.forget("galleries/goes")
            objects.apply(watched("comes"))
            blindfold.expire()
            objects.wait_for("galleries/comes", "NotFound", process)
            process.wait_until_said(f"Gallery/{objects.namespace}/goes vanished unseen")
            assert process.metrics()["gallery_operator_resources", "gallery", "NotFound"] == 2
            objects.apply(watched("last"))
            objects.wait_for("galleries/last", "NotFound", process)
            assert process.stop() == 0


def test_stopped_or_killed_at_work_the_next_process_goes_on_and_nothing_is_sent_twice(
    installation: Installation, objects: Objects, azure: Switchboard
) -> None:
    installation.install()
    with installation.ready("--grace", "1s") as process:
        objects.apply(scenes.definition(), scenes.gallery(), watched("goes"))
        objects.wait_for(DEFINITION, "Succeeded", process)
        objects.wait_for("galleries/goes", "NotFound", process)
        azure.set_speed(1)
        azure.fault(Delay(match="PUT .*/versions/1.0.0", seconds=600))
        objects.apply(scenes.version())
        until_at_work(process)
        assert process.stop() == 0
        assert process.said("Cancelled reconciles that did not end in time")
        assert not re.search("Traceback|ERROR", process.log()), process.log()
    objects.forget("galleries/goes")
    objects.apply(watched("comes"))
    azure.clear_faults()
    azure.set_speed(FAST)
    with installation.ready() as process:
        objects.wait_for(VERSION, "Replicated", process)
        objects.wait_for("galleries/comes", "NotFound", process)
        assert process.metrics()["gallery_operator_resources", "gallery", "NotFound"] == 1
        azure.set_speed(1)
        objects.apply(scenes.version("1.0.1"))
        eventually(lambda: accepted(azure, "PUT .*/versions/1.0.1"), "1.0.1 is sent", otherwise=process.log)
        process.kill()
    azure.set_speed(FAST)
    with installation.ready() as process:
        objects.wait_for("imageversions/ubuntu-1.0.1", "Replicated", process)
        objects.kubectl("delete", "galleries,imagedefinitions,imageversions", "--all", "--timeout=60s")
        assert process.stop() == 0
        assert not re.search("Traceback|ERROR", process.log()), process.log()
    assert azure.resources() == []
    for number in ("1.0.0", "1.0.1"):
        assert accepted(azure, f"PUT .*/versions/{number}") == 1


def until_at_work(process: Process) -> None:
    eventually(
        lambda: process.metrics().get(("controller_runtime_active_workers", "imageversion")),
        "a version is at work",
        otherwise=process.log,
    )


def accepted(azure: Switchboard, match: str) -> int:
    return sum(entry.status in range(200, 300) for entry in azure.journal(match))


# --- what it says when something is missing ---


def test_without_the_right_to_list_it_ends_and_says_so_in_one_line(installation: Installation) -> None:
    installation.install(rights=False)
    with installation.run() as process:
        assert process.wait() == 1
        last = process.lines()[-1]
        assert last["level"] == "ERROR"
        assert re.match(r"Cannot run: GET /apis/gallery-operator.io/v1alpha1/\S+: 403 .* cannot list", last["msg"])
        assert "Traceback" not in process.log()


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"AZURE_CLIENT_SECRET": WRONG_SECRET}, "CredentialUnavailable"),
        ({"GALLERY_OPERATOR_ARM_ENDPOINT": "https://localhost:1"}, "ConnectionFailed"),
    ],
)
def test_without_azure_objects_say_so_and_the_operator_stays_ready(
    installation: Installation,
    objects: Objects,
    simulator: AzureSimulator,
    environment: dict[str, str],
    reason: str,
) -> None:
    installation.install()
    objects.apply(scenes.gallery())
    with installation.ready(**environment, GALLERY_OPERATOR_ARM_AUDIENCE=simulator.endpoints.url) as process:
        found = objects.wait_for(GALLERY, reason, process)
        assert condition(found, "Reconciling")["status"] == "True"
        assert condition(found, "Stalled") == {}
        assert process.probe("/readyz").status_code == 200
        assert process.probe("/healthz").status_code == 200
        told = process.log() + objects.text()
        assert secrets_in(told, simulator.endpoints.client_secret, WRONG_SECRET) == []
        assert process.stop() == 0
        assert "Traceback" not in process.log()
