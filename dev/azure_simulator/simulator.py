"""A simulator in a thread of its own, with its own event loop: sync and async callers can both use it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import tempfile
import threading
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType

import trustme
from aiohttp import web

from dev.azure_simulator import seeds
from dev.azure_simulator.endpoints import Endpoints
from dev.azure_simulator.server import application
from dev.azure_simulator.settings import Settings
from dev.azure_simulator.simulation import Simulation
from gallery_operator.clock import FileClock

_DEFAULT_SETTINGS = Settings()


class AzureSimulator:
    """A running simulator. Use it as a context manager, or call `stop`."""

    def __init__(
        self, endpoints: Endpoints, simulation: Simulation, listener: socket.socket, tls: ssl.SSLContext
    ) -> None:
        self.endpoints = endpoints
        self.clock = simulation.clock
        self._simulation = simulation
        self._listener = listener
        self._tls = tls
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="azure-simulator", daemon=True)

    @classmethod
    def start(
        cls,
        folder: Path | None = None,
        *,
        speed: float = 1.0,
        port: int = 0,
        settings: Settings = _DEFAULT_SETTINGS,
        clock_file: Path | None = None,
    ) -> AzureSimulator:
        """Start a simulator on 127.0.0.1 and return when it answers.

        `folder` takes the CA certificate and the clock; without one a temporary folder serves. A `clock_file` that
        exists is shared as it is, otherwise the clock starts at the present, `speed` times as fast as real time.
        Raises OSError when the port is taken.
        """
        temporary = None if folder else tempfile.TemporaryDirectory(prefix="azure-simulator-")
        home = folder or Path(temporary.name if temporary else "")
        home.mkdir(parents=True, exist_ok=True)
        clock_file = clock_file or home / "clock.json"
        clock = FileClock(clock_file) if clock_file.exists() else FileClock.create(clock_file, speed=speed)
        listener = socket.create_server(("127.0.0.1", port), backlog=512)
        url = f"https://localhost:{listener.getsockname()[1]}"
        endpoints = _endpoints(url, home / "ca.pem", clock_file)
        simulator = cls(endpoints, Simulation(url, clock, settings), listener, _server_tls(endpoints.ca_file))
        simulator._folder = temporary
        simulator._thread.start()
        try:
            simulator._ready.result()
        except BaseException:
            simulator.stop()
            raise
        return simulator

    def stop(self) -> None:
        """Stop serving; return when the port is free and temporary files are gone."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
        if self._folder:
            self._folder.cleanup()

    def wait(self) -> None:
        """Block until the simulator stops."""
        self._thread.join()

    def __enter__(self) -> AzureSimulator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except Exception as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)  # `start` waits for it
        finally:
            self._loop.close()
            self._listener.close()

    async def _serve(self) -> None:
        runner = web.AppRunner(application(self._simulation), access_log=None, shutdown_timeout=1)
        try:
            await runner.setup()
            await web.SockSite(runner, self._listener, ssl_context=self._tls).start()
            self._ready.set_result(None)
            await self._stop.wait()
        finally:
            await runner.cleanup()


def _endpoints(url: str, ca_file: Path, clock_file: Path) -> Endpoints:
    return Endpoints(
        url=url,
        ca_file=ca_file.resolve(),
        tenant_id=seeds.TENANT_ID,
        subscription_id=seeds.SUBSCRIPTION_ID,
        client_id=seeds.CLIENT_ID,
        client_secret=seeds.CLIENT_SECRET,
        clock_file=clock_file.resolve(),
    )


def _server_tls(ca_file: Path) -> ssl.SSLContext:
    """Make a CA, write its certificate to `ca_file`, and return a context with a certificate for localhost."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context
