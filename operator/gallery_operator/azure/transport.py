"""Single exchanges with ARM through azure-mgmt-compute, with nothing in it that acts behind our back.

The SDK's typed operations build and address the requests. Its policies for retries, redirects and the registration of
resource providers are left out: they would send requests that no budget counted and nobody decided. A guard before the
token refuses every host but ARM's, since answers carry links (next pages, operation URLs) and a token goes wherever a
request goes.

What ARM answers is handed on as it came, whatever its status: the domain wants ARM's wire form, and neither the SDK's
models nor its error texts are built from it, so there is nothing in an answer that they could stumble over.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import aiohttp
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    IncompleteReadError,
    ServiceRequestTimeoutError,
    ServiceResponseTimeoutError,
)
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import ContentDecodePolicy, RequestIdPolicy, SansIOHTTPPolicy, UserAgentPolicy
from azure.core.pipeline.transport import AioHttpTransport, AioHttpTransportResponse
from azure.core.polling import AsyncPollingMethod
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.mgmt.authorization.aio import AuthorizationManagementClient
from azure.mgmt.compute.aio import ComputeManagementClient
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy
from yarl import URL

from gallery_operator import __version__
from gallery_operator.api.arm_ids import ArmId, DefinitionId, GalleryId, VersionId
from gallery_operator.azure.clouds import Cloud
from gallery_operator.azure.credentials import credential_error, reading_tokens
from gallery_operator.azure.errors import redact
from gallery_operator.azure.verdicts import ArmError, Transient

#: Newer versions changed defaults (reference: new definitions became V2, new versions ZRS); a change is a decision.
API_VERSION: Final = "2026-03-03"

_CONNECT_TIMEOUT = 10.0
_READ_TIMEOUT = 60.0
#: Real seconds for a whole exchange, including a new token.
_TOTAL_TIMEOUT = 120.0
#: Bytes of the largest answer that is read; a LIST page of 1,000 versions with 60 regions each stays below.
MAX_BODY = 32 * 1024 * 1024
#: Clients that are kept; one that is dropped has nothing to close, and is built again in some milliseconds.
_MAX_CLIENTS = 64


@dataclass(frozen=True, slots=True)
class Answer:
    """What ARM answered; `headers` know no case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Refused(Exception):  # noqa: N818 - no error: how an answer gets past the SDK's reading of errors
    """ARM answered with a status that the operation does not expect."""

    def __init__(self, response: AsyncHttpResponse) -> None:
        super().__init__(response.status_code)
        self.response = response


class _FirstAnswer(AsyncPollingMethod[AsyncHttpResponse]):
    """Leaves a long-running operation at its first answer, as it came; `polling=False` would build a model of it."""

    def initialize(self, client: Any, initial_response: Any, deserialization_callback: Any) -> None:
        self._response: AsyncHttpResponse = initial_response.http_response

    async def run(self) -> None:
        pass

    def resource(self) -> AsyncHttpResponse:
        return self._response


#: For each operation. Any status that it does not expect raises _Refused in place of the SDK's own errors, whose
#: texts are built from the answer without bounds.
_STATUSES: Mapping[str, Any] = {"error_map": dict.fromkeys(range(100, 1000), _Refused)}
_OPTIONS: Mapping[str, Any] = {"api_version": API_VERSION, **_STATUSES}


class ArmTransport:
    """Exchanges requests with one cloud's ARM endpoint under one credential. Create it in the running loop.

    Every exchange goes under a client request id and returns the whole answer, whatever its status. It raises ArmError
    when there is none: no credential, no connection, no time, a foreign host, a body too large.
    """

    def __init__(self, cloud: Cloud, credential: AsyncTokenCredential) -> None:
        self._cloud = cloud
        self._credential = credential
        self._guard = _HostGuard(cloud.arm_endpoint)
        # One TLS context for all: given a CA file, the SDK would build one (and a connection) per request.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=_tls(cloud.ca_file)),
            trust_env=True,
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(_send_once,),
            response_class=_BoundedResponse,
        )
        self._http = AioHttpTransport(
            session=self._session,
            session_owner=False,
            connection_timeout=_CONNECT_TIMEOUT,
            read_timeout=_READ_TIMEOUT,
        )
        self._client = lru_cache(_MAX_CLIENTS)(partial(self._new_client, ComputeManagementClient))
        self._roles = lru_cache(_MAX_CLIENTS)(partial(self._new_client, AuthorizationManagementClient))

    async def get(self, resource: ArmId, request_id: str, **query: str) -> Answer:
        """GET a resource; `query` are the operation's own parameters, such as `expand`."""
        operations, names = self._addressed(resource)
        return await _answer(
            operations.get(*names, request_id=request_id, stream=True, cls=_unread, **query, **_OPTIONS)
        )

    async def put(
        self, resource: ArmId, body: Mapping[str, Any], request_id: str, tenants: tuple[str, ...] = ()
    ) -> Answer:
        """PUT a resource, and return what ARM answers at once; tokens of other `tenants` go with it."""

        async def exchange() -> AsyncHttpResponse:
            operations, names = self._addressed(resource)
            headers = await self._auxiliary(tenants)
            return await _first(
                operations.begin_create_or_update(
                    *names, body, request_id=request_id, headers=headers, polling=_FirstAnswer(), **_OPTIONS
                )
            )

        return await _answer(exchange())

    async def patch(self, resource: ArmId, body: Mapping[str, Any], request_id: str) -> Answer:
        """PATCH a resource, and return what ARM answers at once."""
        operations, names = self._addressed(resource)
        return await _answer(
            _first(operations.begin_update(*names, body, request_id=request_id, polling=_FirstAnswer(), **_OPTIONS))
        )

    async def delete(self, resource: ArmId, request_id: str, **query: Any) -> Answer:
        """DELETE a resource, and return what ARM answers at once; `query` are the operation's own parameters."""
        operations, names = self._addressed(resource)
        return await _answer(
            _first(operations.begin_delete(*names, request_id=request_id, polling=_FirstAnswer(), **query, **_OPTIONS))
        )

    async def share(self, gallery: GalleryId, body: Mapping[str, Any], request_id: str) -> Answer:
        """POST a change of a gallery's sharing, and return what ARM answers at once."""
        operations: Any = self._client(gallery.subscription).gallery_sharing_profile
        names = (gallery.resource_group, gallery.gallery)
        return await _answer(
            _first(operations.begin_update(*names, body, request_id=request_id, polling=_FirstAnswer(), **_OPTIONS))
        )

    async def assign_role(self, scope: ArmId, name: str, body: Mapping[str, Any], request_id: str) -> Answer:
        """PUT a role assignment at a resource (Microsoft.Authorization/roleAssignments)."""
        operations = self._roles(subscription_of(scope)).role_assignments
        return await _answer(operations.create(str(scope), name, body, request_id=request_id, cls=_unread, **_STATUSES))

    async def unassign_role(self, scope: ArmId, name: str, request_id: str) -> Answer:
        """DELETE a role assignment at a resource."""
        operations = self._roles(subscription_of(scope)).role_assignments
        return await _answer(operations.delete(str(scope), name, request_id=request_id, cls=_unread, **_STATUSES))

    async def follow(self, subscription: str, link: str, request_id: str) -> Answer:
        """GET anything that ARM has: a page of a list, an operation's state, the source of a version.

        Lists are read so, too: the typed pager builds a model of each version, measured at 12 s for 10,000 of them.
        """
        # Encoded as the HTTP client would: what is left of braces, send_request would take for its own placeholders.
        request = HttpRequest("GET", str(URL(self._guard.admit(link))), headers={"Accept": "application/json"})
        return await _answer(self._client(subscription).send_request(request, request_id=request_id))

    async def _auxiliary(self, tenants: tuple[str, ...]) -> dict[str, str]:
        """Return the header with tokens of other tenants, by which ARM reads what a body names there."""
        if not tenants:
            return {}
        tokens = []
        for each in tenants:
            try:
                with reading_tokens():
                    tokens.append((await self._credential.get_token(self._cloud.scope, tenant_id=each)).token)
            except ClientAuthenticationError as error:
                raise credential_error(error, source_tenant=each) from None
        return {"x-ms-authorization-auxiliary": ", ".join(f"Bearer {each}" for each in tokens)}

    def serves(self, url: str) -> bool:
        """Tell whether a request to `url` would go to ARM, and hence may carry our token."""
        return self._guard.admits(url)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    def _addressed(self, resource: ArmId) -> tuple[Any, tuple[str, ...]]:
        """Return the operations on the resource's kind, and the names that the resource has in them.

        The operations of the three kinds differ in nothing but their names and types, which no type can say.
        """
        client = self._client(subscription_of(resource))
        match resource:
            case GalleryId(_, group, gallery):
                return client.galleries, (group, gallery)
            case DefinitionId(GalleryId(_, group, gallery), definition):
                return client.gallery_images, (group, gallery, definition)
            case VersionId(DefinitionId(GalleryId(_, group, gallery), definition), version):
                return client.gallery_image_versions, (group, gallery, definition, version)

    def _new_client(self, kind: type[Any], subscription: str) -> Any:
        # The SDK types its policies for its older request classes, too, so they fit no typed list.
        policies: list[Any] = [
            RequestIdPolicy(),
            UserAgentPolicy(f"gallery-operator/{__version__}"),
            _ReadableRetryAfter(),
            _NothingDecoded(),
            self._guard,
            _Authentication(self._credential, self._cloud.scope),
        ]
        return kind(
            self._credential,
            subscription,
            base_url=self._cloud.arm_endpoint,
            credential_scopes=[self._cloud.scope],
            policies=policies,
            transport=self._http,
        )


@lru_cache(maxsize=8)
def _tls(ca_file: Path | None) -> ssl.SSLContext:
    """Return the TLS context of a CA file (None: the system's): it takes a megabyte, so transports share it."""
    return ssl.create_default_context(cafile=ca_file)


class _HostGuard(SansIOHTTPPolicy[HttpRequest, AsyncHttpResponse]):
    """Refuses requests to any other origin than ARM's. URLs are read as the HTTP client will read them."""

    def __init__(self, arm_endpoint: str) -> None:
        self._origin = _origin(arm_endpoint)

    def admits(self, url: str) -> bool:
        return _origin(url) == self._origin

    def admit(self, url: str) -> str:
        """Return `url`; raises ArmError when it leads elsewhere."""
        if not self.admits(url):
            message = redact(f"a link leads away from ARM and is not followed: {_origin(url)}")
            raise ArmError(Transient("ForeignHost", message))
        return url

    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        self.admit(request.http_request.url)


class _Authentication(AsyncARMChallengeAuthenticationPolicy):
    """Adds the token to requests."""

    async def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        with reading_tokens():
            await super().on_request(request)


class _ReadableRetryAfter(SansIOHTTPPolicy[HttpRequest, AsyncHttpResponse]):
    """Keeps a Retry-After that is a date from accepted requests: the typed operations take it for a number and fail."""

    def on_response(
        self, request: PipelineRequest[HttpRequest], response: PipelineResponse[HttpRequest, AsyncHttpResponse]
    ) -> None:
        headers = response.http_response.headers
        accepted = response.http_response.status_code < 300
        if accepted and "Retry-After" in headers and not re.fullmatch(r"[0-9]{1,9}", headers["Retry-After"]):
            del headers["Retry-After"]


class _NothingDecoded(SansIOHTTPPolicy[HttpRequest, AsyncHttpResponse]):
    """Gives operations of older clients an empty document to build their models of: what ARM answered stays unread."""

    def on_response(
        self, request: PipelineRequest[HttpRequest], response: PipelineResponse[HttpRequest, AsyncHttpResponse]
    ) -> None:
        response.context[ContentDecodePolicy.CONTEXT_NAME] = {}


class _BoundedResponse(aiohttp.ClientResponse):
    """An answer that is not read beyond MAX_BODY, whoever reads it: of a PUT or DELETE, the SDK does by itself."""

    async def read(self) -> bytes:
        body = bytearray()
        try:
            async for chunk in self.content.iter_any():
                body += chunk
                if len(body) > MAX_BODY:
                    raise ArmError(Transient("AnswerTooLarge", f"Azure's answer has more than {MAX_BODY} bytes"))
        except BaseException:
            self.close()
            raise
        return bytes(body)


async def _answer(exchange: Awaitable[AsyncHttpResponse]) -> Answer:
    try:
        async with asyncio.timeout(_TOTAL_TIMEOUT):
            try:
                response = await exchange
            except _Refused as refused:
                response = refused.response
            return Answer(response.status_code, response.headers, await _body(response))
    except ClientAuthenticationError as error:
        raise credential_error(error) from None
    except (TimeoutError, ServiceRequestTimeoutError, ServiceResponseTimeoutError):
        raise ArmError(Transient("Timeout", "Azure did not answer in time")) from None
    except (AzureError, OSError) as error:
        if isinstance(error, DecodeError) and not isinstance(error, IncompleteReadError):
            # Of a token endpoint: what ARM answers is decoded elsewhere. The error's text holds all that was answered.
            raise ArmError(Transient("NoToken", "Microsoft Entra answered something that cannot be read")) from None
        raise ArmError(Transient("ConnectionFailed", redact(f"no answer from Azure: {error}"))) from None


async def _body(response: AsyncHttpResponse | AioHttpTransportResponse) -> bytes:
    if isinstance(response, AioHttpTransportResponse):
        read: bytes = response.body()  # of an operation of an older client, which waits for all of it
        return read
    if not response.is_stream_consumed:
        await response.read()
    return response.content


async def _first(begun: Awaitable[Any]) -> AsyncHttpResponse:
    """Return the first answer to a long-running operation."""
    response: AsyncHttpResponse = await (await begun).result()
    return response


def _unread(response: PipelineResponse[HttpRequest, AsyncHttpResponse], *_: object) -> AsyncHttpResponse:
    return response.http_response


def subscription_of(resource: ArmId | str) -> str:
    """Return the subscription that a resource is in, as its id spells it; a text is a subscription itself."""
    match resource:
        case str():
            return resource
        case VersionId():
            return resource.definition.gallery.subscription
        case DefinitionId():
            return resource.gallery.subscription
        case GalleryId():
            return resource.subscription


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    try:
        parsed = URL(url)
    except ValueError:
        return None
    if parsed.user is not None or parsed.password is not None:
        return None
    return parsed.scheme, parsed.host, parsed.port


async def _send_once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a PUT or DELETE again by itself when the connection breaks: ARM may have done it."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError(str(error)) from error
