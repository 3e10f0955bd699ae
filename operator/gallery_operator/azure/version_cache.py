"""What is known of each definition's versions: one paged LIST instead of a GET per version.

Bodies are kept as JSON bytes, which take a fraction of the memory of dicts. Left out of them: what a LIST never carries
(replicationStatus), what is in the id anyway, and what no decision rests on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

import orjson

from gallery_operator.api.arm_ids import DefinitionId
from gallery_operator.azure.verdicts import ArmError, Transient
from gallery_operator.clock import Clock

Body = dict[str, Any]
Item = TypeVar("Item")
OnChange = Callable[[DefinitionId, set[str]], None]

_DROPPED = frozenset({"id", "type", "systemData"})
_DROPPED_PROPERTIES = frozenset({"replicationStatus", "validationsProfile", "imageMetadataProfiles"})


class Fetch(Protocol):
    """Lists the versions of a definition: what `keep` makes of each, or None when the definition is absent."""

    async def __call__(self, definition: DefinitionId, keep: Callable[[Body], Item]) -> list[Item] | None: ...


@dataclass(frozen=True, slots=True)
class Snapshot(Mapping[str, Body]):
    """The versions of a definition by name, as ARM described them; it does not change any more.

    A body has neither id nor type nor replicationStatus. Each access decodes a body anew, so it may be changed.
    """

    #: When the LIST began, on the operator's clock. Own requests since then are reflected, too.
    fetched_at: datetime
    #: Grows with each change: results computed from a snapshot hold as long as it is the same.
    revision: int
    _bodies: Mapping[str, bytes]

    def __getitem__(self, name: str) -> Body:
        body: Body = orjson.loads(self._bodies[name])
        return body

    def packed(self, name: str) -> bytes:
        """Return a body as it is kept: the very same object, over all snapshots, while the version does not change."""
        return self._bodies[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._bodies)

    def __len__(self) -> int:
        return len(self._bodies)


@dataclass(slots=True)
class _Entry:
    fetched_at: datetime
    revision: int
    #: None: the definition did not exist.
    bodies: dict[str, bytes] | None

    def snapshot(self) -> Snapshot | None:
        return None if self.bodies is None else Snapshot(self.fetched_at, self.revision, self.bodies)


@dataclass(slots=True)
class _Flight:
    """A LIST that is under way."""

    began: datetime
    task: asyncio.Task[None]
    #: What was written through since it began; its answer may be older than that.
    written: dict[str, bytes | None] = field(default_factory=dict)


class VersionCache:
    """The versions of each definition, fetched when they are asked for and too old.

    `on_change` hears of the names that a LIST showed to differ from what was known: changed, new, or gone. The first
    LIST of a definition has nothing to differ from.
    """

    def __init__(self, fetch: Fetch, clock: Clock, on_change: OnChange) -> None:
        self._fetch = fetch
        self._clock = clock
        self._on_change = on_change
        self._entries: dict[str, _Entry] = {}
        self._flights: dict[str, _Flight] = {}
        self._revision = 0

    async def versions(self, definition: DefinitionId, max_age: float) -> Snapshot | None:
        """Return the versions as they were at most `max_age` seconds ago, or None when the definition is absent.

        Callers at the same time share one LIST; a caller that is cancelled does not end it. Raises ArmError.
        """
        oldest = self._clock.now() - timedelta(seconds=max_age)
        key = _key(definition)
        while True:
            entry = self._entries.get(key)
            if entry is not None and entry.fetched_at >= oldest:
                return entry.snapshot()
            flight = self._flights.get(key) or self._start(definition)
            await asyncio.shield(flight.task)

    def peek(self, definition: DefinitionId) -> Snapshot | None:
        """Return what is known without asking Azure; None when nothing is."""
        entry = self._entries.get(_key(definition))
        return None if entry is None else entry.snapshot()

    def update(self, definition: DefinitionId, name: str, body: Body | None) -> None:
        """Write through what an own GET, PUT or DELETE of a version answered; None: it is gone. Raises ArmError."""
        key = _key(definition)
        packed = None if body is None else _pack(body)
        if key in self._flights:
            self._flights[key].written[name] = packed
        entry = self._entries.get(key)
        if entry is None:
            return
        if entry.bodies is None:
            if packed is not None:
                del self._entries[key]  # the definition exists by now: ask for all of its versions
            return
        if entry.bodies.get(name) != packed:
            entry.bodies = _overlaid(entry.bodies, {name: packed})
            entry.revision = self._next_revision()

    def forget(self, definition: DefinitionId) -> None:
        """Drop what is known, because nobody will ask again."""
        self._entries.pop(_key(definition), None)

    async def close(self) -> None:
        """Cancel the LISTs that are under way."""
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, definition: DefinitionId) -> _Flight:
        task = asyncio.create_task(self._refresh(definition), name=f"list versions of {definition}")
        task.add_done_callback(_retrieve)
        flight = self._flights[_key(definition)] = _Flight(self._clock.now(), task)
        return flight

    async def _refresh(self, definition: DefinitionId) -> None:
        key = _key(definition)
        try:
            fetched = await self._fetch(definition, _named)
        except BaseException:
            del self._flights[key]
            raise
        flight = self._flights.pop(key)
        before = self._entries.get(key)
        known = {} if before is None or before.bodies is None else before.bodies
        bodies: dict[str, bytes] | None = None
        if fetched is not None:
            current = _overlaid(dict(filter(None, fetched)), flight.written)
            bodies = {name: known[name] if known.get(name) == packed else packed for name, packed in current.items()}
        changed = _differences(known, bodies or {})
        revision = before.revision if before is not None and not changed else self._next_revision()
        self._entries[key] = _Entry(flight.began, revision, bodies)
        if before is not None and changed:
            self._on_change(definition, changed)

    def _next_revision(self) -> int:
        self._revision += 1
        return self._revision


def _named(body: Body) -> tuple[str, bytes] | None:
    name = body.get("name")
    return (name, _pack(body)) if isinstance(name, str) else None


def _pack(body: Body) -> bytes:
    kept = {key: value for key, value in body.items() if key not in _DROPPED}
    properties = kept.get("properties")
    if isinstance(properties, dict):
        kept["properties"] = {key: value for key, value in properties.items() if key not in _DROPPED_PROPERTIES}
    try:
        packed = orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # orjson reads deeper nesting than it writes
        raise ArmError(Transient("UnreadableAnswer", "Azure described a version that is nested too deeply")) from None
    # The copy frees the buffer that orjson leaves behind the text: 4 KB for a body of 600 bytes.
    return bytes(memoryview(packed))


def _overlaid(bodies: Mapping[str, bytes], written: Mapping[str, bytes | None]) -> dict[str, bytes]:
    """Return a new dict, since snapshots share the old one."""
    merged = {**bodies, **written}
    return {name: packed for name, packed in merged.items() if packed is not None}


def _differences(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def _key(definition: DefinitionId) -> str:
    return str(definition).casefold()


def _retrieve(task: asyncio.Task[None]) -> None:
    """Look at the outcome, lest asyncio complain when every caller was cancelled meanwhile."""
    if not task.cancelled():
        task.exception()
