"""The directory: tenants and applications, how these prove who they are, and which subscriptions they may use.

A managed identity is an application, too: one that has no secrets, and whose tokens the node's endpoint gives out.
"""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from dev.azure_simulator import seeds
from dev.azure_simulator.paths import Json

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_THUMBPRINTS = {"x5t": hashes.SHA1(), "x5t#S256": hashes.SHA256()}


class OAuthError(Exception):
    """An error answer of the token endpoint."""

    def __init__(self, status: int, error: str, number: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        trace, correlation = uuid.uuid4(), uuid.uuid4()
        when = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
        self.body: Json = {
            "error": error,
            "error_description": (
                f"AADSTS{number}: {message} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {when}"
            ),
            "error_codes": [number],
            "timestamp": when,
            "trace_id": str(trace),
            "correlation_id": str(correlation),
        }


@dataclass
class App:
    """An application or a managed identity. Ids are in lower case."""

    client_id: str
    #: Where it has a service principal; its home first.
    tenants: list[str]
    secrets: set[str] = field(default_factory=set)
    certificates: list[x509.Certificate] = field(default_factory=list)
    #: (issuer, subject) of the service accounts whose tokens stand for it.
    federations: set[tuple[str, str]] = field(default_factory=set)
    #: Whether the node that the operator runs on has it.
    on_node: bool = False
    #: Subscriptions in which it may do everything.
    subscriptions: set[str] = field(default_factory=set)

    def check_proof(self, form: Mapping[str, Any], audience: str) -> None:
        """Check what a token request proves the application with; `audience` is the token endpoint.

        Raises OAuthError.
        """
        if "client_assertion" in form:
            if form.get("client_assertion_type") != _ASSERTION_TYPE:
                raise _malformed()
            self._check_assertion(str(form["client_assertion"]), audience)
        elif form.get("client_secret") not in self.secrets:
            text = "Invalid client secret provided. Ensure that the secret sent is the client secret value, not its id."
            raise OAuthError(401, "invalid_client", 7000215, text)

    def _check_assertion(self, assertion: str, audience: str) -> None:
        try:
            header = jwt.get_unverified_header(assertion)
        except jwt.InvalidTokenError:
            raise _malformed() from None
        if header.keys() & _THUMBPRINTS.keys():
            self._check_signed(assertion, header, audience)
        else:
            self._check_federated(assertion)

    def _check_signed(self, assertion: str, header: Mapping[str, Any], audience: str) -> None:
        """Check an assertion that was signed with the key of a client certificate."""
        key = next((each.public_key() for each in self.certificates if _names(header, each)), None)
        if not isinstance(key, RSAPublicKey):
            text = (
                "The certificate with identifier used to sign the client assertion is not registered on application. "
                "[Reason - The key was not found.]"
            )
            raise OAuthError(401, "invalid_client", 700027, text)
        try:
            claims = jwt.decode(assertion, key, algorithms=["RS256", "PS256"], audience=audience)
        except jwt.ExpiredSignatureError:
            raise _expired() from None
        except jwt.InvalidTokenError:
            text = "Client assertion failed signature validation."
            raise OAuthError(401, "invalid_client", 700027, text) from None
        if (claims.get("iss"), claims.get("sub")) != (self.client_id, self.client_id):
            text = "Client assertion contains an invalid issuer or subject."
            raise OAuthError(401, "invalid_client", 700021, text)  # [?] the number

    def _check_federated(self, assertion: str) -> None:
        """Check a federated token, all but its signature: the simulator does not know the issuers' keys."""
        unchecked: Any = {"verify_signature": False, "verify_aud": False, "verify_exp": True, "require": ["exp"]}
        try:
            claims = jwt.decode(assertion, options=unchecked)
        except jwt.ExpiredSignatureError:
            raise _expired() from None
        except jwt.InvalidTokenError:
            raise _malformed() from None
        if (claims.get("iss"), claims.get("sub")) not in self.federations:
            text = "No matching federated identity record found for presented assertion."
            raise OAuthError(400, "invalid_request", 700213, text)


class Directory:
    """Every tenant and application."""

    def __init__(self) -> None:
        self._apps: dict[str, App] = {}
        self.tenants: set[str] = set()
        self.reset()

    def reset(self) -> None:
        """Set tenants and applications back to those that are seeded."""
        self.tenants = set()
        self._apps = {}
        operator = self.add(seeds.CLIENT_ID, [seeds.TENANT_ID, seeds.OTHER_TENANT_ID], secret=seeds.CLIENT_SECRET)
        operator.federations.update(seeds.FEDERATIONS)
        operator.subscriptions.update(seeds.SUBSCRIPTIONS)

    def add(self, client_id: str, tenants: list[str], *, secret: str | None = None, on_node: bool = False) -> App:
        """Add an application, or replace one; tenants that are not there come into being."""
        homes = [each.lower() for each in tenants]
        self.tenants.update(homes)
        app = self._apps[client_id.lower()] = App(client_id.lower(), homes, on_node=on_node)
        if secret is not None:
            app.secrets.add(secret)
        return app

    def app(self, client_id: str) -> App:
        """Return an application; raises KeyError when there is none of this id."""
        return self._apps[client_id.lower()]

    def find(self, client_id: str, tenant: str) -> App:
        """Return an application that has a service principal in a tenant.

        Raises OAuthError when there is no such tenant or application.
        """
        if tenant not in self.tenants:
            raise OAuthError(400, "invalid_request", 90002, f"Tenant '{tenant[:100]}' not found.")
        app = self._apps.get(client_id.lower())
        if app is None or tenant not in app.tenants:
            text = (
                f"Application with identifier '{client_id[:100]}' was not found in the directory '{tenant}'. This can "
                "happen if the application has not been installed by the administrator of the tenant."
            )
            raise OAuthError(400, "unauthorized_client", 700016, text)
        return app

    def on_node(self, client_id: str | None) -> App | None:
        """Return the managed identity of the node that has this client id; the first one when None is given."""
        return next((app for app in self._apps.values() if app.on_node and client_id in (None, app.client_id)), None)

    def subscriptions_of(self, client_id: str) -> frozenset[str]:
        """Return the subscriptions that an application may use; none when it is gone."""
        app = self._apps.get(client_id)
        return frozenset(app.subscriptions if app else ())


def _names(header: Mapping[str, Any], certificate: x509.Certificate) -> bool:
    """Tell whether the header of an assertion names a certificate, by each thumbprint that it has."""
    return all(
        base64.urlsafe_b64encode(certificate.fingerprint(how)).rstrip(b"=").decode() == str(header[name]).rstrip("=")
        for name, how in _THUMBPRINTS.items()
        if name in header
    )


def _malformed() -> OAuthError:
    return OAuthError(401, "invalid_client", 50027, "JWT token is invalid or malformed.")


def _expired() -> OAuthError:
    return OAuthError(401, "invalid_client", 700024, "Client assertion is not within its valid time range.")
