"""One ARM request on its way: what it is, whether it is admitted, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dev.azure_simulator import errors, regions, throttling
from dev.azure_simulator.journal import Entry
from dev.azure_simulator.paths import Json, Kind
from dev.azure_simulator.simulation import Simulation

#: What a GET can be asked for in addition, in lower case.
_EXPANDABLE: dict[Kind, frozenset[str]] = {
    "gallery": frozenset({"sharingprofile/groups"}),
    "definition": frozenset(),
    "version": frozenset({"replicationstatus", "uefisettings", "validationprofile"}),
}


@dataclass
class Reply:
    """Status, body and headers of an answer."""

    status: int
    body: Json | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """A request that has come in, and who sent it."""

    entry: Entry
    query: Mapping[str, str]
    principal: str
    #: The tenants whose tokens came with the request: that of the principal first, then those of auxiliary tokens.
    tenants: tuple[str, ...]
    #: The subscriptions that the sender may use, in lower case.
    subscriptions: frozenset[str] = frozenset()
    #: Headers that go with the answer, whatever it is.
    limits: dict[str, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        return self.entry.method

    @property
    def path(self) -> str:
        return self.entry.path

    @property
    def api_version(self) -> str:
        return self.query.get("api-version", "")

    @property
    def expand(self) -> frozenset[str]:
        """The names in `$expand`, in lower case. An older way to ask for a gallery's groups is `$select`."""
        names = {name.strip() for name in self.query.get("$expand", "").lower().split(",")}
        selected = self.query.get("$select", "").strip().lower()
        return frozenset(names | ({"sharingprofile/groups"} if selected == "permissions" else set()))

    def expanding(self, kind: Kind) -> frozenset[str]:
        """Return `expand` of a GET of a gallery resource.

        Raises ArmError 400 for a name that the resource does not have. [?] Azure may ignore it, which hides mistakes.
        """
        selected = self.query.get("$select", "")
        if selected and (kind != "gallery" or selected.strip().lower() != "permissions"):
            raise errors.invalid_parameter(
                f"The value '{selected[:100]}' of parameter '$select' is invalid.", "$select"
            )
        if unknown := self.expand - _EXPANDABLE[kind] - {""}:
            text = f"The value '{min(unknown)[:100]}' of parameter '$expand' is invalid."
            raise errors.invalid_parameter(text, "$expand")
        return self.expand

    def require_get(self) -> None:
        """Raise ArmError 405 unless this is a GET."""
        if self.method != "GET":
            raise errors.method_not_allowed(self.method)


class Gate:
    """Lets calls in within the rate limits, and notes what is left of these."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    def admit(self, call: Call, subscription: str, kind: str) -> None:
        """Check the API version of a call to the gallery service and charge its limits.

        Raises ArmError 400, 405 or 429.
        """
        if call.api_version not in errors.SUPPORTED_API_VERSIONS:
            body = call.entry.body
            location = str(body.get("location", "")) if isinstance(body, dict) else ""
            raise errors.no_registered_provider(location, call.api_version[:50], regions.REGIONS)
        self.charge(call, subscription)
        policy = throttling.POLICIES.get(("PUT" if call.method == "PATCH" else call.method, kind))
        if policy is None:
            raise errors.method_not_allowed(call.method)
        limits, now = self._simulation.limits, self._simulation.timestamp()
        call.limits.update(limits.charge_provider(subscription, policy, now, enforced=self._enforced))

    def charge(self, call: Call, subscription: str) -> None:
        """Charge the limits of ARM itself.

        Raises ArmError 429.
        """
        action = throttling.ACTIONS.get(call.method, "writes")
        limits, now = self._simulation.limits, self._simulation.timestamp()
        call.limits.update(limits.charge_arm(subscription, call.principal, action, now, enforced=self._enforced))

    @property
    def _enforced(self) -> bool:
        return self._simulation.service.settings.throttling
