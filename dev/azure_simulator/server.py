"""The HTTP application: ARM, the token endpoint, what the Azure CLI asks of a cloud, and the switchboard."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from dev.azure_simulator.arm import Arm
from dev.azure_simulator.control import Control
from dev.azure_simulator.directory import OAuthError
from dev.azure_simulator.simulation import Simulation

_LOG = logging.getLogger(__name__)
#: Largest request body in bytes: that of ARM. [?]
_LARGEST_BODY = 4 * 1024 * 1024


def application(simulation: Simulation) -> web.Application:
    """Return the application that serves this simulation."""
    identity = simulation.identity

    async def token(request: web.Request) -> web.Response:
        try:
            return web.json_response(identity.issue(request.match_info["tenant"], await request.post()))
        except OAuthError as error:
            return web.json_response(error.body, status=error.status)

    async def token_on_node(request: web.Request) -> web.Response:
        try:
            return web.json_response(identity.issue_on_node(request.query, request.headers.get("Metadata")))
        except OAuthError as error:
            return web.json_response(error.body, status=error.status)

    async def openid_configuration(request: web.Request) -> web.Response:
        return web.json_response(identity.openid_configuration(request.match_info["tenant"].lower()))

    async def keys(_: web.Request) -> web.Response:
        return web.json_response(identity.keys())

    async def clouds(_: web.Request) -> web.Response:
        return web.json_response(identity.clouds())

    app = web.Application(client_max_size=_LARGEST_BODY, middlewares=[_report_errors])
    app.add_routes(Control(simulation).routes())
    app.router.add_get("/metadata/endpoints", clouds)
    app.router.add_get("/metadata/identity/oauth2/token", token_on_node)
    app.router.add_get("/{tenant}/v2.0/.well-known/openid-configuration", openid_configuration)
    app.router.add_get("/{tenant}/discovery/v2.0/keys", keys)
    app.router.add_post("/{tenant}/oauth2/v2.0/token", token)
    app.router.add_route("*", "/{path:.*}", Arm(simulation).handle)
    return app


@web.middleware
async def _report_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException:
        raise
    except Exception:  # noqa: BLE001 - a mistake in the simulator is logged, and answered as any service would
        _LOG.exception("%s %s failed", request.method, request.path)
        error = {"code": "InternalServerError", "message": "The simulator failed; its log says why."}
        return web.json_response({"error": error}, status=500)
