"""The key of a Kubernetes object: what the queue, the store and the workers pass around instead of the object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Key:
    """Kind, namespace and name of a namespaced object."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"

    @classmethod
    def of(cls, obj: Mapping[str, Any]) -> Key:
        """Return the key of an object as the API server delivers it; raises KeyError if it has no name."""
        metadata = obj["metadata"]
        return cls(obj["kind"], metadata["namespace"], metadata["name"])
