"""The client of a running simulator's switchboard: faults, clock, journal, and resources behind the operator's back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import requests

from dev.azure_simulator.authorization import PrincipalType
from dev.azure_simulator.endpoints import Endpoints
from dev.azure_simulator.faults import FAULT, Fault
from dev.azure_simulator.journal import Entry
from dev.azure_simulator.paths import Json
from dev.azure_simulator.seeds import CLIENT_ID
from dev.azure_simulator.sources import Source

_TIMEOUT = 60
#: Resources created with one call.
_BATCH = 500


class Switchboard:
    """Sync client, in the simulator's process or another one.

    Every method raises ValueError with the simulator's words when it refuses, and an exception of requests when it
    is not there.
    """

    def __init__(self, endpoints: Endpoints) -> None:
        self._url = f"{endpoints.url}/_simulator"
        self._session = requests.Session()
        self._session.trust_env = False  # else REQUESTS_CA_BUNDLE would win over our CA
        self._session.verify = str(endpoints.ca_file)

    def close(self) -> None:
        self._session.close()

    # --- journal and faults ------------------------------------------------------------------------------------------

    def journal(self, match: str = "", *, after: int = 0) -> list[Entry]:
        """Return the ARM requests so far whose "METHOD /path" contains the regular expression `match`.

        `after`: only those with a higher number.
        """
        entries = self._call("GET", "journal", query={"match": match, "after": str(after)})
        return [Entry(**{**entry, "time": datetime.fromisoformat(entry["time"])}) for entry in entries]

    def clear_journal(self) -> None:
        self._call("DELETE", "journal")

    def fault(self, fault: Fault) -> None:
        """Arm a fault: it strikes after those armed before it."""
        self._call("POST", "faults", fault.model_dump())

    def faults(self) -> list[Fault]:
        """Return the faults that are still to strike."""
        return [FAULT.validate_python(fault) for fault in self._call("GET", "faults")]

    def clear_faults(self) -> None:
        self._call("DELETE", "faults")

    # --- clock and settings ------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """Return the simulator's time."""
        return datetime.fromisoformat(self._call("GET", "clock")["now"])

    def advance(self, by: timedelta) -> None:
        """Step the clock forward."""
        self._call("POST", "clock", {"advance": by.total_seconds()})

    def set_speed(self, speed: float) -> None:
        """Let the clock run `speed` times as fast as real time."""
        self._call("POST", "clock", {"speed": speed})

    def configure(self, **settings: Any) -> None:
        """Change fields of `Settings`; `durations` and `quotas` may name some of their fields only."""
        self._call("PATCH", "settings", settings)

    # --- resources ---------------------------------------------------------------------------------------------------

    def resources(self) -> list[str]:
        """Return the ids of all galleries, definitions and versions."""
        ids: list[str] = self._call("GET", "resources")
        return ids

    def resource(self, resource_id: str) -> Json | None:
        """Return a resource with its replication status, or None when it does not exist."""
        body: Json | None = self._call("GET", "resource", query={"id": resource_id})
        return body

    def soft_deleted(self, resource_id: str) -> list[Json]:
        """Return the soft-deleted versions of a definition, or of a whole gallery."""
        bodies: list[Json] = self._call("GET", "soft-deleted", query={"id": resource_id})
        return bodies

    def create(self, resources: Iterable[tuple[str, Json]]) -> None:
        """Create resources (id, PUT body) that have Succeeded at once; by the rules, so parents come first."""
        pending = [{"id": resource_id, "body": body} for resource_id, body in resources]
        for start in range(0, len(pending), _BATCH):
            self._call("POST", "resources", pending[start : start + _BATCH])

    def tamper(self, resource_id: str, patch: Mapping[str, Any]) -> None:
        """Change tags or properties as someone else would in Azure, at once; a null removes a member."""
        self._call("PATCH", "resource", dict(patch), query={"id": resource_id})

    def remove(self, resource_id: str) -> None:
        """Delete a resource with all it holds, or a source, as someone else would, at once."""
        self._call("DELETE", "resource", query={"id": resource_id})

    def reset(self) -> None:
        """Drop gallery resources, faults, journal, settings and applications; sources and resource groups stay."""
        self._call("POST", "reset")

    # --- access ------------------------------------------------------------------------------------------------------

    def role_assignments(self, scope: str) -> list[Json]:
        """Return the role assignments at, above and below a scope."""
        bodies: list[Json] = self._call("GET", "role-assignments", query={"scope": scope})
        return bodies

    def access(self, principal_id: str, resource_id: str) -> bool:
        """Tell whether role assignments let a principal read a gallery, definition or version."""
        allowed: bool = self._call("GET", "access", query={"principal": principal_id, "id": resource_id})
        return allowed

    def add_principal(self, principal_id: str, principal_type: PrincipalType = "ServicePrincipal") -> None:
        """Let the directory know a principal, so that roles can be assigned to it without naming its type."""
        self._call("POST", "principals", {"id": principal_id, "type": principal_type})

    # --- what is there to begin with ---------------------------------------------------------------------------------

    def add_source(self, source: Source) -> None:
        """Add something to publish from, or replace it."""
        self._call("POST", "sources", source.model_dump())

    def add_group(self, name: str, location: str) -> None:
        """Add a resource group."""
        self._call("POST", "groups", {"name": name, "location": location})

    def trust(self, issuer: str, subject: str, client_id: str = CLIENT_ID) -> None:
        """Accept federated tokens of this issuer for this subject as proof of an application."""
        self._call("POST", "federations", {"issuer": issuer, "subject": subject, "client_id": client_id})

    def add_subscription(self, subscription: str, tenant: str) -> None:
        """Add a subscription that trusts a tenant, with the seeded resource groups."""
        self._call("POST", "subscriptions", {"id": subscription, "tenant": tenant})

    def add_app(
        self,
        client_id: str,
        *tenants: str,
        secret: str | None = None,
        certificate: str | None = None,
        on_node: bool = False,
        subscriptions: Iterable[str] = (),
    ) -> None:
        """Add an application that is known in these tenants (its home first), or replace it; `reset` drops it.

        `certificate`: PEM; the assertions that its key signs are accepted. `on_node`: it is a managed identity, whose
        tokens are given out at AZURE_POD_IDENTITY_AUTHORITY_HOST. `subscriptions`: those that it may use.
        """
        body = {"client_id": client_id, "tenants": tenants, "secret": secret, "certificate": certificate}
        self._call("POST", "apps", {**body, "on_node": on_node, "subscriptions": list(subscriptions)})

    def rotate_secret(self, client_id: str, secret: str) -> None:
        """Replace every secret of an application. Tokens that were given out before stay valid, as in Azure."""
        self._call("PATCH", "app", {"secret": secret}, query={"client_id": client_id})

    def allow(self, client_id: str, subscription: str) -> None:
        """Let an application use a subscription."""
        self._call("PATCH", "app", {"subscription": subscription}, query={"client_id": client_id})

    def _call(self, method: str, path: str, body: Any = None, *, query: Mapping[str, str] | None = None) -> Any:
        answer = self._session.request(method, f"{self._url}/{path}", params=query, json=body, timeout=_TIMEOUT)
        if not answer.ok:
            raise ValueError(answer.json()["error"])
        return answer.json()
