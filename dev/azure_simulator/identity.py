"""A token endpoint good enough for azure-identity and for the login of the Azure CLI.

Tokens live in real time, not on the simulator's clock: the client libraries renew them by the machine's clock.
"""

from __future__ import annotations

import functools
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from dev.azure_simulator import errors, seeds
from dev.azure_simulator.paths import Json

_LIFETIME = 3600
_KEY_ID = "simulated-signing-key"
_PUBLIC_AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: Checked tokens are remembered so that a request costs no signature check; bounded by dropping all.
_REMEMBERED = 1000


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


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sends a request."""

    object_id: str
    tenant: str
    expires: float


@functools.cache
def signing_key() -> rsa.RSAPrivateKey:
    """Return the key that signs the tokens of every simulator in this process."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Identity:
    """The tenant: one application with a secret, and the service accounts it trusts."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._authority = f"{base}/{seeds.TENANT_ID}"
        self._issuer = f"{self._authority}/v2.0"
        self._audiences = frozenset((base, *_PUBLIC_AUDIENCES))
        self._federations = set(seeds.FEDERATIONS)
        self._checked: dict[str, Principal] = {}

    def trust(self, issuer: str, subject: str) -> None:
        """Accept federated tokens of this issuer for this subject."""
        self._federations.add((issuer, subject))

    def openid_configuration(self) -> Json:
        return {
            "issuer": self._issuer,
            "authorization_endpoint": f"{self._authority}/oauth2/v2.0/authorize",
            "token_endpoint": f"{self._authority}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{self._authority}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{self._authority}/discovery/v2.0/keys",
            "response_types_supported": ["code", "id_token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def keys(self) -> Json:
        """Return the key set that verifies the tokens."""
        key = jwt.algorithms.RSAAlgorithm.to_jwk(signing_key().public_key(), as_dict=True)
        return {"keys": [{**key, "kid": _KEY_ID, "use": "sig", "alg": "RS256"}]}

    def clouds(self) -> Json:
        """Return what `GET /metadata/endpoints` tells the Azure CLI about this cloud."""
        return {
            "name": "AzureSimulator",
            "resourceManager": self._base,
            "authentication": {
                "loginEndpoint": self._base,
                "audiences": [self._base, *_PUBLIC_AUDIENCES],
                "tenant": "common",
                "identityProvider": "AAD",
            },
            "suffixes": {
                "storage": "core.windows.net",
                "keyVaultDns": "vault.azure.net",
                "acrLoginServer": "azurecr.io",
                "sqlServerHostname": "database.windows.net",
            },
            "portal": self._base,
            "graph": self._base,
            "graphAudience": self._base,
            "microsoftGraphResourceId": self._base,
            "gallery": self._base,
            "batch": self._base,
            "media": self._base,
            "sqlManagement": self._base,
            "activeDirectoryDataLake": self._base,
            "appInsightsResourceId": self._base,
            "logAnalyticsResourceId": self._base,
        }

    def issue(self, tenant: str, form: Mapping[str, Any]) -> Json:
        """Answer a token request (client credentials with a secret or a federated token).

        Raises OAuthError when Entra would refuse it.
        """
        if tenant.lower() != seeds.TENANT_ID:
            raise OAuthError(400, "invalid_request", 90002, f"Tenant '{tenant[:100]}' not found.")
        if form.get("grant_type") != "client_credentials":
            raise OAuthError(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        if form.get("client_id") != seeds.CLIENT_ID:
            text = f"Application with identifier '{str(form.get('client_id'))[:100]}' was not found in the directory."
            raise OAuthError(400, "unauthorized_client", 700016, text)
        self._check_client(form)
        audience = self._audience(str(form.get("scope", "")))
        return {
            "token_type": "Bearer",
            "expires_in": _LIFETIME,
            "ext_expires_in": _LIFETIME,
            "access_token": self._sign(audience),
        }

    def authenticate(self, header: str | None) -> Principal:
        """Return who bears the token of an Authorization header.

        Raises ArmError 401 when there is none or it is not valid.
        """
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            text = "Authentication failed. The 'Authorization' header is missing."
            raise errors.unauthenticated("AuthenticationFailed", text, self._authority)
        principal = self._checked.get(token) or self._check(token)
        if principal.expires <= time.time():
            text = "The access token expiry is in the past."
            raise errors.unauthenticated("ExpiredAuthenticationToken", text, self._authority)
        return principal

    def _check(self, token: str) -> Principal:
        try:
            claims = jwt.decode(
                token,
                signing_key().public_key(),
                algorithms=["RS256"],
                issuer=self._issuer,
                options={"verify_aud": False, "verify_exp": False, "require": ["exp", "aud", "oid", "tid"]},
            )
        except jwt.InvalidTokenError:
            text = "The access token is invalid."
            raise errors.unauthenticated("InvalidAuthenticationToken", text, self._authority) from None
        if str(claims["aud"]).rstrip("/") not in self._audiences:
            text = "The access token has been obtained for wrong audience or resource."
            raise errors.unauthenticated("InvalidAuthenticationTokenAudience", text, self._authority)
        if len(self._checked) >= _REMEMBERED:
            self._checked.clear()
        principal = self._checked[token] = Principal(claims["oid"], claims["tid"], float(claims["exp"]))
        return principal

    def _check_client(self, form: Mapping[str, Any]) -> None:
        if "client_assertion" in form:
            self._check_assertion(str(form["client_assertion"]), str(form.get("client_assertion_type")))
        elif form.get("client_secret") != seeds.CLIENT_SECRET:
            text = "Invalid client secret provided. Ensure that the secret sent is the client secret value, not its id."
            raise OAuthError(401, "invalid_client", 7000215, text)

    def _check_assertion(self, assertion: str, assertion_type: str) -> None:
        """Check a federated token, all but its signature: the simulator does not know the issuers' keys."""
        try:
            if assertion_type != _ASSERTION_TYPE:
                raise jwt.InvalidTokenError
            claims = jwt.decode(
                assertion,
                options={"verify_signature": False, "verify_aud": False, "verify_exp": True, "require": ["exp"]},
            )
        except jwt.ExpiredSignatureError:
            text = "Client assertion is not within its valid time range."
            raise OAuthError(401, "invalid_client", 700024, text) from None
        except jwt.InvalidTokenError:
            raise OAuthError(401, "invalid_client", 50027, "JWT token is invalid or malformed.") from None
        if (claims.get("iss"), claims.get("sub")) not in self._federations:
            text = "No matching federated identity record found for presented assertion."
            raise OAuthError(400, "invalid_request", 700213, text)

    def _audience(self, scope: str) -> str:
        audience = scope.partition(" ")[0].removesuffix("/.default")
        if audience.rstrip("/") not in self._audiences:
            text = f"The resource principal named {audience[:200]} was not found in the tenant."
            raise OAuthError(400, "invalid_resource", 500011, text)
        return audience

    def _sign(self, audience: str) -> str:
        now = int(time.time())
        claims = {
            "aud": audience,
            "iss": self._issuer,
            "iat": now,
            "nbf": now,
            "exp": now + _LIFETIME,
            "appid": seeds.CLIENT_ID,
            "oid": seeds.CLIENT_ID,
            "sub": seeds.CLIENT_ID,
            "tid": seeds.TENANT_ID,
            "idtyp": "app",
            "ver": "2.0",
            "uti": uuid.uuid4().hex,
        }
        return jwt.encode(claims, signing_key(), algorithm="RS256", headers={"kid": _KEY_ID})
