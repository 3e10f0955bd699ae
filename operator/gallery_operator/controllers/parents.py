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
from gallery_operator.controllers.accounts import Account, AccountKey
from gallery_operator.controllers.cannot_place import CannotPlace
from gallery_operator.controllers.services import Services
from gallery_operator.domain import regions, resources
from gallery_operator.domain.plan import Blocked, Wait
from gallery_operator.domain.resources import as_dict
from gallery_operator.engine.keys import Key

_PARENT_LOOK = 30.0  # seconds; a parent's own events bring its children back sooner

#: Seconds; when the parent is given its resource, it wakes its children.
_CONFLICT_LOOK = 600.0

R = TypeVar("R", bound=Resource[Any, Any])


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
    soft_delete: bool = False
    """Whether the gallery is known to keep deleted versions for a while."""


@dataclass(frozen=True, slots=True)
class VersionPlace:
    id: VersionId
    location: str | None
    definition: ImageDefinition | None
    """The definition's object, if it has one here."""
    soft_delete: bool = False
    """Whether the gallery is known to keep deleted versions for a while."""


@dataclass(frozen=True, slots=True)
class LastPlace:
    """Where a resource was when its status was last written."""

    id: ArmId


def account_key(services: Services, resource: Resource[Any, Any]) -> AccountKey:
    """Return by whose credential an object is reconciled: its Gallery's, when that has an object here.

    Raises CannotPlace while a parent is not known.
    """
    found: Resource[Any, Any] | None = resource
    if isinstance(found, ImageVersion):
        found = _definition_of(services, found)
    if isinstance(found, ImageDefinition):
        found = _gallery_of(services, found)
    reference = found.spec.credential_ref if isinstance(found, Gallery) else None
    return AccountKey(resource.metadata.namespace, reference.name if reference else None)


def place_gallery(gallery: Gallery, account: Account) -> GalleryPlace:
    """Return where a gallery is in Azure; raises CannotPlace when its subscription is not known, or is another now."""
    subscription = gallery.spec.subscription_id or account.subscription_id
    if subscription is None:
        raise CannotPlace(
            Blocked(
                Reason.SUBSCRIPTION_MISSING,
                "spec.subscriptionId is not set and the operator has no default: set it here, or start the operator "
                "with --subscription-id",
            )
        )
    if gallery.spec.subscription_id is None and (moved := _moved(gallery, subscription)) is not None:
        raise CannotPlace(moved)
    return GalleryPlace(GalleryId(subscription, gallery.spec.resource_group, gallery.azure_name))


def _moved(gallery: Gallery, subscription: str) -> Blocked | None:
    """Return that the default subscription changed under a gallery that exists.

    A report is no input, but for this guard: nothing else remembers the default, and all that is in the gallery would
    be published once more in the other subscription, while the first gallery stayed behind.
    """
    before = last_known_id(gallery) if gallery.status and gallery.status.provisioning_state else None
    if not isinstance(before, GalleryId) or before.subscription.casefold() == subscription.casefold():
        return None
    return Blocked(
        Reason.IMMUTABLE_FIELD_DIFFERS,
        f"the gallery is in subscription {before.subscription}, the default (AZURE_SUBSCRIPTION_ID of the Secret, else "
        f"the operator's --subscription-id) is {subscription} by now: set the default back, or move by a new Gallery",
    )


def place_definition(services: Services, definition: ImageDefinition, account: Account) -> DefinitionPlace:
    """Return where an image definition is in Azure; raises CannotPlace while its gallery is not known."""
    reference, location = definition.spec.gallery_ref, definition.spec.location
    gallery = _gallery_of(services, definition)
    if gallery is None:
        gallery_id = _parse(reference.id or "", GalleryId, "galleryRef.id")
        return DefinitionPlace(gallery_id.definition(definition.azure_name), location, None)
    place = place_gallery(gallery, account)
    key = Key("Gallery", gallery.metadata.namespace, gallery.metadata.name)
    return DefinitionPlace(
        place.id.definition(definition.azure_name),
        location or gallery.spec.location,
        key,
        _keeps_deleted(services, key, gallery),
    )


def place_version(services: Services, version: ImageVersion, account: Account) -> VersionPlace:
    """Return where an image version is in Azure; raises CannotPlace while its definition is not known."""
    reference, name = version.spec.image_definition_ref, version.spec.version
    definition = _definition_of(services, version)
    if definition is None:
        definition_id = _parse(reference.id or "", DefinitionId, "imageDefinitionRef.id")
        return VersionPlace(definition_id.version(name), _normal(version.spec.location), None)
    place = place_definition(services, definition, account)
    location = version.spec.location or place.location
    return VersionPlace(place.id.version(name), _normal(location), definition, place.soft_delete)


def _gallery_of(services: Services, definition: ImageDefinition) -> Gallery | None:
    """Return a definition's Gallery; None when it is named by its ARM id. Raises CannotPlace."""
    reference, namespace = definition.spec.gallery_ref, definition.metadata.namespace
    if reference.id is not None:
        return None
    return parent(services, Key("Gallery", namespace, reference.name or ""), Gallery, deleting=definition.deleting)


def _definition_of(services: Services, version: ImageVersion) -> ImageDefinition | None:
    """Return a version's ImageDefinition; None when it is named by its ARM id. Raises CannotPlace."""
    reference, namespace = version.spec.image_definition_ref, version.metadata.namespace
    if reference.id is not None:
        return None
    key = Key("ImageDefinition", namespace, reference.name or "")
    return parent(services, key, ImageDefinition, deleting=version.deleting)


def _keeps_deleted(services: Services, key: Key, gallery: Gallery) -> bool:
    """Tell whether a gallery has soft delete: by its spec, else by what was last seen of it in Azure."""
    if gallery.spec.soft_delete is not None:
        return gallery.spec.soft_delete.enabled
    seen = services.memory.of(key, gallery.metadata.generation).observed or {}
    policy = as_dict(as_dict(seen.get("properties")).get("softDeletePolicy"))
    return policy.get("isSoftDeleteEnabled") is True


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


def refuse_what_is_anothers(services: Services, key: Key, observed: dict[str, Any] | None) -> None:
    """Raise CannotPlace where a parent's object is refused its resource: nothing new is put into what is another's.

    :param key: the parent's object; one that only observes may stand for what someone else owns.
    """
    found = resources.owner_of(observed or {})
    policy = as_dict((services.store.get(key) or {}).get("spec")).get("managementPolicy")
    if found is None or found == services.owner(key) or policy == "Observe":
        return
    message = (
        f"{key.kind} {key.name!r} is refused: in Azure it belongs to {found[:300]!r}. Nothing new is put into it; to "
        "use it all the same, name it by its ARM id, or set its managementPolicy to Observe"
    )
    raise CannotPlace(Wait(Reason.PARENT_NOT_READY, message, _CONFLICT_LOOK))


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
