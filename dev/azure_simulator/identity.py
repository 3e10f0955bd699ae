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
from dev.azure_simulator.directory import Directory, OAuthError
from dev.azure_simulator.paths import Json

_LIFETIME = 3600
_KEY_ID = "simulated-signing-key"
_PUBLIC_AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")
#: Checked tokens are remembered so that a request costs no signature check; bounded by dropping all.
_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sends a request: the service principal of an application in a tenant."""

    object_id: str
    tenant: str
    client_id: str
    expires: float


@functools.cache
def signing_key() -> rsa.RSAPrivateKey:
    """Return the key that signs the tokens of every simulator in this process."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Identity:
    """Gives out tokens for the applications of a directory, and checks them."""

    def __init__(self, base: str, directory: Directory | None = None) -> None:
        self._base = base
        self._authority = f"{base}/{seeds.TENANT_ID}"
        self._audiences = frozenset((base, *_PUBLIC_AUDIENCES))
        self._checked: dict[str, Principal] = {}
        self.directory = directory or Directory()

    def openid_configuration(self, tenant: str = seeds.TENANT_ID) -> Json:
        """Return what a tenant tells of its endpoints; names such as `common` stand for the seeded one."""
        authority = f"{self._base}/{tenant}" if tenant in self.directory.tenants else self._authority
        return {
            "issuer": f"{authority}/v2.0",
            "authorization_endpoint": f"{authority}/oauth2/v2.0/authorize",
            "token_endpoint": f"{authority}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{authority}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{authority}/discovery/v2.0/keys",
            "response_types_supported": ["code", "id_token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def authority(self, tenant: str) -> str:
        """Return the URL of a tenant's authority."""
        return f"{self._base}/{tenant}"

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
        """Answer a token request (client credentials with a secret, a certificate or a federated token).

        Raises OAuthError when Entra would refuse it.
        """
        tenant = tenant.lower()
        if tenant in self.directory.tenants and form.get("grant_type") != "client_credentials":
            raise OAuthError(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        app = self.directory.find(str(form.get("client_id")), tenant)
        app.check_proof(form, f"{self._base}/{tenant}/oauth2/v2.0/token")
        audience = self._audience(str(form.get("scope", "")).partition(" ")[0].removesuffix("/.default"))
        return {
            "token_type": "Bearer",
            "expires_in": _LIFETIME,
            "ext_expires_in": _LIFETIME,
            "access_token": self._sign(audience, app.client_id, tenant),
        }

    def issue_on_node(self, query: Mapping[str, str], metadata: str | None) -> Json:
        """Answer a token request to the node's endpoint (IMDS), which has the header `Metadata: true`.

        Raises OAuthError when the endpoint would refuse it.
        """
        if metadata != "true":
            raise OAuthError(400, "invalid_request", 90014, "Required metadata header not specified")
        app = self.directory.on_node(query.get("client_id"))
        if app is None:
            raise OAuthError(400, "invalid_request", 700016, "Identity not found")
        audience, now = self._audience(query.get("resource", "")), int(time.time())
        return {
            "access_token": self._sign(audience, app.client_id, app.tenants[0]),
            "client_id": app.client_id,
            "expires_in": str(_LIFETIME),
            "ext_expires_in": str(_LIFETIME),
            "expires_on": str(now + _LIFETIME),
            "not_before": str(now),
            "resource": audience,
            "token_type": "Bearer",
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
                options={"verify_aud": False, "verify_exp": False, "require": ["exp", "aud", "oid", "tid", "appid"]},
            )
            if claims["iss"] != f"{self._base}/{claims['tid']}/v2.0":
                raise jwt.InvalidIssuerError
        except jwt.InvalidTokenError:
            text = "The access token is invalid."
            raise errors.unauthenticated("InvalidAuthenticationToken", text, self._authority) from None
        if str(claims["aud"]).rstrip("/") not in self._audiences:
            text = "The access token has been obtained for wrong audience or resource."
            raise errors.unauthenticated("InvalidAuthenticationTokenAudience", text, self._authority)
        if len(self._checked) >= _REMEMBERED:
            self._checked.clear()
        principal = self._checked[token] = Principal(
            claims["oid"], claims["tid"], claims["appid"], float(claims["exp"])
        )
        return principal

    def _audience(self, audience: str) -> str:
        if audience.rstrip("/") not in self._audiences:
            text = f"The resource principal named {audience[:200]} was not found in the tenant."
            raise OAuthError(400, "invalid_resource", 500011, text)
        return audience

    def _sign(self, audience: str, client_id: str, tenant: str) -> str:
        now = int(time.time())
        claims = {
            "aud": audience,
            "iss": f"{self._base}/{tenant}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": now + _LIFETIME,
            "appid": client_id,
            "oid": client_id,  # [?] a service principal has an object id of its own in each tenant
            "sub": client_id,
            "tid": tenant,
            "idtyp": "app",
            "ver": "2.0",
            "uti": uuid.uuid4().hex,
        }
        return jwt.encode(claims, signing_key(), algorithm="RS256", headers={"kid": _KEY_ID})
