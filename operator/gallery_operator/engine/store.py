"""A slim copy of what the API server told us last, with an index from parents to children.

10,000 ImageVersions have to fit into little memory, so objects are kept as compact JSON without what nobody here reads
(managedFields, the last applied configuration) and decoded when they are asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeVar

import orjson

from gallery_operator.api.names import GROUP
from gallery_operator.engine.keys import Key

Object = dict[str, Any]
T = TypeVar("T")

#: Which index values an object is found under, for example the key of its parent.
Index = Callable[[Object], Iterable[str]]

_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
#: How many deleted objects are remembered, so that a late answer does not bring one back.
_REMEMBERED_DELETIONS: Final = 4096


class Change(Enum):
    """What an object that is put into the store differs in from the one it replaces."""

    NEW = "new"  # not known, or deleted and created again
    SPEC = "spec"  # what a reconcile decides by: spec, finalizers, deletion, our own annotations
    STATUS_ONLY = "status only"  # the rest: status, labels, annotations of others
    SAME = "same"  # the very same resourceVersion
    STALE = "stale"  # older than the stored one, or of an object that was removed: not stored


@dataclass(frozen=True, slots=True)
class Version:
    """Which incarnation of an object, and which revision of it."""

    uid: str
    resource_version: str


@dataclass(frozen=True, slots=True)
class _Entry:
    version: Version
    body: bytes
    values: tuple[str, ...]


class Store:
    """The objects by key. Not thread-safe: every call comes from the event loop's thread.

    :param indexes: per kind, a function from an object to its index values; kinds without one have no index.
    """

    def __init__(self, indexes: Mapping[str, Index] | None = None) -> None:
        self._indexes = dict(indexes or {})
        self._entries: dict[str, dict[Key, _Entry]] = {}
        self._members: dict[str, dict[str, dict[Key, None]]] = {}  # kind -> value -> keys, in the order of arrival
        self._deleted: dict[str, None] = {}  # uids, the oldest first
        self._made: dict[Callable[[Object], Any], dict[Key, Any]] = {}  # what `make` was asked for
        self._revision = 0
        self._revisions: dict[str, dict[str, int]] = {}  # kind -> value -> when a member changed last

    def put(self, obj: Mapping[str, Any]) -> Change:
        """Store the object unless it is older than the stored one, and tell what changed.

        Both watch events and answers to our own writes come here, in any order.
        """
        key = Key.of(obj)
        metadata = obj["metadata"]
        version = Version(metadata["uid"], metadata["resourceVersion"])
        known = self._entries.get(key.kind, {}).get(key)
        if known is None:
            if version.uid in self._deleted:
                return Change.STALE
            self._touch(key.kind, self._store(key, version, obj).values)
            return Change.NEW
        if version == known.version:
            return Change.SAME
        if _is_older(version.resource_version, known.version.resource_version):
            return Change.STALE
        before = orjson.loads(known.body)
        entry = self._store(key, version, obj)
        if version.uid == known.version.uid and _decisive(before) == _decisive(obj):
            return Change.STATUS_ONLY
        self._touch(key.kind, known.values + entry.values)
        return Change.SPEC if version.uid == known.version.uid else Change.NEW

    def get(self, key: Key) -> Object | None:
        """Return the object, the caller's own copy, or None."""
        entry = self._entries.get(key.kind, {}).get(key)
        if entry is None:
            return None
        obj: Object = orjson.loads(entry.body)
        return obj

    def remove(self, key: Key, uid: str | None = None) -> bool:
        """Forget the object and tell whether it was there.

        :param uid: of an object whose deletion was seen: only that incarnation is removed, and it never comes back.
            Without it the object is only not known any more (it is missing in a list, which may be older than it).
        """
        if uid is not None:
            self._deleted[uid] = None
            if len(self._deleted) > _REMEMBERED_DELETIONS:
                del self._deleted[next(iter(self._deleted))]
        entry = self._entries.get(key.kind, {}).get(key)
        if entry is None or uid not in {None, entry.version.uid}:
            return False
        self._unindex(key, entry)
        self._unmake(key)
        self._touch(key.kind, entry.values)
        del self._entries[key.kind][key]
        return True

    def make(self, key: Key, how: Callable[[Object], T]) -> T | None:
        """Return what `how` makes of the object, or None without one.

        It is made once and shared by all callers until the object changes, so nobody may change it. What `how` raises
        is raised, and nothing is remembered.

        :param how: a function that lives as long as the store, since what it made is found by it.
        """
        made = self._made.setdefault(how, {})
        if key not in made:
            obj = self.get(key)
            if obj is None:
                return None
            made[key] = how(obj)
        found: T = made[key]
        return found

    def keys(self, kind: str) -> list[Key]:
        """Return the keys of a kind in the order of their arrival."""
        return list(self._entries.get(kind, ()))

    def count(self, kind: str) -> int:
        """Return how many objects of a kind there are."""
        return len(self._entries.get(kind, ()))

    def versions(self, kind: str) -> dict[Key, Version]:
        """Return which version of each object of a kind is stored, to compare with what the API server lists."""
        return {key: entry.version for key, entry in self._entries.get(kind, {}).items()}

    def version(self, key: Key) -> Version | None:
        """Return which version of an object is stored."""
        entry = self._entries.get(key.kind, {}).get(key)
        return None if entry is None else entry.version

    def by_index(self, kind: str, value: str) -> list[Key]:
        """Return the keys of those objects of a kind that the kind's index function gives `value` for."""
        return list(self._members.get(kind, {}).get(value, ()))

    def revision(self, kind: str, value: str) -> int:
        """Return a number that grows whenever an object comes to or goes from those that `by_index` returns, or one of
        them changes in what a reconcile decides by."""
        return self._revisions.get(kind, {}).get(value, 0)

    def index_sizes(self, kind: str) -> dict[str, int]:
        """Return per index value of a kind how many objects have it."""
        return {value: len(keys) for value, keys in self._members.get(kind, {}).items()}

    def _store(self, key: Key, version: Version, obj: Mapping[str, Any]) -> _Entry:
        slim = _slim(obj)
        index = self._indexes.get(key.kind)
        # Interned: a thousand children name the same parent.
        values = tuple(dict.fromkeys(sys.intern(value) for value in index(slim))) if index else ()
        objects = self._entries.setdefault(key.kind, {})
        if key in objects:
            self._unindex(key, objects[key])
        entry = objects[key] = _Entry(version, _compact(slim), values)
        for value in values:
            self._members.setdefault(key.kind, {}).setdefault(value, {})[key] = None
        self._unmake(key)
        return entry

    def _touch(self, kind: str, values: Iterable[str]) -> None:
        self._revision += 1
        self._revisions.setdefault(kind, {}).update(dict.fromkeys(values, self._revision))

    def _unmake(self, key: Key) -> None:
        for made in self._made.values():
            made.pop(key, None)

    def _unindex(self, key: Key, entry: _Entry) -> None:
        members = self._members.get(key.kind, {})
        for value in entry.values:
            del members[value][key]
            if not members[value]:
                del members[value]


def _slim(obj: Mapping[str, Any]) -> Object:
    metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    annotations = metadata.get("annotations") or {}
    if _LAST_APPLIED in annotations:
        metadata["annotations"] = {name: text for name, text in annotations.items() if name != _LAST_APPLIED}
    return {**obj, "metadata": metadata}


def _compact(obj: Object) -> bytes:
    """Return the object as JSON in memory of just that size.

    The bytes that orjson returns keep the buffer they were written to: measured with orjson 3.13, 2 KB of JSON occupied
    8 KB (resident) to 16 KB (allocated). A copy occupies what it holds.
    """
    return bytes(memoryview(orjson.dumps(obj)))


def _decisive(obj: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what a reconcile decides by. The API server raises the generation when the spec changes."""
    metadata = obj["metadata"]
    annotations = metadata.get("annotations") or {}
    return (
        metadata.get("generation"),
        metadata.get("deletionTimestamp"),
        metadata.get("finalizers") or [],
        {name: text for name, text in annotations.items() if name.startswith(f"{GROUP}/")},
    )


def _is_older(one: str, other: str) -> bool:
    """Tell whether a resourceVersion is surely older than another one.

    Since Kubernetes 1.35 they are officially comparable as integers (KEP-5504); anything else only for equality.
    """
    return one.isdecimal() and other.isdecimal() and int(one) < int(other)
