"""Who may use which subscription: an application may do everything in those that it was allowed, nothing elsewhere.

ARM's own roles and scopes are not simulated; what it answers to those who lack them is.
"""

from __future__ import annotations

import re

from dev.azure_simulator import errors
from dev.azure_simulator.identity import Identity, Principal
from dev.azure_simulator.platform import Platform

_SUBSCRIPTION = re.compile(r"/subscriptions/([^/]+)(?:/.*)?", re.IGNORECASE)
_VERBS = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}


class Access:
    """Judges requests before they are looked at any further."""

    def __init__(self, platform: Platform, identity: Identity) -> None:
        self._platform = platform
        self._identity = identity

    def check(self, principal: Principal, method: str, path: str) -> None:
        """Check the subscription that a request is about; one that does not exist is left to whoever answers.

        Raises ArmError 401 when the subscription trusts another tenant, 403 when the sender may not use it.
        """
        match = _SUBSCRIPTION.fullmatch(path)
        tenant = self._platform.tenant_of(match[1]) if match else None
        if match is None or tenant is None:
            return
        if tenant != principal.tenant:
            raise errors.wrong_tenant(principal.tenant, tenant, self._identity.authority(tenant))
        if match[1].lower() not in self.subscriptions(principal):
            raise errors.authorization_failed(principal.client_id, principal.object_id, _action(method, path), path)

    def subscriptions(self, principal: Principal) -> frozenset[str]:
        """Return the ids, in lower case, of the subscriptions that a sender may use, in whatever tenant."""
        return self._identity.directory.subscriptions_of(principal.client_id)


def _action(method: str, path: str) -> str:
    """Return the action that a request performs, as roles name it."""
    _, _, provided = path.rpartition("/providers/")
    provider, *rest = provided.strip("/").split("/") if "/providers/" in path else ("Microsoft.Resources", *_own(path))
    verb = _VERBS.get(method)
    if verb is None:  # the last part of the path of a POST is what it does
        return "/".join((provider, *rest[:-1:2], rest[-1], "action"))
    return "/".join((provider, *rest[::2], verb))


def _own(path: str) -> list[str]:
    return path.strip("/").split("/")
