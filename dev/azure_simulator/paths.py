"""ARM paths of galleries, image definitions and image versions, compared without regard to case."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

Json = dict[str, Any]
Kind = Literal["gallery", "definition", "version"]

_KINDS: tuple[Kind, ...] = ("gallery", "definition", "version")
_SEGMENTS = ("galleries", "images", "versions")
_PATH = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/providers/Microsoft\.Compute"
    r"/galleries(?:/(?P<gallery>[^/]+)(?P<images>/images(?:/(?P<definition>[^/]+)"
    r"(?P<versions>/versions(?:/(?P<version>[^/]+))?)?)?)?)?/?",
    re.IGNORECASE,
)


_GALLERY = (
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/providers/Microsoft\.Compute"
    r"/galleries/(?P<gallery>[^/]+)"
)
#: Where a gallery is shared, and where the soft-deleted versions of a definition are listed.
SHARE_PATH = re.compile(_GALLERY + r"/share/?", re.IGNORECASE)
SOFT_DELETED_PATH = re.compile(
    _GALLERY + r"/softDeletedArtifactTypes/Images/artifacts/(?P<definition>[^/]+)/versions/?", re.IGNORECASE
)


@dataclass(frozen=True)
class ResourcePath:
    """The path of one gallery, definition or version: `names` holds one, two or three names, outermost first."""

    subscription: str
    group: str
    names: tuple[str, ...]

    @property
    def kind(self) -> Kind:
        return _KINDS[len(self.names) - 1]

    @property
    def name(self) -> str:
        return self.names[-1]

    @property
    def parent(self) -> ResourcePath | None:
        return ResourcePath(self.subscription, self.group, self.names[:-1]) if len(self.names) > 1 else None

    @property
    def ancestors(self) -> list[ResourcePath]:
        """The paths above, innermost first."""
        return [self.parent, *self.parent.ancestors] if self.parent else []

    @cached_property
    def nested(self) -> str:
        """The path within the resource group, as error messages quote it."""
        return "Microsoft.Compute/" + "/".join(
            f"{segment}/{name}" for segment, name in zip(_SEGMENTS, self.names, strict=False)
        )

    @cached_property
    def id(self) -> str:
        return self.id_in(self.group)

    @property
    def listed_id(self) -> str:
        """The id as lists return it: with an upper-cased resource group, as recorded."""
        return self.id_in(self.group.upper())

    @cached_property
    def key(self) -> str:
        return self.id.casefold()

    @property
    def type(self) -> str:
        return "Microsoft.Compute/" + "/".join(_SEGMENTS[: len(self.names)])

    def id_in(self, group: str) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{group}/providers/{self.nested}"


@dataclass(frozen=True)
class CollectionPath:
    """The path of a list: of the galleries in a resource group, or of the children of `parent`."""

    subscription: str
    group: str
    parent: ResourcePath | None

    @property
    def kind(self) -> Kind:
        return _KINDS[len(self.parent.names) if self.parent else 0]


def parse_gallery_path(path: str) -> ResourcePath | CollectionPath | None:
    """Parse the path of a gallery resource or of a list of them; None when it is neither."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    names = tuple(name for name in match.group("gallery", "definition", "version") if name)
    subscription, group = match.group("subscription", "group")
    lists_children = sum(map(bool, match.group("images", "versions"))) == len(names)
    if names and not lists_children:
        return ResourcePath(subscription, group, names)
    return CollectionPath(subscription, group, ResourcePath(subscription, group, names) if names else None)


def resource_path(text: str) -> ResourcePath | None:
    """Parse the id of a gallery, definition or version; None when it is something else."""
    path = parse_gallery_path(text)
    return path if isinstance(path, ResourcePath) else None
