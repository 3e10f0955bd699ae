"""Galleries: rules, and what the service fills in."""

from __future__ import annotations

import re
from collections.abc import Collection

from dev.azure_simulator import errors, sharing, softdeletion
from dev.azure_simulator.paths import Json
from dev.azure_simulator.rules import Draft, member
from dev.azure_simulator.store import Resource, Store

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.]{0,78}[A-Za-z0-9])?")


def build(draft: Draft, store: Store) -> Json:
    """Return the properties that this write leaves.

    Raises ArmError when a rule forbids it.
    """
    if draft.current is None:
        if not _NAME.fullmatch(draft.path.name):
            raise errors.gallery_name_invalid()
        if any(_has_name(other, draft) for other in store.all("gallery")):
            raise errors.gallery_name_taken(draft.path.name, draft.path.subscription)
    _check_soft_delete(draft, store)
    profile = sharing.profile(draft)
    return draft.properties | ({"sharingProfile": profile} if profile else {})


def check_deletion(gallery: Resource) -> None:
    """Refuse to delete a gallery that is shared: it must be reset before."""
    if sharing.is_shared(gallery.properties):
        raise errors.gallery_is_shared(gallery.path.name)


def render(gallery: Resource, now: float, expand: Collection[str] = ()) -> Json:
    """Return the properties as read, without the provisioning state."""
    properties = {**gallery.properties, "identifier": {"uniqueName": unique_name(gallery)}}
    if profile := properties.get("sharingProfile"):
        properties["sharingProfile"] = sharing.rendered(profile, with_groups="sharingprofile/groups" in expand)
    if gallery.sharing:
        properties["sharingStatus"] = sharing.status(gallery.sharing, now)
    return properties


def unique_name(gallery: Resource) -> str:
    """Return the name by which those know the gallery that it is shared with."""
    return f"{gallery.path.subscription}-{gallery.path.name.upper()}"


def _check_soft_delete(draft: Draft, store: Store) -> None:
    """Documented: soft delete cannot be enabled while the gallery holds anything in another region. [?] code, text"""
    policy: Json = draft.properties.get("softDeletePolicy", {})
    softdeletion.check_policy(policy)
    if draft.current is None or not policy.get("isSoftDeleteEnabled"):
        return
    if member(draft.old, "softDeletePolicy.isSoftDeleteEnabled"):
        return
    images = store.children(draft.path)
    versions = (version for image in images for version in store.children(image.path))
    elsewhere = next((child for child in (*images, *versions) if child.location != draft.location), None)
    if elsewhere:
        text = f"Soft delete cannot be enabled: '{elsewhere.path.nested}' is in another location than the gallery."
        raise errors.invalid_parameter(text, "gallery.properties.softDeletePolicy.isSoftDeleteEnabled")


def _has_name(gallery: Resource, draft: Draft) -> bool:
    """Tell whether a gallery of the same subscription has the name of the new one."""
    one, other = gallery.path, draft.path
    return (one.name.casefold(), one.subscription.casefold()) == (other.name.casefold(), other.subscription.casefold())
