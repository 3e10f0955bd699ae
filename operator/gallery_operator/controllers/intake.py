"""What comes in from the API server: watch events, and now and then a list that finds what a watch missed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from typing import Any, Final

from gallery_operator.api import names
from gallery_operator.controllers.indexes import children_of, made_from, parent_of, states
from gallery_operator.controllers.services import Services
from gallery_operator.engine.keys import Key
from gallery_operator.engine.store import Change
from gallery_operator.kube.errors import Forbidden, KubeError, NotFound

log = logging.getLogger(__name__)

JSON = dict[str, Any]

#: Seconds (real ones) between two lists, once all is known.
_SWEEP: Final = 600.0
#: Seconds between two looks whether the watch has brought what the first list named, and how many of them in a row may
#: be in vain. A list of 10,000 takes seconds, so it is not repeated while objects come in.
_AGAIN: Final = 0.2
_IN_VAIN: Final = 10
#: The longest pause, in seconds, after a list that failed; the first one is _AGAIN.
_LONGEST_AGAIN: Final = 30.0
#: Without a sweep that succeeded for so long, the API server cannot be reached: a restart may mend it.
_TOO_LONG: Final = 3 * _SWEEP


class Intake:
    """Feeds the store and the queue."""

    def __init__(self, services: Services, namespaces: tuple[str, ...]) -> None:
        self.synced = asyncio.Event()
        self._services = services
        self._namespaces: tuple[str | None, ...] = namespaces or (None,)
        self._swept_at = time.monotonic()
        self._listed_anew = asyncio.Event()

    # --- the watch ---

    def on_event(self, type_: str | None, obj: JSON) -> None:
        """Take one watch event. O(1), but for a parent's change, which concerns its children."""
        key = Key.of(obj)
        if type_ is None and self.synced.is_set():
            self._listed_anew.set()
        if type_ == "DELETED":
            self._gone(key, obj["metadata"].get("uid"))
            return
        change = self._services.store.put(obj)
        if change in {Change.NEW, Change.SPEC}:
            self._services.queue.add(key)
            self._wake_children(key)

    def _gone(self, key: Key, uid: str | None) -> None:
        obj = self._services.store.get(key)
        parent = parent_of(obj) if obj is not None else None
        self._services.store.remove(key, uid)
        self._services.memory.forget(key)
        self._services.backoff.forget(key)
        self._services.accounts.forget(key)
        self._wake_children(key)
        if parent is not None:
            self._services.queue.add(parent)

    def _wake_children(self, key: Key) -> None:
        store = self._services.store
        for child in (*children_of(store, key), *made_from(store, key)):
            self._services.queue.add(child)

    # --- the sweep ---

    async def sweep_forever(self) -> None:
        """List metadata until the store holds everything, then every ten minutes and whenever the watch began anew.

        Raises Forbidden and NotFound.
        """
        failures = 0
        while True:
            try:
                missing = await self._sweep()
            except (Forbidden, NotFound):
                raise
            except KubeError as error:
                log.warning("Cannot list objects: %s", error)
                await asyncio.sleep(min(_AGAIN * 2 ** min(failures, 10), _LONGEST_AGAIN))
                failures += 1
                continue
            failures = 0
            if not self.synced.is_set():
                if not await self._arrived(missing):
                    continue
                log.info("The store is in sync", extra={"objects": sum(self.counts().values())})
                self.synced.set()
            await self._pause()

    async def _pause(self) -> None:
        """Wait for the next sweep. When kopf lists anew its watch was blind for a while: deletions were missed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SWEEP):
                await self._listed_anew.wait()
        self._listed_anew.clear()

    async def _arrived(self, missing: set[Key]) -> bool:
        """Wait until the watch has brought what was missing; False when it brings no more: the rest may be gone."""
        in_vain = 0
        while missing and in_vain < _IN_VAIN:
            await asyncio.sleep(_AGAIN)
            left = {key for key in missing if self._services.store.version(key) is None}
            in_vain = 0 if left < missing else in_vain + 1
            missing = left
        return not missing

    async def _sweep(self) -> set[Key]:
        """Compare the store with lists: drop ghosts, and return (once in sync: fetch) what the watch did not bring."""
        missing: set[Key] = set()
        for kind in names.PLURALS:
            for namespace in self._namespaces:
                missing |= await self._sweep_kind(kind, namespace)
        self._swept_at = time.monotonic()
        return missing

    async def _sweep_kind(self, kind: str, namespace: str | None) -> set[Key]:
        known = {key for key in self._services.store.keys(kind) if namespace in (None, key.namespace)}
        listed = {Key(kind, *where) for where in await self._services.kube.list_metadata(kind, namespace)}
        for ghost in known - listed:
            log.info("%s vanished unseen", ghost)
            self._gone(ghost, None)
        missing = listed - set(self._services.store.keys(kind))
        if self.synced.is_set():
            for key in missing:
                await self._fetch(key)
        return missing

    async def _fetch(self, key: Key) -> None:
        try:
            self.on_event("ADDED", await self._services.kube.get(key.kind, key.namespace, key.name))
        except NotFound:
            return

    # --- what it tells ---

    def not_synced(self) -> str | None:
        """Say what is missing for being ready."""
        return None if self.synced.is_set() else "the store does not hold all objects yet"

    def watch_problem(self) -> str | None:
        """Say when the API server was out of reach for long."""
        age = time.monotonic() - self._swept_at
        return None if age < _TOO_LONG else f"no list of objects succeeded for {age:.0f} s"

    def counts(self) -> Mapping[tuple[str, str], int]:
        """Return how many objects of each kind are in which state."""
        store = self._services.store
        return {
            (kind, state): size for kind in names.PLURALS for state, size in states(store.index_sizes(kind)).items()
        }
