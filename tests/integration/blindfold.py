"""A stand-in between the operator and a real API server that can hold lists back and make watches blind.

What it shows cannot be had from an API server at will: a watch that misses changes and then ends with 410 Gone, as it
does after an outage that was longer than the server's memory of changes.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import yaml
from aiohttp import web

from dev.control_plane.kubeconfig import write_private

_GONE = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410}
_END = json.dumps({"type": "ERROR", "object": {**_GONE, "message": "too old resource version"}}).encode() + b"\n"
_KEPT = ("Accept", "Authorization", "Content-Type")


class Blindfold:
    """Passes requests on to the server of a kubeconfig file; use it as a context manager."""

    def __init__(self, kubeconfig: Path) -> None:
        self._config: dict[str, Any] = yaml.safe_load(kubeconfig.read_text())
        server = self._config["clusters"][0]["cluster"]
        self._server = server["server"].rstrip("/")
        authority = base64.b64decode(server["certificate-authority-data"]).decode()
        self._tls = ssl.create_default_context(cadata=authority)
        self._holding = False
        self._blind = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="blindfold", daemon=True)
        self._serving = threading.Event()
        self._stop = asyncio.Event()
        self._expired = asyncio.Event()
        self._port = 0

    def kubeconfig(self, target: Path) -> Path:
        """Write to `target` the kubeconfig file with this in its server's place."""
        name = self._config["clusters"][0]["name"]
        through = {"name": name, "cluster": {"server": f"http://127.0.0.1:{self._port}"}}
        return write_private(target, yaml.safe_dump({**self._config, "clusters": [through]}))

    def hold_lists(self, holding: bool) -> None:
        """Answer no list of our kinds, until told otherwise."""
        self._holding = holding

    def blind(self) -> None:
        """Let no watch event pass any more."""
        self._blind = True

    def expire(self) -> None:
        """End every watch with 410 Gone; what comes after it passes again."""

        def end() -> None:
            self._expired.set()
            self._expired, self._blind = asyncio.Event(), False

        self._loop.call_soon_threadsafe(end)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._serving.wait(30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        app = web.Application(client_max_size=2**22)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
        connector = aiohttp.TCPConnector(ssl=self._tls, limit=0)
        async with aiohttp.ClientSession(connector=connector, read_bufsize=2**20) as self._session:
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self._port = runner.addresses[0][1]
            self._serving.set()
            await self._stop.wait()
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        while self._holding and request.method == "GET" and request.path.startswith("/apis/gallery-operator.io/v1"):
            await asyncio.sleep(0.05)
        headers = {name: request.headers[name] for name in _KEPT if name in request.headers}
        asked = self._session.request(
            request.method,
            self._server + request.path_qs,
            headers=headers,
            data=await request.read() or None,
            timeout=aiohttp.ClientTimeout(total=None),
        )
        async with asked as answer:
            if request.query.get("watch") == "true" and answer.status == 200:
                return await self._watch(request, answer)
            body = await answer.read()
            return web.Response(status=answer.status, body=body, content_type=answer.content_type)

    async def _watch(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        passing = asyncio.create_task(self._pass_on(answer, response))
        expired = asyncio.create_task(self._expired.wait())
        try:
            await asyncio.wait({passing, expired}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            passing.cancel()
            expired.cancel()
        if expired.done() and not expired.cancelled():
            await response.write(_END)
        return response

    async def _pass_on(self, answer: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
        async for line in answer.content:
            if not self._blind:
                await response.write(line)
