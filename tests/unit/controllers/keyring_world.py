"""A keyring with all that it works with: Secrets as an API server keeps them, and connections that are counted."""

from __future__ import annotations

import asyncio
import base64
import copy
import itertools
from collections.abc import Callable
from typing import Any, cast

import pytest

from gallery_operator.api import names
from gallery_operator.azure.gateways import Connected
from gallery_operator.azure.secret_credentials import CredentialInvalid, SecretCredential
from gallery_operator.controllers.cannot_place import CannotPlace
from gallery_operator.controllers.indexes import INDEXES
from gallery_operator.controllers.keyring import Access, Keyring
from gallery_operator.domain.plan import Blocked, Wait
from gallery_operator.domain.tenancy import Tenancy
from gallery_operator.engine.keys import Key
from gallery_operator.engine.store import Store
from gallery_operator.kube.errors import Conflict
from gallery_operator.kube.secrets import is_held
from tests.unit.azure.conftest import ManualClock

JSON = dict[str, Any]
TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "66666666-7777-8888-9999-aaaaaaaaaaaa"
DEFAULT = names.DEFAULT_CREDENTIAL
RULES = f"""
- namespaces: [own]
  ownIdentity: true
- namespaces: [team]
  clientIds: [{CLIENT}, 00000000-0000-0000-0000-000000000001]
"""


class ApiServer:
    """Secrets as an API server keeps them; the next call fails with `failure`, and calls are remembered."""

    def __init__(self) -> None:
        self.secrets: dict[tuple[str, str], JSON] = {}
        self.calls: list[str] = []
        self.failure: dict[str, Exception] = {}
        self.before_free: Callable[[], Any] | None = None
        self._versions = itertools.count(1)

    def put(self, namespace: str, name: str, **data: str) -> None:
        metadata = self.secrets.get((namespace, name), {"metadata": {}})["metadata"]
        metadata |= {"namespace": namespace, "name": name, "resourceVersion": str(next(self._versions))}
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self.secrets[namespace, name] = {"metadata": metadata, "data": encoded}

    def delete(self, namespace: str, name: str) -> None:
        secret = self.secrets[namespace, name]
        secret["metadata"]["deletionTimestamp"] = "2026-11-23T10:00:00Z"
        if not secret["metadata"].get("finalizers"):
            del self.secrets[namespace, name]

    async def get(self, namespace: str, name: str) -> JSON | None:
        self._called("get", f"{namespace}/{name}")
        return copy.deepcopy(self.secrets.get((namespace, name)))

    async def hold(self, secret: JSON) -> JSON:
        self._called("hold", secret["metadata"]["name"])
        metadata = self._same(secret)["metadata"]
        metadata["finalizers"] = [names.CREDENTIAL_FINALIZER]
        metadata["labels"] = {names.CREDENTIAL_LABEL: names.CREDENTIAL_IN_USE}
        metadata["resourceVersion"] = str(next(self._versions))
        return self.secrets[metadata["namespace"], metadata["name"]]

    async def free(self, secret: JSON) -> None:
        self._called("free", secret["metadata"]["name"])
        if self.before_free is not None:
            self.before_free()
        await asyncio.sleep(0)
        metadata = self._same(secret)["metadata"]
        metadata["finalizers"], metadata["labels"] = [], {}
        metadata["resourceVersion"] = str(next(self._versions))
        if metadata.get("deletionTimestamp"):
            del self.secrets[metadata["namespace"], metadata["name"]]

    async def list_held(self, namespace: str | None = None) -> list[JSON]:
        return [each for (where, _), each in self.secrets.items() if is_held(each) and namespace in (None, where)]

    def held(self, namespace: str = "team", name: str = DEFAULT) -> bool:
        return is_held(self.secrets[namespace, name])

    def _same(self, secret: JSON) -> JSON:
        metadata = secret["metadata"]
        stored = self.secrets[metadata["namespace"], metadata["name"]]
        if stored["metadata"]["resourceVersion"] != metadata["resourceVersion"]:
            raise Conflict("changed meanwhile")
        return stored

    def _called(self, verb: str, name: str) -> None:
        self.calls.append(f"{verb} {name}")
        if verb in self.failure:
            raise self.failure.pop(verb)


class Azure:
    """Connections: which were opened and which were closed."""

    def __init__(self) -> None:
        self.opened: list[SecretCredential] = []
        self.closed = 0
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def connect(self, secret: SecretCredential) -> Connected:
        self.opened.append(secret)
        await self.go_on.wait()
        if secret.secret == "stumbles":
            raise RuntimeError("a bug")
        if secret.secret == "cannot be opened":
            raise CredentialInvalid(f"Secret {secret.name}: no")
        return cast("Connected", Line(self))


class Gateway:
    """Azure, of which nothing is asked here."""

    async def list_versions(self, *_: object) -> None:
        raise AssertionError


class Line:
    """A connection, which notes that it is closed."""

    def __init__(self, azure: Azure) -> None:
        self.arm = Gateway()
        self._azure = azure

    async def close(self) -> None:
        self._azure.closed += 1


class World:
    """A keyring and all that it works with."""

    def __init__(self, tenancy: str | None = None) -> None:
        self.api, self.azure, self.clock, self.store = ApiServer(), Azure(), ManualClock(), Store(INDEXES)
        self.woken: list[Key] = []
        self.keyring = Keyring(
            self.api,
            self.azure.connect,
            self.store,
            self.clock,
            self.woken.append,
            tenancy=Tenancy() if tenancy is None else Tenancy.parse(tenancy),
            own_client_id=CLIENT,
        )
        self._versions = itertools.count(1)

    def secret(self, name: str = DEFAULT, *, namespace: str = "team", value: str = "first", **data: str) -> None:
        proof = {} if "AUTH_MODE" in data else {"AZURE_CLIENT_SECRET": value}
        ids = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT}
        self.api.put(namespace, name, **{**ids, **proof, **data})

    def object(self, kind: str, name: str, spec: JSON | None = None, **metadata: Any) -> Key:
        key = Key(kind, "team", name)
        base = {
            "name": name,
            "namespace": "team",
            "uid": f"{kind}-{name}",
            "resourceVersion": str(next(self._versions)),
        }
        self.store.put({"kind": kind, "metadata": {**base, "generation": 1, **metadata}, "spec": spec or {}})
        return key

    async def find(self, name: str = DEFAULT, namespace: str = "team") -> Access | None:
        return await self.keyring.find(namespace, name)

    async def step(self, name: str = DEFAULT) -> Wait | Blocked:
        with pytest.raises(CannotPlace) as caught:
            await self.find(name)
        return caught.value.step
