"""Requests to Microsoft.Authorization: role assignments and role definitions at a scope."""

from __future__ import annotations

import re

from dev.azure_simulator import errors, roles
from dev.azure_simulator.authorization import listed_roles, role_not_found
from dev.azure_simulator.calls import Call, Gate, Reply
from dev.azure_simulator.paths import resource_path
from dev.azure_simulator.simulation import Simulation

PATH = re.compile(
    r"(?P<scope>(?:/.+?)?)/providers/Microsoft\.Authorization/(?P<type>roleAssignments|roleDefinitions)"
    r"(?:/(?P<name>[^/]+))?/?",
    re.IGNORECASE,
)
_SCOPE = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)(?:/resourceGroups/(?P<group>[^/]+))?(?:/.+)?", re.IGNORECASE
)


class AuthorizationRoutes:
    """Answers the requests to Microsoft.Authorization."""

    def __init__(self, simulation: Simulation, gate: Gate) -> None:
        self._simulation = simulation
        self._gate = gate

    def answer(self, call: Call, match: re.Match[str]) -> Reply:
        """Answer a call whose path `PATH` matches.

        Raises ArmError when it is refused.
        """
        scope, name = match["scope"], match["name"]
        subscription = self._check_scope(call, scope)
        if match["type"].lower() == "roledefinitions":
            return self._on_roles(call, subscription, name)
        if subscription is None:
            raise errors.no_such_route(call.method, call.path)
        if name is None:
            call.require_get()
            return Reply(200, {"value": self._simulation.authorization.list(scope, call.query.get("$filter", ""))})
        return self._on_assignment(call, scope, name)

    def _on_assignment(self, call: Call, scope: str, name: str) -> Reply:
        authorization = self._simulation.authorization
        match call.method:
            case "GET":
                return Reply(200, authorization.get(scope, name))
            case "PUT":
                now = self._simulation.timestamp()
                return Reply(*authorization.put(scope, name, call.entry.body, call.principal, now))
            case "DELETE":
                body = authorization.delete(scope, name)
                return Reply(200 if body else 204, body)
        raise errors.method_not_allowed(call.method)

    def _on_roles(self, call: Call, subscription: str | None, name: str | None) -> Reply:
        call.require_get()
        if name is None:
            found = listed_roles(call.query.get("$filter", ""))
            return Reply(200, {"value": [role.body(subscription) for role in found]})
        role = roles.find(name)
        if role is None:
            raise role_not_found(name, 404)
        return Reply(200, role.body(subscription))

    def _check_scope(self, call: Call, scope: str) -> str | None:
        """Return the subscription of a scope that exists; None when the scope is the tenant."""
        if not scope:
            return None
        match = _SCOPE.fullmatch(scope)
        if match is None:
            raise errors.no_such_route(call.method, call.path)
        platform, subscription, group = self._simulation.platform, match["subscription"], match["group"]
        platform.require_subscription(subscription)
        self._gate.charge(call, subscription)
        if group:
            platform.group(subscription, group)
        if match.end("group" if group else "subscription") < len(scope):
            self._check_resource(call, scope)
        return subscription

    def _check_resource(self, call: Call, scope: str) -> None:
        service, path = self._simulation.service, resource_path(scope)
        service.tick()
        if path is None:
            raise errors.no_such_route(call.method, call.path)
        if service.store.get(path) is None:
            raise errors.resource_not_found(path.nested, path.group)
