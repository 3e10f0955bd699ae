"""The simulator's side of the switchboard: `/_simulator/...`, for tests and demos; no authentication, no journal."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from aiohttp import web
from cryptography import x509
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from dev.azure_simulator import errors, seeds
from dev.azure_simulator.authorization import PrincipalType
from dev.azure_simulator.drafting import Request
from dev.azure_simulator.faults import FAULT
from dev.azure_simulator.paths import Json, ResourcePath, resource_path
from dev.azure_simulator.settings import Settings
from dev.azure_simulator.simulation import Simulation
from dev.azure_simulator.sources import Source

_LATEST = errors.SUPPORTED_API_VERSIONS[-1]
#: What the switchboard shows of a resource.
_EVERYTHING = ("replicationstatus", "uefisettings", "sharingprofile/groups")

Handler = Callable[[web.Request], Awaitable[Any]]


_UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ClockChange(_Shape):
    """Step the clock by so many seconds, or let it run `speed` times as fast as real time."""

    advance: float | None = Field(None, ge=0)
    speed: float | None = Field(None, gt=0)


class Group(_Shape):
    """A resource group."""

    name: str = Field(pattern=r"^[\w().-]{1,90}$")
    location: str


class Trust(_Shape):
    """A service account whose federated tokens stand for an application."""

    issuer: str
    subject: str
    client_id: str = seeds.CLIENT_ID


class NewSubscription(_Shape):
    """A subscription and the tenant that it trusts."""

    id: str = Field(pattern=_UUID)
    tenant: str = Field(pattern=_UUID)


class NewApp(_Shape):
    """An application, or with `on_node` a managed identity."""

    client_id: str = Field(pattern=_UUID)
    tenants: list[str] = Field(min_length=1)
    secret: str | None = None
    certificate: str | None = None
    on_node: bool = False
    subscriptions: list[str] = []


class AppChange(_Shape):
    """Replace an application's secrets by this one, or let it use another subscription."""

    secret: str | None = None
    subscription: str | None = None


class NewPrincipal(_Shape):
    """A user, group or application that the directory knows."""

    id: UUID
    type: PrincipalType


class NewResource(_Shape):
    """A resource to be there at once; `body` as a client would PUT it."""

    id: str
    body: Json


_NEW_RESOURCES = TypeAdapter(list[NewResource])


class Control:
    """The handlers of the switchboard."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._service = simulation.service

    def routes(self) -> list[web.RouteDef]:
        """Return every route of the switchboard."""
        table: dict[tuple[str, str], Handler] = {
            ("GET", "clock"): self.show_clock,
            ("POST", "clock"): self.change_clock,
            ("GET", "journal"): self.show_journal,
            ("DELETE", "journal"): self.clear_journal,
            ("GET", "faults"): self.show_faults,
            ("POST", "faults"): self.arm_fault,
            ("DELETE", "faults"): self.clear_faults,
            ("GET", "settings"): self.show_settings,
            ("PATCH", "settings"): self.change_settings,
            ("GET", "resources"): self.list_resources,
            ("POST", "resources"): self.create_resources,
            ("GET", "resource"): self.show_resource,
            ("GET", "soft-deleted"): self.show_soft_deleted,
            ("PATCH", "resource"): self.tamper,
            ("DELETE", "resource"): self.remove,
            ("POST", "sources"): self.add_source,
            ("POST", "groups"): self.add_group,
            ("POST", "federations"): self.trust,
            ("POST", "subscriptions"): self.add_subscription,
            ("POST", "apps"): self.add_app,
            ("PATCH", "app"): self.change_app,
            ("GET", "role-assignments"): self.list_assignments,
            ("GET", "access"): self.show_access,
            ("POST", "principals"): self.add_principal,
            ("POST", "reset"): self.reset,
        }
        return [web.route(verb, f"/_simulator/{path}", self._serve(run)) for (verb, path), run in table.items()]

    def _serve(self, run: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            self._simulation.look_at_clock()
            try:
                body = await run(request)
            except (ValidationError, ValueError, KeyError, re.error, errors.ArmError) as error:
                return web.json_response({"error": str(error)}, status=400)
            return web.Response(body=orjson.dumps(body), content_type="application/json")

        return handle

    async def show_clock(self, _: web.Request) -> Any:
        return {"now": self._simulation.look_at_clock()}

    async def change_clock(self, request: web.Request) -> Any:
        change = ClockChange.model_validate_json(await request.read())
        if change.speed is not None:
            self._simulation.clock.set_speed(change.speed)
        if change.advance is not None:
            self._simulation.clock.advance(timedelta(seconds=change.advance))
        return await self.show_clock(request)

    async def show_journal(self, request: web.Request) -> Any:
        match, after = request.query.get("match", ""), int(request.query.get("after", "0"))
        return self._simulation.journal.select(match, after)

    async def clear_journal(self, _: web.Request) -> Any:
        self._simulation.journal.clear()

    async def show_faults(self, _: web.Request) -> Any:
        return [fault.model_dump() for fault in self._simulation.faults.armed()]

    async def arm_fault(self, request: web.Request) -> Any:
        self._simulation.faults.arm(FAULT.validate_json(await request.read()))

    async def clear_faults(self, _: web.Request) -> Any:
        self._simulation.faults.clear()

    async def show_settings(self, _: web.Request) -> Any:
        return self._service.settings.model_dump()

    async def change_settings(self, request: web.Request) -> Any:
        changes = orjson.loads(await request.read())
        settings = self._service.settings.model_dump()
        nested = {name: settings[name] | changes.get(name, {}) for name in ("durations", "quotas")}
        self._service.settings = Settings.model_validate(settings | changes | nested)

    async def list_resources(self, _: web.Request) -> Any:
        self._service.tick()
        return [resource.path.id for resource in self._service.store.all()]

    async def create_resources(self, request: web.Request) -> Any:
        for new in _NEW_RESOURCES.validate_json(await request.read()):
            path = _path(new.id)
            self._simulation.platform.group(path.subscription, path.group)
            self._service.write(Request("PUT", path, new.body, _LATEST, instantly=True))

    async def show_resource(self, request: web.Request) -> Any:
        now = self._service.tick()
        resource = self._service.store.get(_path(request.query["id"]))
        return resource and self._service.render(resource, now, _EVERYTHING)

    async def show_soft_deleted(self, request: web.Request) -> Any:
        self._service.tick()
        return [item.body() for item in self._service.store.bin.below(_path(request.query["id"]))]

    async def tamper(self, request: web.Request) -> Any:
        self._service.tamper(_path(request.query["id"]), orjson.loads(await request.read()))

    async def remove(self, request: web.Request) -> Any:
        if not self._service.sources.remove(request.query["id"]):
            self._service.remove(_path(request.query["id"]))

    async def add_source(self, request: web.Request) -> Any:
        self._service.sources.add(Source.model_validate_json(await request.read()))

    async def add_group(self, request: web.Request) -> Any:
        group = Group.model_validate_json(await request.read())
        self._simulation.platform.add_group(group.name, group.location)

    async def trust(self, request: web.Request) -> Any:
        trust = Trust.model_validate_json(await request.read())
        self._simulation.identity.directory.app(trust.client_id).federations.add((trust.issuer, trust.subject))

    async def add_subscription(self, request: web.Request) -> Any:
        new = NewSubscription.model_validate_json(await request.read())
        self._simulation.platform.add_subscription(new.id, new.tenant)

    async def add_app(self, request: web.Request) -> Any:
        new = NewApp.model_validate_json(await request.read())
        directory = self._simulation.identity.directory
        app = directory.add(new.client_id, new.tenants, secret=new.secret, on_node=new.on_node)
        if new.certificate is not None:
            app.certificates += x509.load_pem_x509_certificates(new.certificate.encode())
        app.subscriptions.update(each.lower() for each in new.subscriptions)

    async def change_app(self, request: web.Request) -> Any:
        change = AppChange.model_validate_json(await request.read())
        app = self._simulation.identity.directory.app(request.query["client_id"])
        if change.secret is not None:
            app.secrets = {change.secret}
        if change.subscription is not None:
            app.subscriptions.add(change.subscription.lower())

    async def list_assignments(self, request: web.Request) -> Any:
        self._service.tick()
        return self._simulation.authorization.list(request.query["scope"].rstrip("/"))

    async def show_access(self, request: web.Request) -> Any:
        self._service.tick()
        return self._simulation.authorization.may_read(request.query["principal"], _path(request.query["id"]))

    async def add_principal(self, request: web.Request) -> Any:
        principal = NewPrincipal.model_validate_json(await request.read())
        self._simulation.authorization.add_principal(str(principal.id), principal.type)

    async def reset(self, _: web.Request) -> Any:
        self._simulation.reset()


def _path(text: str) -> ResourcePath:
    path = resource_path(text)
    if path is None:
        msg = f"not the id of a gallery, image definition or image version: {text[:300]!r}"
        raise ValueError(msg)
    return path
