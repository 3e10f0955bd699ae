"""The front of ARM: journal, faults, authentication, and the headers of every answer."""

from __future__ import annotations

import asyncio
import uuid
from datetime import datetime, timedelta
from email.utils import format_datetime

import orjson
from aiohttp import web

from dev.azure_simulator import errors, linked
from dev.azure_simulator.calls import Call, Reply
from dev.azure_simulator.faults import Delay, Drop, Refuse, Throttle
from dev.azure_simulator.journal import Entry
from dev.azure_simulator.operations import timestamp
from dev.azure_simulator.routes import Routes
from dev.azure_simulator.simulation import Simulation

_WITH_BODY = frozenset({"PUT", "PATCH", "POST"})


class ConnectionDroppedError(Exception):
    """The connection is to break without an answer."""


class Arm:
    """Answers every ARM request."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._routes = Routes(simulation)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, and note it in the journal."""
        entry = self._open_entry(request)
        try:
            reply = await self._answer(request, entry)
        except ConnectionDroppedError:
            if request.transport:
                request.transport.abort()
            return web.Response()
        except errors.ArmError as error:
            entry.error = error.error["code"]
            reply = Reply(error.status, error.body(), error.headers)
        entry.status = reply.status
        return self._respond(request, reply, entry)

    async def _answer(self, request: web.Request, entry: Entry) -> Reply:
        problem = await _read_body(request, entry)
        await self._meet_faults(entry)
        self._simulation.look_at_clock()
        identity = self._simulation.identity
        principal = identity.authenticate(request.headers.get("Authorization"))
        further = linked.bearer_tokens(request.headers.get("x-ms-authorization-auxiliary"))
        tenants = (principal.tenant, *(identity.authenticate(token).tenant for token in further))
        if problem:
            raise problem
        entry.client_id = principal.client_id
        access = self._simulation.access
        access.check(principal, entry.method, entry.path)
        call = Call(entry, request.query, principal.object_id, tenants, access.subscriptions(principal))
        try:
            reply = self._routes.dispatch(call)
        except errors.ArmError as error:
            error.headers |= call.limits
            raise
        reply.headers |= call.limits
        if self._simulation.faults.take(Drop, entry.request, when="after"):
            raise ConnectionDroppedError
        return reply

    # --- faults ------------------------------------------------------------------------------------------------------

    async def _meet_faults(self, entry: Entry) -> None:
        faults, request = self._simulation.faults, entry.request
        if delay := faults.take(Delay, request):
            await self._wait(delay.seconds)
        if throttle := faults.take(Throttle, request):
            raise self._throttled(throttle)
        if refuse := faults.take(Refuse, request):
            headers = {} if refuse.retry_after is None else {"Retry-After": str(refuse.retry_after)}
            raise errors.ArmError(refuse.status, refuse.code, refuse.message, headers=headers)
        if faults.take(Drop, request, when="before"):
            raise ConnectionDroppedError

    async def _wait(self, seconds: float) -> None:
        """Wait on the simulator's clock, which may be stepped meanwhile."""
        clock = self._simulation.clock
        until = clock.now().timestamp() + seconds
        while (left := until - clock.now().timestamp()) > 0:  # noqa: ASYNC110 - the clock has no event
            await asyncio.sleep(min(clock.real_seconds(left), clock.longest_nap or 1))

    def _throttled(self, fault: Throttle) -> errors.ArmError:
        now = self._simulation.now()
        ends = now + timedelta(seconds=fault.retry_after)
        retry_after = format_datetime(ends, usegmt=True) if fault.as_date else str(fault.retry_after)
        start, end = (timestamp(time.timestamp()) for time in (now, ends))
        return errors.too_many_requests(
            "HighCostGet30Min", start=start, end=end, allowed=800, measured=1238, retry_after=retry_after
        )

    # --- bytes in, bytes out -----------------------------------------------------------------------------------------

    def _open_entry(self, request: web.Request) -> Entry:
        entry = self._simulation.journal.open(
            self._simulation.look_at_clock(), request.method, request.path, dict(request.query)
        )
        sent = request.headers
        entry.request_id = str(uuid.uuid4())
        entry.correlation_id = sent.get("x-ms-correlation-request-id", "")[:100] or entry.request_id
        entry.client_request_id = sent.get("x-ms-client-request-id", "")[:100]
        entry.user_agent = sent.get("User-Agent", "")[:500]
        return entry

    def _respond(self, request: web.Request, reply: Reply, entry: Entry) -> web.Response:
        now: datetime = self._simulation.now()
        headers = {
            "Date": format_datetime(now, usegmt=True),
            "Cache-Control": "no-cache",
            "x-ms-request-id": entry.request_id,
            "x-ms-correlation-request-id": entry.correlation_id,
            "x-ms-routing-request-id": f"SIMULATOR:{now:%Y%m%dT%H%M%SZ}:{entry.request_id}",
            **reply.headers,
        }
        if request.headers.get("x-ms-return-client-request-id", "").lower() == "true":
            headers["x-ms-client-request-id"] = entry.client_request_id
        if reply.body is None:
            return web.Response(status=reply.status, headers=headers)
        headers["Content-Type"] = "application/json; charset=utf-8"
        return web.Response(status=reply.status, headers=headers, body=orjson.dumps(reply.body))


async def _read_body(request: web.Request, entry: Entry) -> errors.ArmError | None:
    """Put the JSON body into the journal's entry; return what is wrong with it, if anything."""
    if request.method not in _WITH_BODY:
        return None
    try:
        entry.body = orjson.loads(await request.read())
    except web.HTTPRequestEntityTooLarge:
        return errors.invalid_request_content("the request is larger than allowed")
    except orjson.JSONDecodeError as error:
        return errors.invalid_request_content(f"Error parsing JSON: {error!s:.200}")
    return None
