"""The event recorder."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from gallery_operator.kube.errors import Forbidden, KubeError, Unavailable
from gallery_operator.kube.events import EventRecorder
from tests.unit.engine.clocks import LoopClock

pytestmark = pytest.mark.looptime


class Sink:
    def __init__(self, *failures: KubeError) -> None:
        self.events: list[Mapping[str, Any]] = []
        self.failures = list(failures)

    async def create_event(self, event: Mapping[str, Any]) -> None:
        if self.failures:
            raise self.failures.pop()
        self.events.append(event)


def version(uid: str = "u1", name: str = "v1") -> dict[str, Any]:
    return {
        "apiVersion": "gallery-operator.io/v1alpha1",
        "kind": "ImageVersion",
        "metadata": {"name": name, "namespace": "ns", "uid": uid, "resourceVersion": "5"},
    }


async def test_an_event_has_what_events_v1_requires() -> None:
    sink = Sink()
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    recorder = EventRecorder(sink, LoopClock(), wall_time=lambda: moment)
    await recorder.warning(version(), "RegionFailed", "eastus2 failed", action="Replicate")
    (event,) = sink.events
    assert event["metadata"]["name"].startswith("v1.")
    assert event["reportingInstance"]
    expected = {
        "eventTime": "2026-01-02T03:04:05.678901Z",
        "type": "Warning",
        "reason": "RegionFailed",
        "note": "eastus2 failed",
        "action": "Replicate",
        "reportingController": "gallery-operator",
    }
    assert expected.items() <= event.items()
    assert event["regarding"] == {
        "apiVersion": "gallery-operator.io/v1alpha1",
        "kind": "ImageVersion",
        "namespace": "ns",
        "name": "v1",
        "uid": "u1",
        "resourceVersion": "5",
    }


async def test_the_same_event_is_told_once_in_five_minutes() -> None:
    sink, clock = Sink(), LoopClock()
    recorder = EventRecorder(sink, clock)
    await recorder.normal(version(), "Created", "done")
    clock.step(299)
    await recorder.normal(version(), "Created", "done")
    assert len(sink.events) == 1
    clock.step(1)
    await recorder.normal(version(), "Created", "done")
    assert len(sink.events) == 2


async def test_another_object_reason_type_or_note_is_another_event() -> None:
    sink = Sink()
    recorder = EventRecorder(sink, LoopClock())
    await recorder.normal(version(), "Created", "done")
    await recorder.normal(version("u2"), "Created", "done")
    await recorder.normal(version(), "Updated", "done")
    await recorder.warning(version(), "Created", "done")
    await recorder.normal(version(), "Created", "done, too")
    assert len(sink.events) == 5
    assert len({event["metadata"]["name"] for event in sink.events}) == 5


async def test_memory_for_repetitions_is_bounded() -> None:
    sink = Sink()
    recorder = EventRecorder(sink, LoopClock(), remembered=100)
    for number in range(150):
        await recorder.normal(version(), "Updated", str(number))
    assert len(recorder._written) == 100
    await recorder.normal(version(), "Updated", "149")
    assert len(sink.events) == 150


@pytest.mark.parametrize("note", ["x" * 5000, "é" * 5000, "€" * 5000, "🖼" * 5000])
async def test_a_long_note_is_cut_to_what_the_api_server_takes(note: str) -> None:
    sink = Sink()
    await EventRecorder(sink, LoopClock()).normal(version(), "Updated", note)
    cut = sink.events[0]["note"]
    assert 1020 <= len(cut.encode()) <= 1024
    assert cut.endswith("…")
    assert note.startswith(cut[:-1])


async def test_a_note_that_just_fits_is_not_cut() -> None:
    sink = Sink()
    await EventRecorder(sink, LoopClock()).normal(version(), "Updated", "x" * 1024)
    assert sink.events[0]["note"] == "x" * 1024


async def test_the_longest_object_name_still_gives_a_valid_event_name() -> None:
    sink = Sink()
    name = "a" * 235 + "." + "b" * 17
    await EventRecorder(sink, LoopClock()).normal(version(name=name), "Updated", "x")
    event_name = sink.events[0]["metadata"]["name"]
    assert len(event_name) <= 253
    assert ".." not in event_name


async def test_an_api_server_that_is_away_raises_nothing_and_the_event_may_be_told_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = Sink(Unavailable("POST events: 503"))
    recorder = EventRecorder(sink, LoopClock())
    await recorder.normal(version(), "Created", "done")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    await recorder.normal(version(), "Created", "done")
    assert len(sink.events) == 1


@pytest.mark.parametrize(("reason", "level"), [("NamespaceTerminating", logging.DEBUG), ("", logging.WARNING)])
async def test_a_terminating_namespace_is_nothing_to_warn_of_but_a_missing_right_is(
    caplog: pytest.LogCaptureFixture, reason: str, level: int
) -> None:
    caplog.set_level(logging.DEBUG, "gallery_operator")
    recorder = EventRecorder(Sink(Forbidden("403", reason=reason)), LoopClock())
    await recorder.normal(version(), "Deleted", "gone")
    assert [record.levelno for record in caplog.records] == [level]
