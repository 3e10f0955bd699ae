"""One HTTP server for `/healthz`, `/readyz` and `/metrics`."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.aiohttp import make_aiohttp_handler

from gallery_operator.telemetry.health import Check

log = logging.getLogger(__name__)


class TelemetryServer:
    """Serves health and metrics until it is stopped.

    `/healthz` is for the liveness probe: only what a restart mends. `/readyz` is for the readiness probe. Both answer
    200 or 503 with one line per check, as the API server's own do with `?verbose`.

    :param live: checks of `/healthz` by name.
    :param ready: checks of `/readyz` by name.
    :param port: TCP port; 0 takes a free one, see `port` after `start`.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        live: Mapping[str, Check],
        ready: Mapping[str, Check],
        host: str = "0.0.0.0",  # noqa: S104 - probes and scrapers come from outside of the pod
        port: int = 8080,
    ) -> None:
        app = web.Application()
        app.router.add_get("/healthz", _probe(live))
        app.router.add_get("/readyz", _probe(ready))
        app.router.add_get("/metrics", make_aiohttp_handler(registry))
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1)
        self._host = host
        self._port = port

    @property
    def port(self) -> int:
        """The port it listens on."""
        addresses = self._runner.addresses
        return int(addresses[0][1]) if addresses else self._port

    async def start(self) -> None:
        """Begin to listen; raises OSError when the port is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()

    async def stop(self) -> None:
        """Listen no more."""
        await self._runner.cleanup()


def _probe(checks: Mapping[str, Check]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        verdicts = {name: _ask(name, check) for name, check in checks.items()}
        lines = [f"[-]{name}: {reason}" if reason else f"[+]{name}: ok" for name, reason in verdicts.items()]
        well = not any(verdicts.values())
        return web.Response(text="\n".join([*lines, "ok" if well else "failed", ""]), status=200 if well else 503)

    return answer


def _ask(name: str, check: Check) -> str | None:
    try:
        return check()
    except Exception as error:
        log.exception("Health check %s failed to run", name)
        return f"the check raised {type(error).__name__}"
