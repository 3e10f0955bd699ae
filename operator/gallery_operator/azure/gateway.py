"""The ARM gateway: galleries, image definitions and image versions as the rest of the operator sees them.

Bodies are JSON dicts in ARM's wire form. Nothing here waits for a long-running operation: a PUT returns what ARM
answered at once, and the resource is looked at again later.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar, overload
from urllib.parse import quote
from uuid import uuid4

import orjson
from azure.core.credentials_async import AsyncTokenCredential

from gallery_operator.api.arm_ids import ArmId, DefinitionId, GalleryId, VersionId
from gallery_operator.azure import operations
from gallery_operator.azure.budget import Budget, Limits
from gallery_operator.azure.clouds import Cloud
from gallery_operator.azure.errors import error_of_response, is_absence, redact
from gallery_operator.azure.headers import correlation_id
from gallery_operator.azure.observer import ArmObserver, NoObserver
from gallery_operator.azure.operations import Operation, RoleAssignment, SharingUpdate
from gallery_operator.azure.transport import API_VERSION, Answer, ArmTransport, subscription_of
from gallery_operator.azure.verdicts import ArmError, Terminal, Throttled, Transient
from gallery_operator.clock import Clock

logger = logging.getLogger(__name__)

Body = dict[str, Any]
Items = list[Body] | None
Item = TypeVar("Item")
#: Sends one request under a client request id.
Exchange = Callable[[str], Awaitable[Answer]]

#: Bounds on what an answer makes us do: pages of one LIST, remembered operation URLs (about 3 KB each).
_MAX_PAGES = 1000
_MAX_OPERATIONS = 512
_MAX_OPERATION_URL = 8192


#: The correlation id of the last answer that this task got.
_CORRELATION: ContextVar[str | None] = ContextVar("arm_correlation_id", default=None)


class ArmGateway:
    """ARM under one credential, within each subscription's budget. Create it in the running loop; close it.

    Every method raises ArmError. The credential stays its creator's to close.

    :param conceal: what every text of Azure goes through before anybody reads it.
    """

    def __init__(
        self,
        cloud: Cloud,
        credential: AsyncTokenCredential,
        *,
        clock: Clock,
        limits: Limits | None = None,
        observer: ArmObserver | None = None,
        conceal: Callable[[str], str] = str,
    ) -> None:
        self.cloud = cloud
        self._endpoint = cloud.arm_endpoint
        self._clock = clock
        self._limits = limits or Limits.below_arm()
        self._observer = observer or NoObserver()
        self._conceal = conceal
        self._transport = ArmTransport(cloud, credential)
        self._budgets: dict[str, Budget] = {}
        self._operations: OrderedDict[str, str] = OrderedDict()

    @property
    def correlation_id(self) -> str | None:
        """What Azure support asks for: the correlation id of the last answer to a request of this task."""
        return _CORRELATION.get()

    async def get(self, resource: ArmId, *, expand: str | None = None) -> Body | None:
        """Return a resource, or None when it, its parent or its resource group does not exist.

        :param expand: what ARM leaves out otherwise: `ReplicationStatus` of a version, `SharingProfile/Groups` of a
            gallery.
        """
        query = {"expand": expand} if expand else {}
        exchange = partial(self._transport.get, resource, **query)
        body = await self._found(operations.GET[type(resource)], resource, exchange)
        for each in _explained(body):
            each["details"] = redact(self._conceal(each["details"]))
        return body

    async def read(self, subscription: str, path: str, api_version: str, policy: str, query: str = "") -> Body | None:
        """Return anything else that ARM has at a path, or None when it does not exist; `policy` counts it."""
        _refuse_dot_segments(path)
        link = f"{self._endpoint}{quote(path)}?api-version={api_version}{query}"
        return await self._found(Operation(policy, "GET"), subscription, self._following(subscription, link))

    async def read_list(self, subscription: str, path: str, api_version: str, policy: str, query: str = "") -> Items:
        """Return all entries of any other list that ARM has at a path, or None when what it is of does not exist."""
        _refuse_dot_segments(path)
        link = f"{self._endpoint}{quote(path)}?api-version={api_version}{query}"
        return await self._pages(Operation(policy, "GET"), subscription, link, _whole)

    @overload
    async def list_versions(self, definition: DefinitionId) -> list[Body] | None: ...

    @overload
    async def list_versions(self, definition: DefinitionId, keep: Callable[[Body], Item]) -> list[Item] | None: ...

    async def list_versions(
        self, definition: DefinitionId, keep: Callable[[Body], Any] = lambda body: body
    ) -> list[Any] | None:
        """Return all versions of a definition, or None when the definition does not exist.

        `keep` says what is kept of each, page by page, so that not all bodies are in memory at once.
        """
        link = f"{self._endpoint}{quote(str(definition))}/versions?api-version={API_VERSION}"
        return await self._pages(operations.LIST_VERSIONS, definition, link, keep)

    async def list_soft_deleted(self, definition: DefinitionId) -> Items:
        """Return the soft-deleted versions of a definition (GallerySoftDeletedResource), or None without a gallery."""
        artifacts = f"{definition.gallery}/softDeletedArtifactTypes/Images/artifacts/{definition.definition}/versions"
        link = f"{self._endpoint}{quote(artifacts)}?api-version={API_VERSION}"
        return await self._pages(operations.LIST_SOFT_DELETED, definition, link, _whole)

    async def children(self, parent: GalleryId | DefinitionId) -> list[str]:
        """Return the names of a gallery's image definitions, or of a definition's versions."""
        if isinstance(parent, DefinitionId):
            return await self.list_versions(parent, _name) or []
        link = f"{self._endpoint}{quote(str(parent))}/images?api-version={API_VERSION}"
        return await self._pages(operations.LIST_DEFINITIONS, parent, link, _name) or []

    async def put(self, resource: ArmId, body: Body, *, tenants: tuple[str, ...] = ()) -> Body:
        """Create or replace a resource; return what ARM answered at once (empty when it answered nothing).

        :param tenants: other tenants whose tokens go with it, so that ARM can read what the body names there.
        """
        exchange = partial(self._transport.put, resource, body, tenants=tenants)
        answer = await self._send(operations.PUT[type(resource)], resource, exchange)
        self._remember_operation(resource, answer)
        return _document(answer) if answer.body else {}

    async def restore(self, version: VersionId) -> Body:
        """Bring a soft-deleted version back (GalleryImageVersionProperties.restore); return what ARM answered."""
        body = {"properties": {"restore": True, "storageProfile": {}}}
        answer = await self._send(operations.RESTORE, version, partial(self._transport.patch, version, body))
        self._remember_operation(version, answer)
        return _document(answer) if answer.body else {}

    async def share(self, gallery: GalleryId, update: SharingUpdate) -> None:
        """Change with whom a gallery is shared (SharingUpdate)."""
        groups = {"Subscriptions": update.subscriptions, "AADTenants": update.tenants}
        body = {
            "operationType": update.operation,
            "groups": [{"type": type_, "ids": list(ids)} for type_, ids in groups.items() if ids],
        }
        answer = await self._send(operations.SHARE, gallery, partial(self._transport.share, gallery, body))
        self._remember_operation(gallery, answer)

    async def grant(self, scope: ArmId, assignment: RoleAssignment) -> None:
        """Create a role assignment at a resource; that another one already says the same is fine."""
        properties = {
            "roleDefinitionId": assignment.role_definition_id,
            "principalId": assignment.principal_id,
            "principalType": assignment.principal_type,
        }
        exchange = partial(self._transport.assign_role, scope, assignment.name, {"properties": properties})
        try:
            await self._send(operations.GRANT, scope, exchange)
        except ArmError as error:
            if error.code.casefold() != "roleassignmentexists":
                raise

    async def revoke(self, scope: ArmId, name: str) -> None:
        """Delete a role assignment at a resource; one that is gone already is fine."""
        await self._send(operations.REVOKE, scope, partial(self._transport.unassign_role, scope, name))

    async def delete(self, resource: ArmId, *, bypass_soft_delete: bool = False) -> bool:
        """Delete a resource. True: Azure accepted and may still be busy with it; False: nothing was there."""
        query: Body = {"bypass_soft_delete": True} if bypass_soft_delete else {}
        exchange = partial(self._transport.delete, resource, **query)
        try:
            answer = await self._send(operations.DELETE[type(resource)], resource, exchange)
        except ArmError as error:
            if is_absence(error):
                return False
            raise
        self._remember_operation(resource, answer)
        return answer.status != 204

    async def failure(self, resource: ArmId) -> tuple[str, str] | None:
        """Return code and message of the last operation that this process began on a resource, if it failed.

        A Failed resource does not say why; only its operation does. The explanation is a courtesy: None when there is
        none, when it cannot be read now, or when another process began the operation.
        """
        url = self._operations.get(_key(resource))
        if url is None:
            return None
        try:
            answer = await self._send(
                operations.GET_OPERATION, resource, self._following(subscription_of(resource), url)
            )
            operation = _document(answer)
        except ArmError as error:
            if not isinstance(error.verdict, Throttled | Transient):
                self._operations.pop(_key(resource), None)
            return None
        if operation.get("status") == "InProgress":
            return None
        self._operations.pop(_key(resource), None)
        error_body = operation.get("error")
        if not isinstance(error_body, dict):
            return None
        message = self._conceal(str(error_body.get("message") or ""))
        return redact(str(error_body.get("code") or "Unknown")), redact(message)

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    def _following(self, subscription: str, link: str) -> Exchange:
        return partial(self._transport.follow, subscription, link)

    async def _found(self, operation: Operation, resource: ArmId | str, exchange: Exchange) -> Body | None:
        """Send a GET and return what it found; None: nothing is there."""
        try:
            return _document(await self._send(operation, resource, exchange))
        except ArmError as error:
            if is_absence(error):
                return None
            raise

    async def _pages(
        self, operation: Operation, resource: ArmId | str, link: str, keep: Callable[[Body], Item]
    ) -> list[Item] | None:
        """Follow a list page by page; `keep` says what is kept of each entry. None: what it is of does not exist."""
        items: list[Item] = []
        subscription = subscription_of(resource)
        for _ in range(_MAX_PAGES):
            page = await self._found(operation, resource, self._following(subscription, link))
            if page is None:
                return None
            value = page.get("value")
            items += [keep(item) for item in value if isinstance(item, dict)] if isinstance(value, list) else []
            following = page.get("nextLink")
            if not isinstance(following, str) or not following:
                return items
            link = following
        raise ArmError(Transient("TooManyPages", f"a list has more than {_MAX_PAGES} pages"))

    async def _send(self, operation: Operation, resource: ArmId | str, exchange: Exchange) -> Answer:
        """Send a request about a resource, or about a whole subscription, within the subscription's budget."""
        if not isinstance(resource, str):
            _refuse_dot_segments(resource)
        budget = self._budget(resource)
        async with budget.admit(operation.kind, operation.name):
            answer = await self._exchange(operation, resource, exchange)
            if answer.status < 300:
                budget.learn(operation.kind, operation.name, answer.headers)
                return answer
            now = self._clock.now()
            error = error_of_response(answer.status, answer.body, answer.headers, now, conceal=self._conceal)
            if isinstance(error.verdict, Throttled):
                budget.hold(operation.kind, operation.name, code=error.code, after=error.verdict.after)
            else:
                budget.learn(operation.kind, operation.name, answer.headers)
            raise error

    async def _exchange(self, operation: Operation, resource: ArmId | str, exchange: Exchange) -> Answer:
        began = time.monotonic()
        request_id = str(uuid4())
        code = "Cancelled"
        correlation: str | None = None
        try:
            answer = await exchange(request_id)
            code, correlation = str(answer.status), correlation_id(answer.headers)
            _CORRELATION.set(correlation)
            return answer
        except ArmError as error:
            code = error.verdict.reason
            raise error.retold(self._conceal) from None
        finally:
            seconds = time.monotonic() - began
            self._observer.request(operation.name, code, seconds)
            logger.log(
                logging.DEBUG if operation.kind == "reads" else logging.INFO,
                "%s %s: %s",
                operation.name,
                resource,
                code,
                extra={
                    "operation": operation.name,
                    "arm_id": str(resource),
                    "code": code,
                    "seconds": round(seconds, 3),
                    "correlation_id": correlation,
                    "client_request_id": request_id,
                },
            )

    def _remember_operation(self, resource: ArmId, answer: Answer) -> None:
        url = answer.headers.get("azure-asyncoperation")
        self._operations.pop(_key(resource), None)
        if not url or len(url) > _MAX_OPERATION_URL:
            return
        if not self._transport.serves(url):
            logger.warning("The operation URL of %s leads away from ARM; it will not be followed", resource)
            self._observer.request(operations.GET_OPERATION.name, "ForeignHost", 0.0)
            return
        self._operations[_key(resource)] = url
        if len(self._operations) > _MAX_OPERATIONS:
            self._operations.popitem(last=False)

    def _budget(self, resource: ArmId | str) -> Budget:
        subscription = subscription_of(resource).casefold()
        if subscription not in self._budgets:
            self._budgets[subscription] = Budget(self._limits, self._clock, self._observer)
        return self._budgets[subscription]


def _refuse_dot_segments(resource: ArmId | str) -> None:
    """Refuse names that HTTP clients resolve as parts of a path: the request would address something else."""
    path = str(resource)
    if not {"", ".", ".."}.isdisjoint(path.split("/")[1:]):
        raise ArmError(Terminal("InvalidId", redact(f"not an ARM id: {path}")))


def _whole(body: Body) -> Body:
    return body


def _name(body: Body) -> str:
    return str(body.get("name"))


def _explained(body: Body | None) -> Iterator[Body]:
    """Yield the entries of a resource's states by region in which Azure explains something: people will read it."""
    properties = (body or {}).get("properties")
    if not isinstance(properties, dict):
        return
    for state in ("replicationStatus", "sharingStatus"):
        status = properties.get(state)
        summary = status.get("summary") if isinstance(status, dict) else None
        for each in summary if isinstance(summary, list) else ():
            if isinstance(each, dict) and isinstance(each.get("details"), str):
                yield each


def _key(resource: ArmId) -> str:
    return str(resource).casefold()


def _document(answer: Answer) -> Body:
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise ArmError(
            Transient("UnreadableAnswer", "Azure answered something that is no JSON object"),
            status=answer.status,
            correlation_id=correlation_id(answer.headers),
        )
    return document
