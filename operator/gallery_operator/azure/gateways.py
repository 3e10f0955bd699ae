"""A gateway to ARM for each credential that a Secret holds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ClientAuthenticationError

from gallery_operator.azure.budget import Limits
from gallery_operator.azure.clouds import Cloud
from gallery_operator.azure.credentials import SecretRefusedError
from gallery_operator.azure.gateway import ArmGateway
from gallery_operator.azure.observer import ArmObserver
from gallery_operator.azure.secret_credentials import SecretCredential, open_credential
from gallery_operator.azure.verdicts import ArmError, Throttled
from gallery_operator.clock import Clock

#: Certificates opened at the same time: each takes a process and up to 5 s of computing.
_OPENING = 2
#: Of those that are being opened and those that wait for it: each holds a worker, and a namespace may bring many.
_LINE = 6
#: Seconds after which those that found the line full come back.
_LATER = 2.0


@dataclass(frozen=True, slots=True)
class Connected:
    """A gateway with the credential that it uses."""

    arm: ArmGateway
    credential: AsyncTokenCredential

    async def close(self) -> None:
        """Close the gateway's connections, then the credential's."""
        await self.arm.close()
        await self.credential.close()


class Gateways:
    """Connects to one cloud by the credentials in Secrets; each connection has budgets of its own, as ARM counts."""

    def __init__(
        self, cloud: Cloud, clock: Clock, *, limits: Limits | None = None, observer: ArmObserver | None = None
    ) -> None:
        self._cloud = cloud
        self.clock = clock
        self._limits = limits
        self._observer = observer
        self._opening = asyncio.Semaphore(_OPENING)
        self._in_line = 0

    async def connect(self, secret: SecretCredential) -> Connected:
        """Return a gateway under a Secret's credential; nothing is asked of Azure yet.

        Raises CredentialInvalid, and ArmError when too many others are being opened.
        """
        credential = _Concealing(await self._opened(secret), secret)
        arm = ArmGateway(
            self._cloud,
            credential,
            clock=self.clock,
            limits=self._limits,
            observer=self._observer,
            conceal=secret.conceal,
        )
        return Connected(arm, credential)

    async def _opened(self, secret: SecretCredential) -> AsyncTokenCredential:
        if secret.mode != "ClientCertificate":
            return await open_credential(secret, self._cloud)
        if self._in_line >= _LINE:
            raise ArmError(Throttled(_LATER, f"Secret {secret.name} waits: other certificates are being opened"))
        self._in_line += 1
        try:
            async with self._opening:
                return await open_credential(secret, self._cloud)
        finally:
            self._in_line -= 1


class _Concealing(AsyncTokenCredential):
    """A Secret's credential, whose errors name the Secret and hold no value of it."""

    def __init__(self, credential: Any, secret: SecretCredential) -> None:
        self._credential = credential
        self._secret = secret

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        try:
            token: AccessToken = await self._credential.get_token(*scopes, **options)
        except ClientAuthenticationError as error:
            raise self._refused(error) from None
        return token

    async def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        try:
            token: AccessTokenInfo = await self._credential.get_token_info(*scopes, options=options)
        except ClientAuthenticationError as error:
            raise self._refused(error) from None
        return token

    async def close(self) -> None:
        await self._credential.close()

    async def __aenter__(self) -> _Concealing:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _refused(self, error: ClientAuthenticationError) -> SecretRefusedError:
        # Of a managed identity it is the node's endpoint that answers, and not Microsoft Entra.
        status = None if self._secret.mode == "ManagedIdentity" else error.status_code
        return SecretRefusedError(self._secret.name, self._secret.conceal(str(error.message)), status)
