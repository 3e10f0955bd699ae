"""Health checks and the server that answers probes and scrapers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from gallery_operator.telemetry.health import Check, LoopLag
from gallery_operator.telemetry.metrics import Metrics
from gallery_operator.telemetry.server import TelemetryServer


def well() -> str | None:
    return None


def broken() -> str | None:
    raise RuntimeError("client_secret=abc")


@asynccontextmanager
async def serving(live: dict[str, Check], ready: dict[str, Check]) -> AsyncIterator[tuple[TelemetryServer, Metrics]]:
    metrics = Metrics()
    server = TelemetryServer(metrics.registry, live=live, ready=ready, host="127.0.0.1", port=0)
    await server.start()
    try:
        yield server, metrics
    finally:
        await server.stop()


async def fetch(server: TelemetryServer, path: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{server.port}{path}") as response,
    ):
        return response.status, await response.text()


async def test_a_healthy_operator_answers_both_probes_with_200() -> None:
    async with serving({"loop": well}, {"store": well}) as (server, _):
        assert await fetch(server, "/healthz") == (200, "[+]loop: ok\nok\n")
        assert await fetch(server, "/readyz") == (200, "[+]store: ok\nok\n")


async def test_one_failing_check_fails_its_own_probe_only_and_says_why() -> None:
    async with serving({"loop": well}, {"store": lambda: "not synced", "worker": well}) as (server, _):
        assert (await fetch(server, "/healthz"))[0] == 200
        assert await fetch(server, "/readyz") == (503, "[-]store: not synced\n[+]worker: ok\nfailed\n")


async def test_a_check_that_raises_fails_without_telling_its_message() -> None:
    async with serving({"loop": broken}, {}) as (server, _):
        assert await fetch(server, "/healthz") == (503, "[-]loop: the check raised RuntimeError\nfailed\n")


async def test_metrics_are_served_on_the_same_port() -> None:
    async with serving({}, {}) as (server, metrics):
        metrics.queue_added("Gallery")
        status, text = await fetch(server, "/metrics")
    assert status == 200
    assert 'workqueue_adds_total{name="gallery"} 1.0' in text


async def test_nothing_else_is_served() -> None:
    async with serving({}, {}) as (server, _):
        assert (await fetch(server, "/debug"))[0] == 404


async def test_a_stopped_server_frees_its_port() -> None:
    async with serving({}, {}) as (server, _):
        port = server.port
    again = TelemetryServer(Metrics().registry, live={}, ready={}, host="127.0.0.1", port=port)
    await again.start()
    assert again.port == port
    await again.stop()


class SlowLoop:
    """A loop whose callbacks run late, as if something blocked it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.late = 0.0
        self.cancelled = False
        self._waiting: list[tuple[float, object, tuple[object, ...]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: object, *args: object) -> SlowLoop:
        self._waiting.append((when, callback, args))
        return self

    def cancel(self) -> None:
        self.cancelled = True

    def run_once(self) -> None:
        when, callback, args = self._waiting.pop()
        self.now = when + self.late
        assert callable(callback)
        callback(*args)


def test_a_loop_that_stays_late_is_unhealthy_but_one_long_pause_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = SlowLoop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    lag = LoopLag(limit=1.0, samples=3)
    lag.start()
    for late in (0, 9, 0):
        loop.late = late
        loop.run_once()
    assert lag() is None
    for late in (2, 2, 3):
        loop.late = late
        loop.run_once()
    assert lag() == "the event loop lags by 2.0 s and more (limit 1.0 s)"
    lag.stop()
    assert loop.cancelled


@pytest.mark.looptime
async def test_a_free_loop_shows_no_lag() -> None:
    lag = LoopLag()
    lag.start()
    await asyncio.sleep(60)
    lag.stop()
    assert lag() is None
