"""From an object to its place in Azure: references are followed in the store, ids follow from the specs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from gallery_operator.api.arm_ids import ArmId, DefinitionId, GalleryId, VersionId, parse_arm_id
from gallery_operator.api.conditions import Reason
from gallery_operator.api.gallery import Gallery
from gallery_operator.api.image_definition import ImageDefinition
from gallery_operator.api.image_version import ImageVersion
from gallery_operator.api.resource import Resource
from gallery_operator.controllers.services import Services
from gallery_operator.domain import regions
from gallery_operator.domain.plan import Blocked, Wait
from gallery_operator.engine.keys import Key

_PARENT_LOOK = 30.0  # seconds; a parent's own events bring its children back sooner

R = TypeVar("R", bound=Resource[Any, Any])


class CannotPlace(Exception):  # noqa: N818 - it carries a plan, not an error
    """The object has no place in Azure yet."""

    def __init__(self, step: Wait | Blocked) -> None:
        super().__init__(step.message)
        self.step = step


@dataclass(frozen=True, slots=True)
class GalleryPlace:
    id: GalleryId


@dataclass(frozen=True, slots=True)
class DefinitionPlace:
    id: DefinitionId
    location: str | None
    """The definition's region; None when only its gallery in Azure tells."""
    gallery: Key | None
    """The gallery's object, if it has one here."""


@dataclass(frozen=True, slots=True)
class VersionPlace:
    id: VersionId
    location: str | None
    definition: ImageDefinition | None
    """The definition's object, if it has one here."""


def place_gallery(services: Services, gallery: Gallery) -> GalleryPlace:
    """Return where a gallery is in Azure; raises CannotPlace when no subscription is known."""
    subscription = gallery.spec.subscription_id or services.subscription_id
    if subscription is None:
        raise CannotPlace(
            Blocked(
                Reason.SUBSCRIPTION_MISSING,
                "spec.subscriptionId is not set and the operator has no default: set it here, or start the operator "
                "with --subscription-id",
            )
        )
    return GalleryPlace(GalleryId(subscription, gallery.spec.resource_group, gallery.azure_name))


def place_definition(services: Services, definition: ImageDefinition) -> DefinitionPlace:
    """Return where an image definition is in Azure; raises CannotPlace while its gallery is not known."""
    reference, location = definition.spec.gallery_ref, definition.spec.location
    if reference.id is not None:
        gallery_id = _parse(reference.id, GalleryId, "galleryRef.id")
        return DefinitionPlace(gallery_id.definition(definition.azure_name), location, None)
    key = Key("Gallery", definition.metadata.namespace, reference.name or "")
    gallery = parent(services, key, Gallery, deleting=definition.deleting)
    place = place_gallery(services, gallery)
    return DefinitionPlace(place.id.definition(definition.azure_name), location or gallery.spec.location, key)


def place_version(services: Services, version: ImageVersion) -> VersionPlace:
    """Return where an image version is in Azure; raises CannotPlace while its definition is not known."""
    reference, name = version.spec.image_definition_ref, version.spec.version
    if reference.id is not None:
        definition_id = _parse(reference.id, DefinitionId, "imageDefinitionRef.id")
        return VersionPlace(definition_id.version(name), _normal(version.spec.location), None)
    key = Key("ImageDefinition", version.metadata.namespace, reference.name or "")
    definition = parent(services, key, ImageDefinition, deleting=version.deleting)
    place = place_definition(services, definition)
    location = version.spec.location or place.location
    return VersionPlace(place.id.version(name), _normal(location), definition)


def parent(services: Services, key: Key, model: type[R], *, deleting: bool) -> R:
    """Return a parent's object; raises CannotPlace while it is missing, unreadable, or on its way out."""
    try:
        found = services.store.make(key, model.model_validate)
    except ValidationError:
        message = f"{key.kind} {key.name!r} cannot be read; see its status"
        raise CannotPlace(Wait(Reason.PARENT_NOT_READY, message, _PARENT_LOOK)) from None
    if found is None:
        message = f"{key.kind} {key.name!r} does not exist in namespace {key.namespace!r} yet"
        raise CannotPlace(Wait(Reason.PARENT_NOT_READY, message, _PARENT_LOOK))
    if found.deleting and not deleting:
        message = f"{key.kind} {key.name!r} is being deleted"
        raise CannotPlace(Wait(Reason.PARENT_DELETING, message, _PARENT_LOOK))
    return found


def last_known_id(resource: Resource[Any, Any]) -> ArmId | None:
    """Return the id that the status reports: only for cleaning up after a parent that was removed by force."""
    reported = resource.status.id if resource.status else None
    try:
        return parse_arm_id(reported) if reported else None
    except ValueError:
        return None


def _normal(location: str | None) -> str | None:
    return None if location is None else regions.normalise(location)


Id = TypeVar("Id", GalleryId, DefinitionId)


def _parse(text: str, wanted: type[Id], field: str) -> Id:
    try:
        parsed = parse_arm_id(text)
    except ValueError:
        parsed = None
    if not isinstance(parsed, wanted):
        what = "a gallery" if wanted is GalleryId else "an image definition"
        raise CannotPlace(Blocked(Reason.INVALID_SPEC, f"{field} is not the ARM id of {what}: {text[:200]!r}"))
    return parsed
