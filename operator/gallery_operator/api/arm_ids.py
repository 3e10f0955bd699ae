"""ARM ids of galleries, image definitions and image versions.

Ids are deterministic: they follow from spec and metadata alone, so a restarted operator finds what it began.
ARM compares ids without regard to case, and answers with changing case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_GALLERY = re.compile(
    r"^/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<resource_group>[^/]+)"
    r"/providers/Microsoft\.Compute/galleries/(?P<gallery>[^/]+)"
    r"(?:/images/(?P<definition>[^/]+)(?:/versions/(?P<version>[^/]+))?)?$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class GalleryId:
    """The ARM id of a gallery."""

    subscription: str
    resource_group: str
    gallery: str

    def __str__(self) -> str:
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.Compute/galleries/{self.gallery}"
        )

    def definition(self, name: str) -> DefinitionId:
        return DefinitionId(self, name)


@dataclass(frozen=True, slots=True)
class DefinitionId:
    """The ARM id of an image definition."""

    gallery: GalleryId
    definition: str

    def __str__(self) -> str:
        return f"{self.gallery}/images/{self.definition}"

    def version(self, name: str) -> VersionId:
        return VersionId(self, name)


@dataclass(frozen=True, slots=True)
class VersionId:
    """The ARM id of an image version."""

    definition: DefinitionId
    version: str

    def __str__(self) -> str:
        return f"{self.definition}/versions/{self.version}"


ArmId = GalleryId | DefinitionId | VersionId


def parse_arm_id(text: str) -> ArmId:
    """Parse the ARM id of a gallery, image definition or image version, in whatever case.

    Raises ValueError when `text` is none of these.
    """
    match = _GALLERY.match(text)
    if match is None:
        msg = f"not the ARM id of a gallery, image definition or image version: {text[:300]!r}"
        raise ValueError(msg)
    gallery = GalleryId(match["subscription"], match["resource_group"], match["gallery"])
    if match["definition"] is None:
        return gallery
    definition = gallery.definition(match["definition"])
    return definition if match["version"] is None else definition.version(match["version"])
