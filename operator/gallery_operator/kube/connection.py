"""One connection to the API server: where it is, who we are, how many requests at once, and errors without secrets."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import aiohttp
import orjson
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from gallery_operator import __version__
from gallery_operator.kube.errors import KubeError, Unavailable, from_answer

Object = dict[str, Any]

_TIMEOUT: Final = aiohttp.ClientTimeout(total=30, connect=10)  # seconds


class RequestMetrics(Protocol):
    """Who counts requests; `code` is the HTTP status, 0 when no answer came."""

    def kube_request(self, method: str, host: str, code: int) -> None: ...


@dataclass(frozen=True)
class Identity:
    """Where the connection's settings come from.

    :param kubeconfig: a file; None means the pod's service account if there is one, else the user's default file.
    :param context: of the kubeconfig; None means its current one.
    """

    kubeconfig: Path | None = None
    context: str | None = None

    async def load(self, configuration: Configuration) -> None:
        """Write address and credentials into `configuration`; raises KubeError when there are none."""
        try:
            if self.kubeconfig is None and "KUBERNETES_SERVICE_HOST" in os.environ:
                load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
            else:
                await load_kube_config(  # type: ignore[no-untyped-call]
                    config_file=str(self.kubeconfig) if self.kubeconfig else None,
                    context=self.context,
                    client_configuration=configuration,
                    persist_config=False,
                )
        except ConfigException as error:
            msg = f"no usable Kubernetes configuration: {error}"
            raise KubeError(msg) from None


class Connection:
    """Sends JSON requests with the `kubernetes` library's session, TLS and credentials.

    A service account's token is read again every minute by that library. Any other short-lived credential (a token
    file or an exec plugin in a kubeconfig) is loaded again when the server answers 401.
    """

    def __init__(self, identity: Identity, *, in_flight: int = 32, metrics: RequestMetrics | None = None) -> None:
        self._identity = identity
        self._slots = asyncio.Semaphore(in_flight)
        self._metrics = metrics
        self._configuration = Configuration()
        self._client: ApiClient | None = None

    async def open(self) -> None:
        """Load the configuration. Nothing is sent yet."""
        await self._identity.load(self._configuration)
        self._client = ApiClient(self._configuration)
        self._client.user_agent = f"gallery-operator/{__version__}"

    async def close(self) -> None:
        """Close the session."""
        if self._client is not None:
            await self._client.close()  # type: ignore[no-untyped-call]

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | list[Object] | str | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Object:
        """Send a request and return the answer's JSON object. Raises the errors of `kube.errors`.

        :param body: what is sent as JSON; text goes as it is, under a `content_type` that is not JSON.
        """
        request = f"{method} {path}"
        headers = {"Accept": accept, "Content-Type": content_type}
        async with self._slots:
            status, answered, content = await self._exchange(method, path, query, headers, body)
            if status == 401:
                await self._identity.load(self._configuration)
                status, answered, content = await self._exchange(method, path, query, headers, body)
        if not 200 <= status < 300:
            raise from_answer(request, status, answered, content)
        try:
            answer: Object = orjson.loads(content)
        except orjson.JSONDecodeError:
            msg = f"{request}: {status}, but the answer is no JSON"
            raise Unavailable(msg) from None
        return answer

    async def _exchange(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str],
        body: Object | list[Object] | str | None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        if self._client is None:
            msg = "the connection is not open"
            raise KubeError(msg)
        status = 0
        try:
            prepared = await self._client.param_serialize(
                method,
                path,
                query_params=list((query or {}).items()),
                header_params=dict(headers),
                body=body,
                auth_settings=["BearerToken"],
            )
            response = await self._client.call_api(*prepared, _request_timeout=_TIMEOUT)
            content: bytes = await response.read()  # type: ignore[no-untyped-call]
            status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            msg = f"{method} {path}: {type(error).__name__}: {error}"[:512]
            raise Unavailable(msg) from None
        finally:
            if self._metrics:
                self._metrics.kube_request(method, urlsplit(self._configuration.host).netloc, status)
        return status, response.headers, content
