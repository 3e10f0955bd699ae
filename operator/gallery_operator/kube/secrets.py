"""Secrets with credentials: read by name, and held by a finalizer while something needs them.

Values are asked for only when a Secret is read; every other answer is metadata. A held Secret carries a label, too, so
that those which are held are found again after a crash without a look at any other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from gallery_operator.api import names
from gallery_operator.kube.connection import Connection, Object
from gallery_operator.kube.errors import Expired, NotFound

_MERGE: Final = "application/merge-patch+json"
_METADATA: Final = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
_METADATA_LIST: Final = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_PAGE: Final = 500
#: An RFC 1123 subdomain. The CRD asks for the same; whatever else gets into a spec, it is no way out of a namespace.
_NAME: Final = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")


class Secrets:
    """The Secrets that the operator may see. Every method raises the errors of `kube.errors`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def get(self, namespace: str, name: str) -> Object | None:
        """Read a Secret with its values; None when there is none."""
        if not _NAME.fullmatch(name):
            return None  # no Secret can be called that, and as a part of a path it would lead elsewhere
        try:
            return await self._connection.send("GET", _path(namespace, name))
        except NotFound:
            return None

    async def hold(self, secret: Mapping[str, Any]) -> Object:
        """Keep a Secret, as it was read, from going away; return its metadata as an object.

        Raises Conflict when it has changed since, and KubeError when it is being deleted already.
        """
        return await self._patch(
            secret, [*_foreign_finalizers(secret), names.CREDENTIAL_FINALIZER], names.CREDENTIAL_IN_USE
        )

    async def free(self, secret: Mapping[str, Any]) -> None:
        """Let a Secret go away; one that is gone already is fine. Raises Conflict when it has changed since."""
        try:
            await self._patch(secret, _foreign_finalizers(secret), None)
        except NotFound:
            return

    async def list_held(self, namespace: str | None = None) -> list[Object]:
        """Return the metadata (as objects) of the Secrets that are held, in one namespace or in all."""
        try:
            return await self._list_held(namespace)
        except Expired:
            return await self._list_held(namespace)

    async def _list_held(self, namespace: str | None) -> list[Object]:
        held: list[Object] = []
        query = {"limit": str(_PAGE), "labelSelector": f"{names.CREDENTIAL_LABEL}={names.CREDENTIAL_IN_USE}"}
        while True:
            page = await self._connection.send("GET", _path(namespace, None), query=query, accept=_METADATA_LIST)
            held += page.get("items") or []  # an empty list comes as null
            following = page["metadata"].get("continue")
            if not following:
                return held
            query["continue"] = following

    async def _patch(self, secret: Mapping[str, Any], finalizers: list[str], label: str | None) -> Object:
        metadata = secret["metadata"]
        change = {
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            "finalizers": finalizers,
            "labels": {names.CREDENTIAL_LABEL: label},
        }
        return await self._connection.send(
            "PATCH",
            _path(metadata["namespace"], metadata["name"]),
            query={"fieldManager": names.FIELD_MANAGER},
            body={"metadata": change},
            content_type=_MERGE,
            accept=_METADATA,
        )


def is_held(secret: Mapping[str, Any]) -> bool:
    """Tell whether a Secret, or its metadata as an object, carries our finalizer and is found by its label."""
    metadata = secret["metadata"]
    labelled = (metadata.get("labels") or {}).get(names.CREDENTIAL_LABEL) == names.CREDENTIAL_IN_USE
    return labelled and names.CREDENTIAL_FINALIZER in (metadata.get("finalizers") or [])


def _foreign_finalizers(secret: Mapping[str, Any]) -> list[str]:
    return [each for each in secret["metadata"].get("finalizers") or [] if each != names.CREDENTIAL_FINALIZER]


def _path(namespace: str | None, name: str | None) -> str:
    parts = ["namespaces", namespace] if namespace else []
    parts.append("secrets")
    if name:
        parts.append(name)
    return "/api/v1/" + "/".join(quote(part, safe="") for part in parts)
