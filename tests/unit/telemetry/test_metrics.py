"""Metrics: names and values as dashboards for controller-runtime expect them."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import generate_latest

from gallery_operator.engine.backoff import Backoff
from gallery_operator.engine.keys import Key
from gallery_operator.engine.metrics import EngineMetrics
from gallery_operator.engine.queue import WorkQueue
from gallery_operator.engine.workers import DONE, Outcome, Requeue, Workers
from gallery_operator.kube.connection import RequestMetrics
from gallery_operator.telemetry.metrics import Metrics
from tests.unit.engine.clocks import LoopClock

A = Key("ImageVersion", "ns", "a")


def value(metrics: Metrics, metric: str, /, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(metric, labels)


async def test_the_metrics_fit_the_engine_and_the_kubernetes_client() -> None:
    metrics = Metrics()
    for_engine: EngineMetrics = metrics
    for_kube: RequestMetrics = metrics
    for_engine.queue_added("Gallery")
    for_kube.kube_request("GET", "10.0.0.1", 200)
    assert value(metrics, "workqueue_adds_total", name="gallery") == 1
    assert value(metrics, "rest_client_requests_total", code="200", method="GET", host="10.0.0.1") == 1


@pytest.mark.looptime
async def test_a_working_engine_moves_the_metrics_of_queue_and_controller() -> None:
    metrics, clock = Metrics(), LoopClock()
    queue = WorkQueue(clock, metrics=metrics)
    workers = Workers(queue, Backoff(least=100), clock, count=1, metrics=metrics)
    seen_active = []

    async def reconcile(key: Key) -> Requeue:
        seen_active.append(value(metrics, "controller_runtime_active_workers", controller="imageversion"))
        if key == A:
            return Requeue(outcome=Outcome.FAILED)
        return Requeue(outcome=Outcome.TERMINAL) if key.name == "b" else DONE

    queue.add(A)
    queue.add(Key("ImageVersion", "ns", "b"))
    queue.add(Key("ImageVersion", "ns", "c"))
    assert value(metrics, "workqueue_depth", name="imageversion") == 3
    workers.start(reconcile)
    await asyncio.sleep(50)
    await workers.stop(grace=1)

    by_name, by_controller = {"name": "imageversion"}, {"controller": "imageversion"}
    assert value(metrics, "workqueue_depth", **by_name) == 0
    assert value(metrics, "workqueue_adds_total", **by_name) == 3
    assert value(metrics, "workqueue_retries_total", **by_name) == 1
    assert value(metrics, "workqueue_queue_duration_seconds_count", **by_name) == 3
    assert value(metrics, "workqueue_work_duration_seconds_count", **by_name) == 3
    assert value(metrics, "controller_runtime_reconcile_total", result="success", **by_controller) == 1
    assert value(metrics, "controller_runtime_reconcile_total", result="error", **by_controller) == 2
    assert value(metrics, "controller_runtime_reconcile_errors_total", **by_controller) == 2
    assert value(metrics, "controller_runtime_terminal_reconcile_errors_total", **by_controller) == 1
    assert value(metrics, "controller_runtime_reconcile_time_seconds_count", **by_controller) == 3
    assert value(metrics, "controller_runtime_active_workers", **by_controller) == 0
    assert seen_active == [1, 1, 1]


def test_work_in_progress_is_summed_up_and_the_longest_is_named() -> None:
    metrics = Metrics()
    metrics.watch_running(lambda: {"ImageVersion": [2.0, 40.0], "Gallery": []})
    assert value(metrics, "workqueue_unfinished_work_seconds", name="imageversion") == 42
    assert value(metrics, "workqueue_longest_running_processor_seconds", name="imageversion") == 40
    assert value(metrics, "workqueue_longest_running_processor_seconds", name="gallery") == 0


def test_objects_are_counted_by_state_and_a_state_without_objects_vanishes() -> None:
    metrics = Metrics()
    counts = {("ImageVersion", "Ready"): 3, ("ImageVersion", "Stalled"): 1}
    metrics.watch_resources(lambda: counts)
    assert value(metrics, "gallery_operator_resources", kind="imageversion", state="Stalled") == 1
    del counts["ImageVersion", "Stalled"]
    assert value(metrics, "gallery_operator_resources", kind="imageversion", state="Stalled") is None
    assert value(metrics, "gallery_operator_resources", kind="imageversion", state="Ready") == 3


async def test_the_text_shows_azure_and_kubernetes_requests_plans_tasks_and_the_process() -> None:
    metrics = Metrics()
    metrics.request("galleries.get", "200", 0.2)
    metrics.request("galleries.get", "Timeout", 30)
    metrics.throttled("GetGallery3Min")
    metrics.replicated(1900)
    metrics.planned("ImageVersion", "Update")
    metrics.kube_request("PATCH", "10.0.0.1:443", 409)
    metrics.kube_request("PATCH", "10.0.0.1:443", 0)
    lines = generate_latest(metrics.registry).decode().splitlines()
    expected = {
        'gallery_operator_arm_requests_total{code="200",operation="galleries.get"} 1.0',
        'gallery_operator_arm_requests_total{code="Timeout",operation="galleries.get"} 1.0',
        'gallery_operator_arm_request_duration_seconds_bucket{le="0.25",operation="galleries.get"} 1.0',
        'gallery_operator_arm_throttled_total{policy="GetGallery3Min"} 1.0',
        'gallery_operator_replication_duration_seconds_bucket{le="1800.0"} 0.0',
        'gallery_operator_replication_duration_seconds_bucket{le="3600.0"} 1.0',
        'gallery_operator_plans_total{kind="imageversion",plan="Update"} 1.0',
        'rest_client_requests_total{code="409",host="10.0.0.1:443",method="PATCH"} 1.0',
        'rest_client_requests_total{code="<error>",host="10.0.0.1:443",method="PATCH"} 1.0',
        f"gallery_operator_asyncio_tasks {len(asyncio.all_tasks())}.0",
    }
    assert expected - set(lines) == set()
    assert any(line.startswith("process_resident_memory_bytes ") for line in lines)


def test_two_registries_do_not_get_into_each_others_way() -> None:
    first, second = Metrics(), Metrics()
    first.queue_added("Gallery")
    assert value(first, "workqueue_adds_total", name="gallery") == 1
    assert value(second, "workqueue_adds_total", name="gallery") is None
