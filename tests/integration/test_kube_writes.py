"""What the API server makes of our writes: on a real one, with a small kind of this test's own."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from gallery_operator.clock import SystemClock
from gallery_operator.engine.keys import Key
from gallery_operator.engine.store import Change, Store
from gallery_operator.kube.client import Kube, Seen
from gallery_operator.kube.errors import Conflict, Forbidden, KubeError, NotFound
from gallery_operator.kube.events import EventRecorder
from gallery_operator.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from dev.control_plane import Cluster

GROUP = "writes.gallery-operator.test"
API_VERSION = f"{GROUP}/v1"
FINALIZER = f"{GROUP}/cleanup"

CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"widgets.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {"type": "object", "properties": {"size": {"type": "integer"}}},
                            "status": {
                                "type": "object",
                                "properties": {
                                    "progress": {"type": "integer", "maximum": 100},
                                    "note": {"type": "string"},
                                    "foreign": {"type": "string"},
                                },
                            },
                        },
                    }
                },
            }
        ],
    },
}


@pytest.fixture(scope="module")
def widgets(cluster: Cluster) -> Iterator[None]:
    cluster.kubectl("apply", "-f", "-", input=json.dumps(CRD))
    cluster.kubectl("wait", "--for=condition=Established", f"crd/widgets.{GROUP}", "--timeout=60s")
    yield
    if cluster.foreign:
        cluster.kubectl("delete", "crd", f"widgets.{GROUP}", "--wait=false")


@pytest.fixture
async def kube(cluster: Cluster, widgets: None) -> AsyncIterator[Kube]:
    kube = await Kube.connect(cluster.kubeconfig, api_version=API_VERSION, plurals={"Widget": "widgets"})
    yield kube
    await kube.close()


@pytest.fixture
async def widget(kube: Kube, cluster: Cluster, namespace: str) -> dict[str, Any]:
    create(cluster, namespace, "w")
    return await kube.get("Widget", namespace, "w")


def create(cluster: Cluster, namespace: str, *names: str) -> None:
    items = [
        {
            "apiVersion": API_VERSION,
            "kind": "Widget",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"size": 1},
        }
        for name in names
    ]
    cluster.kubectl("create", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


async def test_a_status_is_applied_and_the_spec_and_generation_stay(kube: Kube, widget: dict[str, Any]) -> None:
    applied = await kube.apply_status(widget, {"progress": 40, "note": "halfway"})
    assert applied["status"] == {"progress": 40, "note": "halfway"}
    assert applied["spec"] == widget["spec"]
    assert applied["metadata"]["generation"] == 1
    assert {entry["manager"] for entry in applied["metadata"]["managedFields"]} >= {"gallery-operator"}


@pytest.mark.parametrize("text", ["Größe 中文 🎉\U0010ffff", "\x00\x1b[31m\x7f\x85\u2028\ufeff\ufffe", '\\ud83c "\\'])
async def test_a_status_keeps_every_character(kube: Kube, widget: dict[str, Any], text: str) -> None:
    applied = await kube.apply_status(widget, {"note": text})
    assert applied["status"] == {"note": text}


async def test_half_a_character_in_a_status_is_replaced(kube: Kube, widget: dict[str, Any]) -> None:
    applied = await kube.apply_status(widget, {"note": "cut off: \ud83c"})
    assert applied["status"] == {"note": "cut off: \ufffd"}


async def test_a_status_field_left_out_goes_away_and_so_does_that_of_someone_else(
    kube: Kube, cluster: Cluster, widget: dict[str, Any], namespace: str
) -> None:
    await kube.apply_status(widget, {"progress": 40, "note": "halfway"})
    cluster.kubectl(
        "patch", "widget", "w", "-n", namespace, "--subresource=status", "--type=merge",
        "-p", '{"status":{"foreign":"theirs"}}',
    )  # fmt: skip
    applied = await kube.apply_status(await kube.get("Widget", namespace, "w"), {"progress": 100})
    assert applied["status"] == {"progress": 100}
    again = await kube.apply_status(applied, {"note": "done"})
    assert again["status"] == {"note": "done"}


async def test_what_someone_else_writes_between_two_requests_is_a_conflict(kube: Kube, widget: dict[str, Any]) -> None:
    first = await kube.apply_status(widget, {"progress": 40})
    await kube.patch_metadata(first, annotations={"x/a": "1"})
    with pytest.raises(Conflict):
        await kube._replace_status(first, {"note": "done"})


async def test_an_unchanged_status_makes_no_new_revision(kube: Kube, widget: dict[str, Any]) -> None:
    first = await kube.apply_status(widget, {"progress": 40})
    second = await kube.apply_status(first, {"progress": 40})
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


async def test_a_status_for_an_older_revision_is_a_conflict(kube: Kube, widget: dict[str, Any]) -> None:
    await kube.apply_status(widget, {"progress": 40})
    with pytest.raises(Conflict):
        await kube.apply_status(widget, {"progress": 50})


async def test_a_status_for_an_object_that_was_created_again_is_a_conflict(
    kube: Kube, cluster: Cluster, widget: dict[str, Any], namespace: str
) -> None:
    await kube.delete(widget)
    create(cluster, namespace, "w")
    with pytest.raises(Conflict):
        await kube.apply_status(widget, {"progress": 40})
    assert "status" not in await kube.get("Widget", namespace, "w")


async def test_a_status_for_an_object_that_is_gone_creates_nothing(
    kube: Kube, widget: dict[str, Any], namespace: str
) -> None:
    await kube.delete(widget)
    with pytest.raises(NotFound):
        await kube.apply_status(widget, {"progress": 40})
    with pytest.raises(NotFound):
        await kube.get("Widget", namespace, "w")


async def test_a_status_that_the_schema_refuses_says_which_field(kube: Kube, widget: dict[str, Any]) -> None:
    with pytest.raises(KubeError, match=r"422.*status\.progress"):
        await kube.apply_status(widget, {"progress": 400})


async def test_a_finalizer_holds_a_deletion_back_until_it_is_removed(
    kube: Kube, widget: dict[str, Any], namespace: str
) -> None:
    claimed = await kube.patch_metadata(widget, finalizers=[FINALIZER])
    assert claimed["metadata"]["finalizers"] == [FINALIZER]
    await kube.delete(claimed)
    dying = await kube.get("Widget", namespace, "w")
    assert dying["metadata"]["deletionTimestamp"]
    await kube.patch_metadata(dying, finalizers=[])
    with pytest.raises(NotFound):
        await kube.get("Widget", namespace, "w")


async def test_annotations_are_set_and_removed_one_by_one(kube: Kube, widget: dict[str, Any]) -> None:
    both = await kube.patch_metadata(widget, annotations={"x/a": "1", "x/b": "2"})
    assert both["metadata"]["annotations"] == {"x/a": "1", "x/b": "2"}
    one = await kube.patch_metadata(both, annotations={"x/a": None})
    assert one["metadata"]["annotations"] == {"x/b": "2"}
    assert "finalizers" not in one["metadata"]


async def test_metadata_for_an_older_revision_is_a_conflict(kube: Kube, widget: dict[str, Any]) -> None:
    await kube.patch_metadata(widget, annotations={"x/a": "1"})
    with pytest.raises(Conflict):
        await kube.patch_metadata(widget, finalizers=[FINALIZER])


async def test_a_deletion_means_one_incarnation_and_may_be_repeated(
    kube: Kube, cluster: Cluster, widget: dict[str, Any], namespace: str
) -> None:
    await kube.delete(widget)
    await kube.delete(widget)
    create(cluster, namespace, "w")
    with pytest.raises(Conflict):
        await kube.delete(widget)
    assert (await kube.get("Widget", namespace, "w"))["metadata"]["uid"] != widget["metadata"]["uid"]


async def test_a_metadata_list_spans_pages_and_keeps_to_its_namespace(
    kube: Kube, cluster: Cluster, widget: dict[str, Any], namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gallery_operator.kube.client._PAGE", 2)
    create(cluster, namespace, "a", "b", "c", "d")
    other = f"{namespace}-other"
    cluster.kubectl("create", "namespace", other)
    create(cluster, other, "elsewhere")
    here = await kube.list_metadata("Widget", namespace)
    assert {name for _, name in here} == {"a", "b", "c", "d", "w"}
    assert here[namespace, "w"] == Seen(widget["metadata"]["uid"], widget["metadata"]["resourceVersion"])
    everywhere = await kube.list_metadata("Widget")
    assert here.items() <= everywhere.items()
    assert (other, "elsewhere") in everywhere
    cluster.kubectl("delete", "namespace", other, "--wait=false")


async def test_our_own_writes_and_the_events_they_cause_fit_together_in_the_store(
    kube: Kube, widget: dict[str, Any]
) -> None:
    store = Store()
    assert store.put(widget) is Change.NEW
    claimed = await kube.patch_metadata(widget, finalizers=[FINALIZER])
    assert store.put(claimed) is Change.SPEC
    reported = await kube.apply_status(claimed, {"progress": 1})
    assert store.put(reported) is Change.STATUS_ONLY
    assert store.put(claimed) is Change.STALE
    assert store.put(reported) is Change.SAME
    slim = store.get(Key.of(widget))
    assert slim is not None
    assert "managedFields" not in slim["metadata"]
    await kube.patch_metadata(reported, finalizers=[])


async def test_a_namespaces_uid_is_read(kube: Kube, cluster: Cluster) -> None:
    expected = cluster.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
    assert await kube.namespace_uid("kube-system") == expected


async def test_events_show_up_at_their_object(
    kube: Kube, cluster: Cluster, widget: dict[str, Any], namespace: str
) -> None:
    recorder = EventRecorder(kube, SystemClock())
    await recorder.normal(widget, "Published", "published 🖼" + "€" * 2000)
    await recorder.warning(widget, "RegionFailed", "eastus2 failed")
    events = cluster.kubectl("events", "-n", namespace, "--for=widget/w")
    assert "Normal" in events
    assert "Published" in events
    assert "RegionFailed" in events
    assert "eastus2 failed" in events


async def test_an_event_in_a_terminating_namespace_raises_nothing(kube: Kube, cluster: Cluster, namespace: str) -> None:
    doomed = f"{namespace}-doomed"
    cluster.kubectl("create", "namespace", doomed)
    create(cluster, doomed, "w")
    widget = await kube.get("Widget", doomed, "w")
    # A finalizer keeps the object, and so the namespace, while the event is written.
    widget = await kube.patch_metadata(widget, finalizers=[FINALIZER])
    cluster.kubectl("delete", "namespace", doomed, "--wait=false")
    event = {
        "metadata": {"name": f"e.{uuid.uuid4().hex}", "namespace": doomed},
        "eventTime": "2026-01-02T03:04:05.678901Z",
    }
    with pytest.raises(Forbidden) as caught:
        await kube.create_event(event)
    assert caught.value.reason == "NamespaceTerminating"
    await EventRecorder(kube, SystemClock()).normal(widget, "Deleted", "gone")
    await kube.patch_metadata(await kube.get("Widget", doomed, "w"), finalizers=[])


async def test_requests_are_counted(cluster: Cluster, widgets: None, namespace: str) -> None:
    metrics = Metrics()
    kube = await Kube.connect(
        cluster.kubeconfig, api_version=API_VERSION, plurals={"Widget": "widgets"}, metrics=metrics
    )
    with pytest.raises(NotFound):
        await kube.get("Widget", namespace, "nobody")
    await kube.close()
    (family,) = [family for family in metrics.registry.collect() if family.name == "rest_client_requests"]
    (sample,) = [sample for sample in family.samples if sample.name.endswith("_total")]
    assert (sample.labels["method"], sample.labels["code"], sample.value) == ("GET", "404", 1)
