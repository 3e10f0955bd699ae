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
    r"(?P<id>/communityGalleries/[^/]+(?:/images(?:/[^/]+(?:/versions(?:/[^/]+)?)?)?)?)/?",
    re.IGNORECASE,
)
_TYPE = "Microsoft.Compute/locations/communityGalleries"
_DATES = frozenset({"publishedDate", "endOfLifeDate"})
_METADATA = ("publisherUri", "publisherContact", "eula", "publicNames")
_SEEDED_DATE = "2026-11-01T00:00:00+00:00"
_SEEDED_IDENTIFIER = {"publisher": "simulated", "offer": "community", "sku": "image"}
_SEEDED_METADATA = {"publisherUri": "https://example.com", "publisherContact": "images@example.com"}


@dataclass(frozen=True)
class Shown:
    """A version that is public: its id under the public name, and what is known of it."""

    id: str
    location: str
    facts: Facts
    publishing: Json
    #: publisher, offer and sku of its image definition.
    identifier: Json
    #: What its gallery tells of its publisher.
    metadata: Json

    @property
    def image_id(self) -> str:
        return self.id.rpartition("/Versions/")[0]

    @property
    def gallery_id(self) -> str:
        return self.id.partition("/Images/")[0]

    def body(self) -> Json:
        """Return the version as GET shows it in a region."""
        os_disk: Json = {"diskSizeGB": self.facts.size_gb, "hostCaching": self.facts.caching}
        data = [{"lun": lun, "diskSizeGB": size, "hostCaching": "None"} for lun, size in self.facts.data_disks]
        properties = {
            **{name: value for name, value in self.publishing.items() if name in _DATES},
            "excludeFromLatest": self.publishing.get("excludeFromLatest", False),
            "storageProfile": {"osDiskImage": os_disk, **({"dataDiskImages": data} if data else {})},
        }
        return _envelope(self.id, self.location, f"{_TYPE}/images/versions", properties)

    def image_body(self) -> Json:
        """Return the image definition of this version as GET shows it in a region."""
        properties = {
            "osType": self.facts.os_type,
            "osState": self.facts.os_state,
            "hyperVGeneration": self.facts.generation,
            "architecture": self.facts.architecture,
            "identifier": self.identifier,
        }
        return _envelope(self.image_id, self.location, f"{_TYPE}/images", properties)

    def gallery_body(self) -> Json:
        """Return the gallery of this version as GET shows it in a region."""
        metadata = {"publicNames": [self.gallery_id.rpartition("/")[2]]} | self.metadata
        return _envelope(self.gallery_id, self.location, _TYPE, {"communityMetadata": metadata})


def find(community_id: str, location: str, store: Store, sources: Sources, now: float) -> Shown | None:
    """Return the public version of this id that is replicated to a region (ARM name), or None."""
    wanted = community_id.casefold().rstrip("/")
    return next((each for each in _shown(location, store, sources, now) if each.id.casefold() == wanted), None)


def read(path: str, location: str, store: Store, sources: Sources, now: float) -> Json | None:
    """Return what GET answers on a gallery, image or version, or on a list of images or versions; None: not found.

    [?] a gallery or image of which no version is in that region (ARM name) does not exist there.
    """
    wanted = path.casefold().rstrip("/")
    shown = list(_shown(location, store, sources, now))
    versions = {each.id: each.body() for each in shown}
    images = {each.image_id: each.image_body() for each in shown}
    galleries = {each.gallery_id: each.gallery_body() for each in shown}
    for key, body in (versions | images | galleries).items():
        if key.casefold() == wanted:
            return body
    below = [body for key, body in (versions | images).items() if key.casefold().rpartition("/")[0] == wanted]
    return {"value": below} if below else None


def _shown(location: str, store: Store, sources: Sources, now: float) -> Iterator[Shown]:
    """Yield the public versions in a region."""
    for source in sources:
        if source.kind == "communityversions" and source.region == location:
            dates = {"publishedDate": _SEEDED_DATE}
            yield Shown(source.id, location, source.facts(), dates, _SEEDED_IDENTIFIER, _SEEDED_METADATA)
    for name, info, image, version in _public_versions(store):
        copy = version.copies.get(location)
        if copy and copy.completed(now) and version.facts:
            public_id = f"/CommunityGalleries/{name}/Images/{image.path.name}/Versions/{version.path.name}"
            publishing, identifier = version.properties["publishingProfile"], image.properties["identifier"]
            metadata = {member: info[member] for member in _METADATA if member in info}
            yield Shown(public_id, location, version.facts, publishing, identifier, metadata)


def _public_versions(store: Store) -> Iterator[tuple[str, Json, Resource, Resource]]:
    """Yield public name, community data, image definition and version of all that is shared with everybody here."""
    for gallery in store.all("gallery"):
        info: Json = (gallery.properties.get("sharingProfile") or {}).get("communityGalleryInfo", {})
        if not info.get("communityGalleryEnabled"):
            continue
        for name in info["publicNames"]:
            for image in store.children(gallery.path):
                yield from ((name, info, image, version) for version in store.children(image.path))


def _envelope(shown_id: str, location: str, resource_type: str, properties: Json) -> Json:
    return {
        "name": shown_id.rsplit("/", 1)[1],
        "location": location,
        "type": resource_type,
        "identifier": {"uniqueId": shown_id},
        "properties": properties,
    }
