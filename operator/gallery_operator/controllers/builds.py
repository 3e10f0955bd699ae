"""Who builds from which managed image: Azure builds one version at a time from each, and fails the second.

(hashicorp/terraform-provider-azurerm#2284, azure-gallery-api.md §6.13.) The others wait. Nothing is written down: who
builds follows from Azure's LISTs, and within this process from the claim of a visit that is about to PUT.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gallery_operator.api.arm_ids import VersionId
from gallery_operator.azure.verdicts import ArmError, Throttled, Transient
from gallery_operator.controllers.accounts import Account
from gallery_operator.controllers.cannot_place import CannotPlace
from gallery_operator.controllers.indexes import built_from, comparable
from gallery_operator.controllers.memory import CREATE_LAG
from gallery_operator.controllers.services import Services
from gallery_operator.controllers.source_versions import located
from gallery_operator.controllers.visit import JSON
from gallery_operator.domain.observed import is_being_built, source_id
from gallery_operator.engine.keys import Key

#: Seconds after which Azure is asked again whether a build goes on: its object may be paused, or gone.
_LOOK: Final = 60.0
#: How the states end in which a version may be built: bodies without it, of which there may be thousands, are not read.
_AT_WORK: Final = b'ating"'


@dataclass(frozen=True, slots=True)
class Builder:
    """A version that is being built."""

    key: Key
    account: Account
    id: VersionId


class Builds:
    """The builds from managed images that go on, as far as they are known."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._builders: dict[str, Builder] = {}
        self._images: dict[Key, str] = {}
        self._claimed: set[Key] = set()
        #: Image -> who waits for it, in the order of coming.
        self._waiting: dict[str, dict[Key, None]] = {}
        #: Who was woken because it is its turn -> the image.
        self._turns: dict[Key, str] = {}

    async def claim(self, image: str, candidate: Builder) -> Key | VersionId | None:
        """Take an image for a build, until the visit of `candidate` is `over`; return who has it if it is taken.

        A version that no object here stands for is returned by its id, if it is in the candidate's own definition.

        :param image: as `indexes.image_of` spells it.
        """
        while True:
            before = self._builders.get(image)
            busy = await self._busy(image, candidate.key, before)
            unowned = await self._unowned(image, candidate) if busy is None else None
            if self._builders.get(image) is before:  # nobody came first while Azure was asked
                break
        if unowned is not None:
            return unowned
        self._note(image, busy or candidate)
        if busy is not None:
            self._waiting.setdefault(image, {}).setdefault(candidate.key)
            return busy.key
        self._claimed.add(candidate.key)
        self._waiting.get(image, {}).pop(candidate.key, None)
        return None

    def _note(self, image: str, builder: Builder) -> None:
        if (before := self._builders.get(image)) is not None:
            self._images.pop(before.key, None)
        self._builders[image] = builder
        self._images[builder.key] = image

    def over(self, key: Key) -> None:
        """A visit is over: what it claimed is free again unless Azure builds it now; then the next one is woken.

        One at a time, lest hundreds come whenever Azure refuses one of them. Who is woken in vain passes its turn on.
        """
        self._claimed.discard(key)
        turn, image = self._turns.pop(key, None), self._images.get(key)
        if image is not None and not self._is_building(self._builders[image]):
            del self._images[key], self._builders[image]
            self._wake_next(image)
        elif turn is not None and turn not in self._builders:
            self._wake_next(turn)

    def _wake_next(self, image: str) -> None:
        waiting = self._waiting.get(image, {})
        if (following := next(iter(waiting), None)) is not None:
            del waiting[following]
            self._turns[following] = image
            self._services.queue.add(following)
        if not waiting:
            self._waiting.pop(image, None)

    async def is_building(self, key: Key) -> bool:
        """Tell whether Azure is building the version of an object. Raises ArmError when it cannot be asked now."""
        builder = await self._found(key, asker=key)
        return builder is not None and self._is_building(builder)

    async def _busy(self, image: str, but: Key, likely: Builder | None) -> Builder | None:
        """Return who builds from an image; the likely one is looked at first."""
        first = [likely.key] if likely is not None else []
        for key in dict.fromkeys([*first, *built_from(self._services.store, image)]):
            if key == but:
                continue
            builder = await self._found(key, asker=but)
            if builder is not None and self._is_building(builder):
                return builder
        return None

    async def _unowned(self, image: str, candidate: Builder) -> VersionId | None:
        """Return a version of the same definition that is built from an image: its object is gone, or never was."""
        found = self._listed(image, candidate)
        if found is not None:
            await candidate.account.versions.versions(candidate.id.definition, _LOOK)
            found = self._listed(image, candidate)
        return found

    def _listed(self, image: str, candidate: Builder) -> VersionId | None:
        snapshot = candidate.account.versions.peek(candidate.id.definition)
        if snapshot is None:
            return None
        for name in snapshot:
            at_work = _AT_WORK in snapshot.packed(name) and name != candidate.id.version
            if at_work and _is_built_from(snapshot[name], image):
                return candidate.id.definition.version(name)
        return None

    async def _found(self, key: Key, *, asker: Key) -> Builder | None:
        """Return where the version of an object is, its definition having been listed; None: it cannot be anywhere.

        What Azure says under the credential of another namespace than the asker's is not told, and holds nobody up.
        """
        try:
            where = await located(self._services, key)
            if where is None:
                return None
            builder = Builder(key, *where)
            await self._look(builder)
            return builder
        except CannotPlace:
            return None
        except ArmError as error:
            if key.namespace == asker.namespace and isinstance(error.verdict, Throttled | Transient):
                raise
            return None

    async def _look(self, builder: Builder) -> None:
        """List the definition if that has to be, else what is known must do: who built a minute ago still does."""
        versions, definition = builder.account.versions, builder.id.definition
        known = versions.peek(definition)
        if known is not None and not self._is_building(builder):
            return
        try:
            await versions.versions(definition, _LOOK)
        except ArmError as error:
            if known is None or not isinstance(error.verdict, Throttled | Transient):
                raise

    def _is_building(self, builder: Builder) -> bool:
        if builder.key in self._claimed:
            return True
        created_at = self._services.memory.created_at(builder.key)
        if created_at is not None and self._services.clock.now() - created_at < CREATE_LAG:
            return True
        snapshot = builder.account.versions.peek(builder.id.definition)
        listed = None if snapshot is None else snapshot.get(builder.id.version)
        return listed is not None and is_being_built(listed)


def _is_built_from(listed: JSON, image: str) -> bool:
    return is_being_built(listed) and comparable(source_id(listed) or "") == image
