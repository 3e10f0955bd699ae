"""Who builds from which managed image: Azure builds one version at a time from each, and fails the second.

(hashicorp/terraform-provider-azurerm#2284, azure-gallery-api.md §6.13.) The others wait. Nothing is written down: who
builds follows from Azure's LISTs, and within this process from the claim of a visit that is about to PUT.
"""

from __future__ import annotations

from dataclasses import dataclass

from gallery_operator.api.arm_ids import VersionId
from gallery_operator.azure.verdicts import ArmError, Throttled, Transient
from gallery_operator.controllers.accounts import Account
from gallery_operator.controllers.cannot_place import CannotPlace
from gallery_operator.controllers.indexes import built_from
from gallery_operator.controllers.memory import CREATE_LAG
from gallery_operator.controllers.services import Services
from gallery_operator.controllers.source_versions import located
from gallery_operator.domain.resources import provisioning_state
from gallery_operator.engine.keys import Key


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
        self._waiting: dict[str, set[Key]] = {}

    async def claim(self, image: str, candidate: Builder) -> Key | None:
        """Take an image for a build, until the visit of `candidate` is `over`; return who has it if it is taken.

        :param image: as `indexes.image_of` spells it.
        """
        while True:
            before = self._builders.get(image)
            busy = await self._busy(image, candidate.key, before)
            if self._builders.get(image) is before:  # nobody came first while Azure was asked
                break
        self._note(image, busy or candidate)
        if busy is not None:
            self._waiting.setdefault(image, set()).add(candidate.key)
            return busy.key
        self._claimed.add(candidate.key)
        return None

    def _note(self, image: str, builder: Builder) -> None:
        if (before := self._builders.get(image)) is not None:
            self._images.pop(before.key, None)
        self._builders[image] = builder
        self._images[builder.key] = image

    def over(self, key: Key) -> None:
        """A visit is over: what it claimed is free again unless Azure builds it now; then those who wait are woken."""
        self._claimed.discard(key)
        image = self._images.get(key)
        if image is None or self._is_building(self._builders[image]):
            return
        del self._images[key], self._builders[image]
        for waiting in self._waiting.pop(image, ()):
            self._services.queue.add(waiting)

    async def is_building(self, key: Key) -> bool:
        """Tell whether Azure is creating the version of an object. Raises ArmError when it cannot be asked now."""
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

    async def _found(self, key: Key, *, asker: Key) -> Builder | None:
        """Return where the version of an object is, its definition having been listed; None: it cannot be anywhere.

        What Azure says under the credential of another namespace than the asker's is not told, and holds nobody up.
        """
        try:
            where = await located(self._services, key)
            if where is None:
                return None
            account, id_ = where
            if account.versions.peek(id_.definition) is None:
                await account.versions.versions(id_.definition, self._services.pace.resync)
            return Builder(key, account, id_)
        except CannotPlace:
            return None
        except ArmError as error:
            if key.namespace == asker.namespace and isinstance(error.verdict, Throttled | Transient):
                raise
            return None

    def _is_building(self, builder: Builder) -> bool:
        if builder.key in self._claimed:
            return True
        created_at = self._services.memory.created_at(builder.key)
        if created_at is not None and self._services.clock.now() - created_at < CREATE_LAG:
            return True
        snapshot = builder.account.versions.peek(builder.id.definition)
        listed = None if snapshot is None else snapshot.get(builder.id.version)
        return listed is not None and provisioning_state(listed) == "Creating"
