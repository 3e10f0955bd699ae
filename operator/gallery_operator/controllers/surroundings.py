"""What one account sees of Azure around its galleries: regions, usages, and the sources of versions.

All of it is asked for only when something is to be created or a region is added, usages excepted. What must not be
read (no permission, another tenant) is not known, and then nothing is judged by it: Azure does that.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from gallery_operator.api.arm_ids import ArmId, VersionId, parse_arm_id
from gallery_operator.azure.gateway import ArmGateway
from gallery_operator.azure.verdicts import ArmError, Terminal, Throttled, Transient
from gallery_operator.clock import Clock
from gallery_operator.controllers.quota_refusals import QuotaRefusals
from gallery_operator.controllers.remembered import Remembered
from gallery_operator.domain import placement, quota
from gallery_operator.domain.placement import Locations
from gallery_operator.domain.plan import Wait
from gallery_operator.domain.quota import Usages
from gallery_operator.engine.keys import Key

log = logging.getLogger(__name__)

JSON = dict[str, Any]
V = TypeVar("V")

_DAY: Final = 86_400.0
#: Seconds for which a source is remembered: 1,000 versions from one source cost one GET.
_SOURCE_AGE: Final = 60.0
#: Seconds for which a usage is remembered when a limit is near.
_NEAR_AGE: Final = 60.0
#: How many subscriptions, places and sources are remembered.
_SUBSCRIPTIONS: Final = 64
_PLACES: Final = 512
_SOURCES: Final = 512

#: Resource type in lower case -> api-version: those of azure-mgmt-compute 39, for storage the one of 2023.
_API_VERSIONS: Final[Mapping[str, str]] = {
    "microsoft.compute/images": "2026-04-01",
    "microsoft.compute/virtualmachines": "2026-04-01",
    "microsoft.compute/disks": "2026-03-02",
    "microsoft.compute/snapshots": "2026-03-02",
    "microsoft.compute/diskencryptionsets": "2026-03-02",
    "microsoft.storage/storageaccounts": "2023-05-01",
}
_LOCATIONS_VERSION: Final = "2022-12-01"
_USAGES_VERSION: Final = "2026-04-01"
_COMMUNITY_VERSION: Final = "2026-03-03"
_RESOURCE: Final = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/[^/]+/providers/(?P<type>[^/]+/[^/]+)/[^/]+", re.IGNORECASE
)
_COMMUNITY: Final = re.compile(
    r"/CommunityGalleries/(?P<gallery>[^/]+)/Images/(?P<image>[^/]+)/Versions/(?P<version>[^/]+)", re.IGNORECASE
)
_COMMUNITY_PATH: Final = re.compile(
    r"/subscriptions/[^/]+/providers/Microsoft\.Compute/locations/[^/]+/communityGalleries/", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What Azure says of a resource: its body, or that it does not exist, or nothing (not `readable`)."""

    body: JSON | None = None
    readable: bool = True

    @property
    def absent(self) -> bool:
        return self.readable and self.body is None


class Surroundings:
    """Asks Azure with one account's credential. Every method raises ArmError when Azure cannot answer now."""

    def __init__(self, arm: ArmGateway, clock: Clock) -> None:
        self._arm = arm
        self._locations: Remembered[Locations | None] = Remembered(clock, _SUBSCRIPTIONS)
        self._usages: Remembered[Usages | None] = Remembered(clock, _PLACES)
        self._resources: Remembered[Answer] = Remembered(clock, _SOURCES)
        self._created: dict[str, dict[str, set[Key]]] = {}
        self._refusals = QuotaRefusals(clock)

    @property
    def cloud(self) -> str:
        """The name of the cloud."""
        return self._arm.cloud.name

    async def locations(self, subscription: str, *, fresh: bool = False) -> Locations | None:
        """Return the regions of a subscription, a day old at most; None when they must not be read."""

        async def fetch() -> Locations | None:
            path = f"/subscriptions/{subscription}/locations"
            listed = await self._arm.read_list(subscription, path, _LOCATIONS_VERSION, "ListLocations")
            return placement.read_locations(listed or ()) or None

        return await self._locations.get(subscription.casefold(), 0.0 if fresh else _DAY, _or_none(fetch))

    # --- usages ---

    async def usages(
        self, subscription: str, location: str, max_age: float, *, but: Key | None = None
    ) -> Usages | None:
        """Return what is used of the limits in a region; None when that must not be read.

        What was created here since it was read counts, the object `but` excepted.

        :param location: normalised.
        :param max_age: seconds; near a limit an answer is not older than a minute.
        """

        async def fetch() -> Usages | None:
            path = f"/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/usages"
            self._created.pop(place, None)
            listed = await self._arm.read_list(subscription, path, _USAGES_VERSION, "ListUsages")
            return quota.read_usages(listed or ())

        place = _place(subscription, location)
        known = self.known_usages(subscription, location)
        if known and any(each.near for each in known.values()):
            max_age = min(max_age, _NEAR_AGE)
        found = await self._usages.get(place, max_age, _or_none(fetch))
        return None if found is None else quota.with_created(found, self._counted(place, but))

    def known_usages(self, subscription: str, location: str) -> Usages | None:
        """Return the same without asking Azure."""
        place = _place(subscription, location)
        known = self._usages.peek(place)
        return None if known is None else quota.with_created(known, self._counted(place, None))

    def note_created(self, subscription: str, location: str, key: Key) -> None:
        """An object is about to be created in a region."""
        place = _place(subscription, location)
        self._created.setdefault(place, {}).setdefault(quota.OF_KIND[key.kind], set()).add(key)
        self._refusals.trying(place, key)

    def note_accepted(self, subscription: str, location: str, key: Key) -> None:
        """Azure accepted that create."""
        self._refusals.over(_place(subscription, location), key)

    def note_refused(self, subscription: str, location: str, key: Key, message: str) -> None:
        """Azure refused that create for a quota: what is known of usages is wrong by now."""
        place = _place(subscription, location)
        self._usages.forget(place)
        self._refusals.note(place, key, message)

    def refused(self, subscription: str, location: str, key: Key) -> Wait | None:
        """Return the wait for a create after Azure refused another one for a quota."""
        return self._refusals.wait(_place(subscription, location), key)

    def _counted(self, place: str, but: Key | None) -> dict[str, int]:
        return {name: len(keys) - (but in keys) for name, keys in self._created.get(place, {}).items()}

    # --- resources ---

    async def resource(self, id_: str, *, fresh: bool = False) -> Answer:
        """Return what a version is made from or encrypted with, a minute old at most.

        An image version comes with its replication status, a virtual machine with its instance view.
        """

        async def fetch() -> Answer:
            try:
                return Answer(await self._read(id_))
            except ArmError as error:
                if isinstance(error.verdict, Throttled | Transient):
                    raise
                log.info("Cannot read %s, which Azure will judge: %s", id_, error)
                return Answer(readable=False)

        return await self._resources.get(id_.casefold(), 0.0 if fresh else _SOURCE_AGE, fetch)

    async def community(self, id_: str, subscription: str, location: str) -> tuple[Answer, Answer]:
        """Return a version of a community gallery, as a subscription sees it in a region, and its image definition."""
        match = _COMMUNITY.fullmatch(id_)
        if match is None:
            return Answer(readable=False), Answer(readable=False)
        gallery = f"/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}"
        image = f"{gallery}/communityGalleries/{match['gallery']}/images/{match['image']}"
        return await self.resource(f"{image}/versions/{match['version']}"), await self.resource(image)

    def known(self, id_: str) -> JSON | None:
        """Return what is known of a resource without asking Azure."""
        answer = self._resources.peek(id_.casefold())
        return None if answer is None else answer.body

    def note(self, id_: str, body: JSON) -> None:
        """Take note of what was read of an image version: those that are made from it need not ask again."""
        self._resources.put(id_.casefold(), Answer(body))

    async def _read(self, id_: str) -> JSON | None:
        path = id_.rstrip("/")
        if _COMMUNITY_PATH.match(path):
            return await self._arm.read(path.split("/")[2], path, _COMMUNITY_VERSION, "GetCommunityGallery")
        if (resource := _in_gallery(path)) is not None:
            expand = "ReplicationStatus" if isinstance(resource, VersionId) else None
            return await self._arm.get(resource, expand=expand)
        match = _RESOURCE.fullmatch(path)
        type_ = match["type"].casefold() if match else ""
        if match is None or type_ not in _API_VERSIONS:
            raise ArmError(Terminal("InvalidId", f"not the id of a source: {path[:300]!r}"))
        query = "&$expand=instanceView" if type_.endswith("/virtualmachines") else ""
        return await self._arm.read(match["subscription"], path, _API_VERSIONS[type_], "GetSource", query)


def _in_gallery(path: str) -> ArmId | None:
    """Return the id of a gallery or of what is in one; None for anything else."""
    with contextlib.suppress(ValueError):
        return parse_arm_id(path)
    return None


def _place(subscription: str, location: str) -> str:
    return f"{subscription.casefold()}/{location}"


def _or_none(fetch: Callable[[], Awaitable[V | None]]) -> Callable[[], Awaitable[V | None]]:
    """Return a fetch that answers None when Azure will not tell; what may be told later is raised."""

    async def attempt() -> V | None:
        try:
            return await fetch()
        except ArmError as error:
            if isinstance(error.verdict, Throttled | Transient):
                raise
            log.info("Not told by Azure: %s", error)
            return None

    return attempt
