"""Which versions of each definition are soft-deleted: one LIST per definition, remembered for a while."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gallery_operator.api.arm_ids import DefinitionId
from gallery_operator.azure.gateway import ArmGateway
from gallery_operator.azure.verdicts import ArmError, Throttled, Transient
from gallery_operator.clock import Clock
from gallery_operator.domain.observed import SoftDeleted, read_soft_deleted

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Listed:
    at: datetime
    versions: Mapping[str, SoftDeleted]


class RecycleBin:
    """The soft-deleted versions that one account sees."""

    def __init__(self, arm: ArmGateway, clock: Clock) -> None:
        self._arm = arm
        self._clock = clock
        self._listed: dict[DefinitionId, _Listed] = {}

    async def of(self, definition: DefinitionId, max_age: float) -> Mapping[str, SoftDeleted]:
        """Return a definition's soft-deleted versions as they were at most `max_age` seconds ago.

        A gallery that does not say (no soft delete, no right to read it) has none. Raises ArmError when Azure cannot
        answer now.
        """
        known, now = self._listed.get(definition), self._clock.now()
        if known is not None and now - known.at <= timedelta(seconds=max_age):
            return known.versions
        try:
            found = await self._arm.list_soft_deleted(definition) or []
        except ArmError as error:
            if isinstance(error.verdict, Throttled | Transient):
                raise
            log.info("Cannot list soft-deleted versions of %s: %s", definition, error)
            found = []
        versions = {each.version: each for each in map(read_soft_deleted, found)}
        self._listed[definition] = _Listed(now, versions)
        return versions

    def peek(self, definition: DefinitionId) -> Mapping[str, SoftDeleted]:
        """Return what is known without asking Azure."""
        known = self._listed.get(definition)
        return known.versions if known is not None else {}

    def forget(self, definition: DefinitionId) -> None:
        """What is known may be wrong by now: a version was deleted, brought back or purged."""
        self._listed.pop(definition, None)
