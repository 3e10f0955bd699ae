"""Community galleries, as those who know their public name see them: seeded ones, and those that are shared here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dev.azure_simulator.paths import Json
from dev.azure_simulator.sources import Facts, Sources
from dev.azure_simulator.store import Resource, Store

LOCATION_PATH = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/providers/Microsoft\.Compute/locations/(?P<location>[^/]+)"
    r"(?P<id>/communityGalleries/[^/]+/images/[^/]+(?P<version>/versions/[^/]+)?)/?",
    re.IGNORECASE,
)
_TYPE = "Microsoft.Compute/locations/communityGalleries/images"
_DATES = frozenset({"publishedDate", "endOfLifeDate"})
_SEEDED_DATE = "2026-11-01T00:00:00+00:00"
_SEEDED_IDENTIFIER = {"publisher": "simulated", "offer": "community", "sku": "image"}


@dataclass(frozen=True)
class Shown:
    """A version that is public: its id under the public name, and what is known of it."""

    id: str
    location: str
    facts: Facts
    publishing: Json
    #: publisher, offer and sku of its image definition.
    identifier: Json

    def body(self) -> Json:
        """Return the version as GET shows it in a region."""
        os_disk: Json = {"diskSizeGB": self.facts.size_gb, "hostCaching": self.facts.caching}
        data = [{"lun": lun, "diskSizeGB": size, "hostCaching": "None"} for lun, size in self.facts.data_disks]
        properties = {
            **{name: value for name, value in self.publishing.items() if name in _DATES},
            "excludeFromLatest": self.publishing.get("excludeFromLatest", False),
            "storageProfile": {"osDiskImage": os_disk, **({"dataDiskImages": data} if data else {})},
        }
        return _envelope(self.id, self.location, f"{_TYPE}/versions", properties)

    def image_body(self) -> Json:
        """Return the image definition of this version as GET shows it in a region."""
        properties = {
            "osType": self.facts.os_type,
            "osState": self.facts.os_state,
            "hyperVGeneration": self.facts.generation,
            "architecture": self.facts.architecture,
            "identifier": self.identifier,
        }
        return _envelope(self.id.rpartition("/Versions/")[0], self.location, _TYPE, properties)


def find(community_id: str, location: str, store: Store, sources: Sources, now: float) -> Shown | None:
    """Return a public version that is replicated to a region (ARM name), or None.

    An id without a version stands for any version of that image.
    """
    wanted = community_id.casefold().rstrip("/")
    for source in sources:
        key = source.id.casefold()
        if source.kind == "communityversions" and source.region == location and _fits(key, wanted):
            return Shown(source.id, location, source.facts(), {"publishedDate": _SEEDED_DATE}, _SEEDED_IDENTIFIER)
    for name, image, version in _public_versions(store):
        shown_id = f"/CommunityGalleries/{name}/Images/{image.path.name}/Versions/{version.path.name}"
        copy = version.copies.get(location)
        if copy and copy.completed(now) and version.facts and _fits(shown_id.casefold(), wanted):
            publishing = version.properties["publishingProfile"]
            return Shown(shown_id, location, version.facts, publishing, image.properties["identifier"])
    return None


def _fits(key: str, wanted: str) -> bool:
    return key == wanted or key.rpartition("/versions/")[0] == wanted


def _public_versions(store: Store) -> Iterator[tuple[str, Resource, Resource]]:
    """Yield public name, image definition and version of all that is shared with everybody from here."""
    for gallery in store.all("gallery"):
        info: Json = (gallery.properties.get("sharingProfile") or {}).get("communityGalleryInfo", {})
        if not info.get("communityGalleryEnabled"):
            continue
        for name in info["publicNames"]:
            for image in store.children(gallery.path):
                yield from ((name, image, version) for version in store.children(image.path))


def _envelope(shown_id: str, location: str, resource_type: str, properties: Json) -> Json:
    return {
        "name": shown_id.rsplit("/", 1)[1],
        "location": location,
        "type": resource_type,
        "identifier": {"uniqueId": shown_id},
        "properties": properties,
    }
