"""The versions of each definition seen together: Azure's LIST, and what the objects here say of their lives."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from gallery_operator.api.arm_ids import DefinitionId
from gallery_operator.api.image_definition import ImageDefinition, ImageDefinitionSpec
from gallery_operator.api.image_version import ImageVersion
from gallery_operator.azure.version_cache import VersionCache
from gallery_operator.controllers.indexes import children_value
from gallery_operator.domain import lifecycle
from gallery_operator.domain.family import Family, Member, family_of
from gallery_operator.domain.lifecycle import Schedule
from gallery_operator.domain.observed import ObservedVersion, read_version
from gallery_operator.engine.keys import Key
from gallery_operator.engine.store import Store

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the object of a version says of its life."""

    key: Key
    version: str
    end_of_life: datetime | None = None
    keep: bool = False
    retired: bool = False
    observed: bool = False
    retained: bool = False


@dataclass(slots=True)
class _Known:
    """What was computed last for one definition; parts that did not change are used again."""

    packed: dict[str, bytes] = field(default_factory=dict)
    observed: dict[str, ObservedVersion] = field(default_factory=dict)
    latest: str | None = None
    good: set[str] = field(default_factory=set)
    """Versions that are Succeeded, or were before what Azure does with them now."""
    basis: Hashable = None
    """What the family below was made from."""
    family: Family = field(default_factory=lambda: Family({}))


class Families:
    """Families by definition."""

    def __init__(self, store: Store, versions: VersionCache) -> None:
        self._store = store
        self._versions = versions
        self._known: dict[DefinitionId, _Known] = {}
        self._keys: dict[DefinitionId, Key] = {}
        self._kept: dict[DefinitionId, set[Key]] = {}

    def of(self, definition: DefinitionId, key: Key | None) -> Family:
        """Return the family of a definition as it is known now.

        :param key: the definition's object; None when it has none here, then no version has a planned end.
        """
        if key is not None:
            self._keys[definition] = key
        known = self._known.setdefault(definition, _Known())
        basis = self._basis(definition, key)
        if known.basis != basis:
            observed, spec, wishes = self._observed(definition), self._spec(key), self.wishes(key)
            known.good = {name for name, version in observed.items() if _is_good(version, was_good=name in known.good)}
            known.family = family_of(
                _member(version, wishes.get(name), spec, was_good=name in known.good)
                for name, version in observed.items()
            )
            known.basis = basis
        return known.family

    def schedules(self, definition: DefinitionId, resource: ImageDefinition, key: Key) -> dict[str, Schedule]:
        """Return the dates of those versions whose lives end by policy."""
        wishes = self.wishes(key)
        return {
            name: _schedule(wishes[name], version, resource.spec)
            for name, version in self._observed(definition).items()
            if name in wishes and not wishes[name].keep and not wishes[name].retired
        }

    def wishes(self, key: Key | None) -> Mapping[str, Wishes]:
        """Return what the objects of a definition's versions say, by version."""
        return {each.version: each for each in self._all_wishes(key)}

    def retired_by(self, key: Key | None, version: str, *, but: Key) -> Key | None:
        """Return an object that stands for a version, too, and is marked as retired; None when there is none."""
        found = (each.key for each in self._all_wishes(key) if each.retired and each.version == version)
        return next((each for each in found if each != but), None)

    def _all_wishes(self, key: Key | None) -> list[Wishes]:
        children = self._store.by_index("ImageVersion", children_value(key.namespace, key.name)) if key else ()
        found = (self._store.make(child, _read_wishes) for child in children)
        return [each for each in found if each is not None]

    def key_of(self, definition: DefinitionId) -> Key | None:
        """Return the definition's object, if it has one here that was looked at."""
        return self._keys.get(definition)

    def note_kept(self, definition: DefinitionId, key: Key, *, kept: bool) -> None:
        """Note that a version's step is due but forbidden: it is looked at again when another one becomes latest."""
        waiting = self._kept.setdefault(definition, set())
        if kept:
            waiting.add(key)
        else:
            waiting.discard(key)

    def moved_latest(self, definition: DefinitionId, key: Key | None, latest: str | None) -> list[Key]:
        """Note which version is latest, and return the objects that this concerns."""
        known = self._known.setdefault(definition, _Known())
        before, known.latest = known.latest, latest
        if before == latest:
            return []
        wishes = self.wishes(key)
        moved = [wishes[name].key for name in (before, latest) if name is not None and name in wishes]
        return [*moved, *self._kept.get(definition, ())]

    def forget(self, key: Key) -> None:
        """The object of a version or a definition is gone."""
        for waiting in self._kept.values():
            waiting.discard(key)
        for definition in [each for each, own in self._keys.items() if own == key]:
            self._versions.forget(definition)
            for known in (self._keys, self._known, self._kept):
                known.pop(definition, None)

    def _basis(self, definition: DefinitionId, key: Key | None) -> Hashable:
        """Return what differs whenever a family has to be made anew; a change of statuses alone is no reason."""
        snapshot = self._versions.peek(definition)
        listed = None if snapshot is None else snapshot.revision
        if key is None:
            return listed, None
        children = self._store.revision("ImageVersion", children_value(key.namespace, key.name))
        return listed, key, self._store.version(key), children

    def _observed(self, definition: DefinitionId) -> Mapping[str, ObservedVersion]:
        known = self._known.setdefault(definition, _Known())
        snapshot = self._versions.peek(definition)
        if snapshot is None:
            return {}
        packed = {name: snapshot.packed(name) for name in snapshot}
        known.observed = {
            name: known.observed[name] if known.packed.get(name) is body else read_version(name, snapshot[name])
            for name, body in packed.items()
        }
        known.packed = packed
        return known.observed

    def _spec(self, key: Key | None) -> ImageDefinitionSpec | None:
        try:
            definition = None if key is None else self._store.make(key, ImageDefinition.model_validate)
        except ValidationError:
            return None
        return None if definition is None else definition.spec


def _read_wishes(raw: JSON) -> Wishes | None:
    try:
        version = ImageVersion.model_validate(raw)
    except ValidationError:
        return None
    return Wishes(
        Key.of(raw),
        version.spec.version,
        version.spec.end_of_life_date,
        keep=version.keep,
        retired=version.retired is not None,
        observed=version.observe_only,
        retained=bool(version.retain),
    )


def _is_good(version: ObservedVersion, *, was_good: bool) -> bool:
    return version.succeeded or (was_good and version.state == "Updating")


def _member(
    version: ObservedVersion, wishes: Wishes | None, spec: ImageDefinitionSpec | None, *, was_good: bool
) -> Member:
    retired = wishes is not None and wishes.retired
    if wishes is None or wishes.keep or spec is None:
        return Member(version, retired=retired, was_good=was_good)
    return Member(version, _schedule(wishes, version, spec).leaves_latest_at, retired, was_good)


def _schedule(wishes: Wishes, version: ObservedVersion, spec: ImageDefinitionSpec) -> Schedule:
    dates = lifecycle.schedule(wishes.end_of_life, version.published, spec.end_of_life_date, spec.lifecycle)
    return lifecycle.acted_on(dates, observed=wishes.observed, retained=wishes.retained)
