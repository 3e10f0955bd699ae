"""The operator as a process, with kopf around it: what it serves and logs, and what it leaves alone.

What it does to Azure and why is tested where its reconcilers are driven; here is what only a process can show.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from gallery_operator.api import names
from tests.integration import scenes
from tests.integration.driving import condition
from tests.integration.operating import FAST, Installation, Objects, Process, secrets_in, watched
from tests.packaging.running import eventually

if TYPE_CHECKING:
    from dev.azure_simulator import AzureSimulator, Switchboard
    from dev.control_plane import Cluster

VERSION, GALLERY = "imageversions/ubuntu-1.0.0", "galleries/platform"


@dataclass(frozen=True)
class Stage:
    """An operator at work in two namespaces, beside a third one, and everything published."""

    process: Process
    azure: Switchboard
    simulator: AzureSimulator
    ours: Objects
    second: Objects
    foreign: Objects

    def mark(self) -> int:
        return max((entry.number for entry in self.azure.journal()), default=0)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureSimulator]:
    """An Azure of this module's own: its clock runs fast."""
    from dev.azure_simulator import AzureSimulator

    with AzureSimulator.start(tmp_path_factory.mktemp("azure"), speed=FAST) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def azure(simulator: AzureSimulator) -> Iterator[Switchboard]:
    from dev.azure_simulator import Switchboard

    switchboard = Switchboard(simulator.endpoints)
    yield switchboard
    switchboard.close()


@pytest.fixture(scope="module")
def stage(
    cluster: Cluster,
    crds: tuple[str, ...],
    simulator: AzureSimulator,
    azure: Switchboard,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    del crds
    ours, second, foreign = (Objects.in_a_new_namespace(cluster.kubectl) for _ in range(3))
    watched = [ours.namespace, second.namespace]
    installation = Installation(cluster, simulator, tmp_path_factory.mktemp("operator"), watched)
    installation.install()
    with installation.ready() as process:
        ours.apply(scenes.version(), scenes.definition(), scenes.gallery())
        second.apply(scenes.gallery(azureName="second"))
        foreign.apply(scenes.gallery(azureName="foreign"))
        ours.wait_for(VERSION, "Replicated", process)
        second.wait_for(GALLERY, "Succeeded", process)
        azure.set_speed(1)  # from here on, time passes when a test says so
        yield Stage(process, azure, simulator, ours, second, foreign)
        azure.set_speed(FAST)
        assert process.stop() == 0


def test_it_is_alive_and_ready(stage: Stage) -> None:
    for path in ("/healthz", "/readyz"):
        assert stage.process.probe(path).status_code == 200
    assert stage.process.probe("/readyz").text == "[+]store: ok\nok\n"


def test_metrics_have_the_names_of_controller_runtime_and_move(stage: Stage) -> None:
    found = stage.process.metrics()
    for kind in ("gallery", "imagedefinition", "imageversion"):
        assert found["workqueue_adds_total", kind] >= 1
        assert found["workqueue_depth", kind] == 0
        assert found["workqueue_queue_duration_seconds_count", kind] >= 1
        assert found["workqueue_work_duration_seconds_count", kind] >= 1
        assert found["workqueue_unfinished_work_seconds", kind] == 0
        assert found["workqueue_longest_running_processor_seconds", kind] == 0
        assert found["controller_runtime_active_workers", kind] == 0
        assert found["controller_runtime_reconcile_time_seconds_count", kind] >= 1
        assert found["controller_runtime_reconcile_total", kind, "requeue_after"] >= 1
    put = {name: value for name, value in found.items() if name[0] == "gallery_operator_arm_requests_total"}
    assert sum(value for name, value in put.items() if name[1] == "201") == 4, put
    assert found["gallery_operator_plans_total", "imageversion", "Create"] == 1
    assert found["gallery_operator_replication_duration_seconds_count",] == 1
    assert any(name[0] == "rest_client_requests_total" for name in found)
    assert 0 < found["gallery_operator_asyncio_tasks",] < 200


def test_objects_are_counted_by_the_state_that_kubectl_shows(stage: Stage) -> None:
    found = {name[1:]: value for name, value in stage.process.metrics().items() if name[0].endswith("_resources")}
    assert found == {
        ("gallery", "Succeeded"): 2,
        ("imagedefinition", "Succeeded"): 1,
        ("imageversion", "Replicated"): 1,
    }


def test_each_decision_is_one_line_of_json_that_says_what_was_done_why_and_under_which_correlation_id(
    stage: Stage,
) -> None:
    decisions = [line for line in stage.process.lines() if line.get("plan") == "Create"]
    assert sorted((line["kind"], line["namespace"], line["object"]) for line in decisions) == sorted(
        [
            ("Gallery", stage.ours.namespace, "platform"),
            ("Gallery", stage.second.namespace, "platform"),
            ("ImageDefinition", stage.ours.namespace, "ubuntu"),
            ("ImageVersion", stage.ours.namespace, "ubuntu-1.0.0"),
        ]
    )
    for line in decisions:
        assert line["why"]
        assert line["correlation_id"]
        assert line["level"] == "INFO"


def test_no_secret_and_no_token_is_in_the_log_an_event_a_status_or_a_metric(stage: Stage) -> None:
    told = "\n".join(
        [stage.process.log(), stage.process.probe("/metrics").text, stage.ours.text(), stage.second.text()]
    )
    assert secrets_in(told, stage.simulator.endpoints.client_secret) == []
    assert "ubuntu-1.0.0" in told


def test_only_the_namespaces_named_are_watched(stage: Stage) -> None:
    assert "status" not in stage.foreign.get(GALLERY) or stage.foreign.ready(GALLERY) == ("", "")
    assert not any("/galleries/foreign" in entry.path for entry in stage.azure.journal())
    assert (stage.azure.resource(str(scenes.GALLERY)) or {})["tags"][names.OWNER_TAG] == (
        f"{stage.ours.namespace}/{stage.ours.namespace}/platform"
    )


def test_kopf_leaves_no_trace_on_objects_and_our_finalizer_alone(stage: Stage) -> None:
    for each in (*stage.ours.all().values(), *stage.second.all().values()):
        metadata = each["metadata"]
        assert metadata["finalizers"] == [names.FINALIZER]
        assert "annotations" not in metadata
    assert "kopf" not in stage.ours.text()


def test_an_idle_object_is_not_written_though_resyncs_pass(stage: Stage) -> None:
    before, mark = revisions(stage.ours), stage.mark()
    resynced(stage)
    assert revisions(stage.ours) == before
    assert {entry.method for entry in stage.azure.journal(after=mark)} == {"GET"}


def test_labels_and_annotations_of_others_cause_no_call(stage: Stage) -> None:
    mark, decided = stage.mark(), adds(stage, "gallery")
    stage.ours.kubectl("label", GALLERY, "team=a")
    stage.ours.kubectl("annotate", GALLERY, "example.com/note=hello", "kubernetes.io/change-cause=test")
    # What is applied last is seen last: when it has a status, the others were seen, too.
    stage.ours.apply(watched("sentinel"))
    stage.ours.wait_for("galleries/sentinel", "NotFound", stage.process)
    assert not [entry for entry in stage.azure.journal(after=mark) if entry.path.endswith("/galleries/platform")]
    stage.ours.kubectl("delete", "galleries/sentinel")
    stage.ours.kubectl("label", GALLERY, "team-")
    stage.ours.kubectl("annotate", GALLERY, "example.com/note-", "kubernetes.io/change-cause-")
    assert adds(stage, "gallery") == decided + 1


def test_a_status_that_someone_edits_is_put_right_at_the_next_look(stage: Stage) -> None:
    before = stage.ours.get(VERSION)["status"]
    when = {"reason": "Edited", "message": "by hand", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    edited = {
        "latest": False,
        "operation": {"type": "Create"},
        "conditions": [{"type": "Ready", "status": "False", **when}, {"type": "Stalled", "status": "True", **when}],
    }
    stage.ours.kubectl(
        "patch", VERSION, "--subresource=status", "--type=merge", f"--patch={json.dumps({'status': edited})}"
    )
    mark = stage.mark()
    resynced(stage)
    eventually(
        lambda: without_times(stage.ours.get(VERSION)["status"]) == without_times(before),
        "the status is put right",
        otherwise=lambda: json.dumps(stage.ours.get(VERSION)["status"], indent=1),
    )
    assert {entry.method for entry in stage.azure.journal(after=mark)} == {"GET"}
    revision = revisions(stage.ours)
    resynced(stage)
    assert revisions(stage.ours) == revision


def test_what_the_models_cannot_read_is_reported_disturbs_nobody_and_can_be_deleted(
    stage: Stage, looser_definitions: None
) -> None:
    del looser_definitions
    with hurried(stage.azure):
        stage.ours.apply(other("published"))
        stage.ours.wait_for("imagedefinitions/published", "Succeeded", stage.process)
        months = {"lifecycle": {"endOfLife": {"after": "6 months"}}}
        stage.ours.apply(other("published", **months), other("new", **months))
        for name in ("imagedefinitions/published", "imagedefinitions/new"):
            found = stage.ours.wait_for(name, "InvalidSpec", stage.process)
            assert condition(found, "Stalled")["status"] == "True"
            assert "spec.lifecycle.endOfLife.after" in condition(found, "Ready")["message"]
        assert stage.ours.get("imagedefinitions/published")["status"]["id"] == str(
            scenes.GALLERY.definition("published")
        )
        stage.ours.apply(watched("beside"))
        stage.ours.wait_for("galleries/beside", "NotFound", stage.process)

        stage.ours.kubectl("delete", "imagedefinitions/published", "imagedefinitions/new", "--timeout=60s")
        stage.ours.kubectl("delete", "galleries/beside", "--timeout=60s")
    assert stage.azure.resource(str(scenes.GALLERY.definition("published"))) is None
    assert any(each.startswith("Warning InvalidSpec") for each in stage.ours.events("imagedefinitions/new"))
    assert stage.ours.ready(VERSION) == ("True", "Replicated")


@pytest.fixture
def looser_definitions(cluster: Cluster, stage: Stage) -> Iterator[None]:
    """The CRD of another version of the operator: it takes any text for a duration."""
    if cluster.foreign:
        pytest.skip("the CRDs of a cluster that is not ours stay as they are")
    crd = "crd/imagedefinitions.gallery-operator.io"
    duration = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/lifecycle/properties/endOfLife"
    where = f"{duration}/properties/after/x-kubernetes-validations"
    rules = cluster.kubectl.json("get", crd)
    for part in where.strip("/").split("/"):
        rules = rules[int(part)] if isinstance(rules, list) else rules[part]
    cluster.kubectl("patch", crd, "--type=json", "-p", json.dumps([{"op": "remove", "path": where}]))
    probe = json.dumps(other("probe", lifecycle={"endOfLife": {"after": "6 months"}}))
    eventually(
        lambda: stage.ours.kubectl("create", "--dry-run=server", "-f", "-", "-o", "name", input=probe, check=False),
        "the looser schema is in force",
        otherwise=stage.process.log,
    )
    yield
    cluster.kubectl("patch", crd, "--type=json", "-p", json.dumps([{"op": "add", "path": where, "value": rules}]))
    eventually(
        lambda: not stage.ours.kubectl("create", "--dry-run=server", "-f", "-", "-o", "name", input=probe, check=False),
        "the schema is in force again",
        otherwise=stage.process.log,
    )


@contextmanager
def hurried(azure: Switchboard) -> Iterator[None]:
    """Let Azure and the operator run fast for a while."""
    azure.set_speed(FAST)
    yield
    azure.set_speed(1)


def other(name: str, **spec: object) -> dict[str, object]:
    """Return an image definition beside that of the scene."""
    return scenes.definition(name, identifier={"publisher": "contoso", "offer": "ubuntu", "sku": name}, **spec)


def adds(stage: Stage, kind: str) -> float:
    return stage.process.metrics()["workqueue_adds_total", kind]


def revisions(objects: Objects) -> dict[str, str]:
    return {name: each["metadata"]["resourceVersion"] for name, each in objects.all().items()}


def without_times(status: dict[str, object]) -> str:
    conditions = [{**each, "lastTransitionTime": None} for each in status.get("conditions", [])]  # type: ignore[attr-defined]
    return json.dumps({**status, "conditions": conditions}, sort_keys=True)


def resynced(stage: Stage) -> None:
    """Let the longest time between two looks pass, and return when every object was looked at."""
    kinds = {"gallery": 2, "imagedefinition": 1, "imageversion": 1}
    before = {kind: adds(stage, kind) for kind in kinds}
    stage.azure.advance(timedelta(minutes=30) * 1.2)

    def looked() -> bool:
        found = stage.process.metrics()
        return all(
            found["workqueue_adds_total", kind] >= before[kind] + number
            and found["workqueue_depth", kind] == 0
            and found["controller_runtime_active_workers", kind] == 0
            for kind, number in kinds.items()
        )

    eventually(looked, "every object was looked at", otherwise=stage.process.log)
