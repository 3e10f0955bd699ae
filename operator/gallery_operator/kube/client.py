"""What the operator asks of the API server, beside watching.

Every write is guarded by the resourceVersion that the decision was made on: a status of yesterday's object, or of one
that was deleted and created again, is refused with `Conflict` (a wrong `metadata.uid` alone is accepted on `/status`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from gallery_operator.api.names import API_VERSION, FIELD_MANAGER, PLURALS
from gallery_operator.kube.connection import Connection, Identity, Object, RequestMetrics
from gallery_operator.kube.errors import Expired, NotFound
from gallery_operator.kube.secrets import Secrets

#: With the character set the `kubernetes` library sends text as it is, see `_yaml`; the API server overlooks it.
_APPLY: Final = "application/apply-patch+yaml; charset=utf-8"
_JSON_PATCH: Final = "application/json-patch+json"
_MERGE: Final = "application/merge-patch+json"
_METADATA_LIST: Final = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_PAGE: Final = 500


class Seen(NamedTuple):
    """Which incarnation and revision of an object the API server has."""

    uid: str
    resource_version: str


class Kube:
    """The API server as the operator sees it. Every method raises the errors of `kube.errors`.

    :param plurals: kind -> plural, of the kinds that are served under `api_version`.
    """

    def __init__(
        self, connection: Connection, *, api_version: str = API_VERSION, plurals: Mapping[str, str] = PLURALS
    ) -> None:
        self.secrets = Secrets(connection)
        self._connection = connection
        self._api_version = api_version
        self._plurals = plurals

    @classmethod
    async def connect(
        cls,
        kubeconfig: Path | None = None,
        *,
        context: str | None = None,
        in_flight: int = 32,
        metrics: RequestMetrics | None = None,
        api_version: str = API_VERSION,
        plurals: Mapping[str, str] = PLURALS,
    ) -> Kube:
        """Load the configuration (see `Identity`) and return a client; nothing is sent yet.

        :param in_flight: how many requests may be under way at once.
        """
        connection = Connection(Identity(kubeconfig, context), in_flight=in_flight, metrics=metrics)
        await connection.open()
        return cls(connection, api_version=api_version, plurals=plurals)

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()

    async def get(self, kind: str, namespace: str, name: str) -> Object:
        """Read an object."""
        return await self._connection.send("GET", self._path(kind, namespace, name))

    async def apply_status(self, obj: Mapping[str, Any], status: Mapping[str, Any]) -> Object:
        """Make `status` the object's status and return the object as it is then.

        Server-side apply drops the fields that we set before and leave out now. What somebody else wrote beside them
        stays at that, and is taken out with a second request.
        """
        applied = await self._apply_status(obj, status)
        return applied if applied.get("status") == status else await self._replace_status(applied, status)

    async def _apply_status(self, obj: Mapping[str, Any], status: Mapping[str, Any]) -> Object:
        metadata = obj["metadata"]
        body = {
            "apiVersion": self._api_version,
            "kind": obj["kind"],
            "metadata": {name: metadata[name] for name in ("name", "namespace", "uid", "resourceVersion")},
            "status": dict(status),
        }
        return await self._connection.send(
            "PATCH",
            f"{self._path_of(obj)}/status",
            query={"fieldManager": FIELD_MANAGER, "force": "true"},
            body=_yaml(body),
            content_type=_APPLY,
        )

    async def _replace_status(self, obj: Mapping[str, Any], status: Mapping[str, Any]) -> Object:
        patch = [
            # A replaced resourceVersion is compared by the server: a failed `test` would be 422, this is a conflict.
            {"op": "replace", "path": "/metadata/resourceVersion", "value": obj["metadata"]["resourceVersion"]},
            {"op": "replace", "path": "/status", "value": dict(status)},
        ]
        return await self._connection.send(
            "PATCH",
            f"{self._path_of(obj)}/status",
            query={"fieldManager": FIELD_MANAGER},
            body=patch,
            content_type=_JSON_PATCH,
        )

    async def patch_metadata(
        self,
        obj: Mapping[str, Any],
        *,
        finalizers: Sequence[str] | None = None,
        annotations: Mapping[str, str | None] | None = None,
    ) -> Object:
        """Change finalizers or annotations and return the object as it is then.

        :param finalizers: the whole new list; None leaves it alone.
        :param annotations: only these are changed; None as a value removes one.
        """
        metadata: Object = {"resourceVersion": obj["metadata"]["resourceVersion"]}
        if finalizers is not None:
            metadata["finalizers"] = list(finalizers)
        if annotations is not None:
            metadata["annotations"] = dict(annotations)
        return await self._connection.send(
            "PATCH",
            self._path_of(obj),
            query={"fieldManager": FIELD_MANAGER},
            body={"metadata": metadata},
            content_type=_MERGE,
        )

    async def delete(self, obj: Mapping[str, Any]) -> None:
        """Ask for the deletion of this very incarnation; one that is gone already is fine."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": obj["metadata"]["uid"]}}
        try:
            await self._connection.send("DELETE", self._path_of(obj), body=options)
        except NotFound:
            return

    async def list_metadata(self, kind: str, namespace: str | None = None) -> dict[tuple[str, str], Seen]:
        """Return (namespace, name) -> version of every object of a kind, in one namespace or in all.

        Only metadata is fetched, in pages, all of the same moment. When the API server forgets that moment before the
        last page the list starts again, once.
        """
        try:
            return await self._list_metadata(kind, namespace)
        except Expired:
            return await self._list_metadata(kind, namespace)

    async def check_served(self) -> None:
        """Make sure that the API server serves every kind; raises NotFound naming those that are missing."""
        path = f"/apis/{self._api_version}"
        try:
            found = {each.get("kind") for each in (await self._connection.send("GET", path)).get("resources") or []}
        except NotFound:
            found = set()
        if missing := [kind for kind in self._plurals if kind not in found]:
            msg = f"the API server does not serve {', '.join(missing)} of {self._api_version}: install the CRDs first"
            raise NotFound(msg)

    async def namespace_uid(self, name: str) -> str:
        """Return the uid of a namespace; that of `kube-system` identifies the cluster."""
        namespace = await self._connection.send("GET", f"/api/v1/namespaces/{quote(name, safe='')}")
        return str(namespace["metadata"]["uid"])

    async def create_event(self, event: Mapping[str, Any]) -> None:
        """Create an `events.k8s.io/v1` Event in the namespace that its metadata names."""
        namespace = quote(event["metadata"]["namespace"], safe="")
        await self._connection.send("POST", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events", body=dict(event))

    async def _list_metadata(self, kind: str, namespace: str | None) -> dict[tuple[str, str], Seen]:
        seen: dict[tuple[str, str], Seen] = {}
        query = {"limit": str(_PAGE)}
        while True:
            page = await self._connection.send(
                "GET", self._path(kind, namespace, None), query=query, accept=_METADATA_LIST
            )
            for item in page.get("items") or []:  # an empty list comes as null
                metadata = item["metadata"]
                where = metadata["namespace"], metadata["name"]
                seen[where] = Seen(metadata["uid"], metadata["resourceVersion"])
            following = page["metadata"].get("continue")
            if not following:
                return seen
            query["continue"] = following

    def _path_of(self, obj: Mapping[str, Any]) -> str:
        return self._path(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"])

    def _path(self, kind: str, namespace: str | None, name: str | None) -> str:
        parts = ["namespaces", namespace] if namespace else []
        parts.append(self._plurals[kind])
        if name:
            parts.append(name)
        return f"/apis/{self._api_version}/" + "/".join(quote(part, safe="") for part in parts)


def _yaml(document: Object) -> str:
    r"""Return a document as JSON that is YAML, too, whatever its strings contain.

    YAML has no `\ud83c\udf89` for one character beyond U+FFFF: it stands there as it is. Control characters do not:
    they are escaped. Half of such a pair, which is no character, becomes U+FFFD.
    """
    return re.sub("[\x7f-\uffff]", _escaped, json.dumps(document, ensure_ascii=False))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{0xFFFD if 0xD800 <= code <= 0xDFFF else code:04x}"
