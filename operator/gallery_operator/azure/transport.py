"""One HTTP exchange with ARM: our own pipeline of Azure's SDK, with nothing in it that acts behind our back.

The pipeline is the SDK's (request ids, user agent, bearer tokens and their renewal), without its retries, its
redirects and its automatic registration of resource providers: those would send requests that no budget counted and
nobody decided. A guard before the token refuses every host but ARM's, since answers carry links (next pages,
operation URLs) and a token goes wherever a request goes.

The typed clients of azure-mgmt-compute are not used. Measured with 10,000 versions, building their models takes 12 s
per LIST where parsing takes 0.3 s, and the package takes 21 MB; the domain wants ARM's wire form anyway.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    ServiceRequestTimeoutError,
    ServiceResponseTimeoutError,
)
from azure.core.pipeline import AsyncPipeline, PipelineRequest
from azure.core.pipeline.policies import RequestIdPolicy, SansIOHTTPPolicy, UserAgentPolicy
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy
from yarl import URL

from gallery_operator import __version__
from gallery_operator.azure.clouds import Cloud
from gallery_operator.azure.credentials import credential_error
from gallery_operator.azure.errors import redact
from gallery_operator.azure.verdicts import ArmError, Transient

_CONNECT_TIMEOUT = 10.0
_READ_TIMEOUT = 60.0
#: Real seconds for a whole exchange, including a new token.
_TOTAL_TIMEOUT = 120.0
#: Bytes of the largest answer that is read; a LIST page of 1,000 versions with 60 regions each stays below.
MAX_BODY = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What ARM answered; `headers` know no case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ArmTransport:
    """Exchanges requests with one cloud's ARM endpoint under one credential. Create it in the running loop."""

    def __init__(self, cloud: Cloud, credential: AsyncTokenCredential) -> None:
        # One TLS context for all: given a CA file, the SDK would build one (and a connection) per request.
        tls = ssl.create_default_context(cafile=cloud.ca_file)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls),
            trust_env=True,
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(_send_once,),
        )
        self._guard = _HostGuard(cloud.arm_endpoint)
        # The SDK types its policies for its older request classes, too, so they fit no typed list.
        policies: list[Any] = [
            RequestIdPolicy(),
            UserAgentPolicy(f"gallery-operator/{__version__}"),
            self._guard,
            AsyncARMChallengeAuthenticationPolicy(credential, cloud.scope),
        ]
        self._pipeline: AsyncPipeline[HttpRequest, AsyncHttpResponse] = AsyncPipeline(
            AioHttpTransport(
                session=self._session,
                session_owner=False,
                connection_timeout=_CONNECT_TIMEOUT,
                read_timeout=_READ_TIMEOUT,
            ),
            policies,
        )

    def serves(self, url: str) -> bool:
        """Tell whether a request to `url` would go to ARM, and hence may carry our token."""
        return self._guard.admits(url)

    async def exchange(self, request: HttpRequest) -> Answer:
        """Send a request and read the whole answer, whatever its status.

        Raises ArmError when there is none: no credential, no connection, no time, a foreign host, a body too large.
        """
        try:
            async with asyncio.timeout(_TOTAL_TIMEOUT):
                response = (await self._pipeline.run(request, stream=True)).http_response
                async with response:
                    return Answer(response.status_code, response.headers, await _read(response))
        except ClientAuthenticationError as error:
            raise credential_error(error) from None
        except (TimeoutError, ServiceRequestTimeoutError, ServiceResponseTimeoutError):
            raise ArmError(Transient("Timeout", "Azure did not answer in time")) from None
        except (AzureError, OSError) as error:
            raise ArmError(Transient("ConnectionFailed", redact(f"no answer from Azure: {error}"))) from None

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()


class _HostGuard(SansIOHTTPPolicy[HttpRequest, AsyncHttpResponse]):
    """Refuses requests to any other origin than ARM's. URLs are read as the HTTP client will read them."""

    def __init__(self, arm_endpoint: str) -> None:
        self._origin = _origin(arm_endpoint)

    def admits(self, url: str) -> bool:
        return _origin(url) == self._origin

    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        if not self.admits(request.http_request.url):
            message = redact(f"a link leads away from ARM and is not followed: {_origin(request.http_request.url)}")
            raise ArmError(Transient("ForeignHost", message))


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    try:
        parsed = URL(url)
    except ValueError:
        return None
    return None if parsed.user is not None else (parsed.scheme, parsed.host, parsed.port)


async def _send_once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a PUT or DELETE again by itself when the connection breaks: ARM may have done it."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError(str(error)) from error


async def _read(response: AsyncHttpResponse) -> bytes:
    body = bytearray()
    async for chunk in response.iter_raw():  # "raw" to the SDK: the session has already unpacked it
        body += chunk
        if len(body) > MAX_BODY:
            raise ArmError(Transient("AnswerTooLarge", f"Azure's answer has more than {MAX_BODY} bytes"))
    return bytes(body)
