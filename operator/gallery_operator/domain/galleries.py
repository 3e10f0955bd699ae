"""Galleries: what the spec wants of Azure."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from gallery_operator.api.gallery import Gallery, GallerySpec, Identity, IdentityStatus
from gallery_operator.domain import regions, resources, sharing
from gallery_operator.domain.difference import compact, difference
from gallery_operator.domain.drift import Standing
from gallery_operator.domain.plan import JSON, Change, Plan, Share, Update, UpToDate
from gallery_operator.domain.resources import Attempts, Wish, as_dict

_IMMUTABLE: Final = {"location": "spec.location", sharing.COMMUNITY_INFO: "spec.sharing.community"}
_READ_ONLY: Final = resources.READ_ONLY | {
    "identity.principalId",
    "identity.tenantId",
    "properties.identifier",
    "properties.sharingStatus",
    "properties.sharingProfile.groups",
    "properties.sharingProfile.communityGalleryInfo.communityGalleryEnabled",
    "properties.sharingProfile.communityGalleryInfo.publicNames",
}
_DEFAULTS: Final[JSON] = {"properties": {"softDeletePolicy": {"isSoftDeleteEnabled": False}}}


def body(spec: GallerySpec, tags: dict[str, str], sharing_profile: JSON | None, identity: JSON | None) -> JSON:
    """Return the ARM body that the spec says (api-version 2026-03-03, Gallery)."""
    soft_delete = spec.soft_delete
    return compact(  # type: ignore[no-any-return]
        {
            "location": regions.normalise(spec.location),
            "tags": tags,
            "identity": identity,
            "properties": {
                "description": spec.description,
                "sharingProfile": sharing_profile,
                "softDeletePolicy": None
                if soft_delete is None
                else {
                    "isSoftDeleteEnabled": soft_delete.enabled,
                    "retentionPeriodInDays": soft_delete.retention_days,
                    "gracePeriodInDays": soft_delete.grace_days,
                },
            },
        }
    )


def _identity(identity: Identity | None, observed: JSON | None) -> JSON | None:
    """Return the identity to send; of a gallery that exists it is compared as a whole, so that it can get smaller."""
    if identity is None:
        return None
    users: JSON | None = {id_: {} for id_ in identity.user_assigned_identities or ()}
    return {"type": identity.type, "userAssignedIdentities": users if users or observed else None}


def _wish(gallery: Gallery, observed: JSON | None, owner: str) -> Wish:
    spec = gallery.spec
    tags = resources.wanted_tags(spec.tags, owner, observed)
    shared = sharing.profile(spec.sharing) if observed is None else sharing.settable(spec.sharing, observed)
    return Wish(body(spec, tags, shared, _identity(spec.identity, observed)), _DEFAULTS, _IMMUTABLE, _READ_ONLY)


def standing(gallery: Gallery, owner: str) -> Standing:
    """Return how a gallery stands to its drift; who has access is part of what it wants."""
    more = gallery.spec.model_dump(mode="json", include={"sharing", "access"})
    return Standing.of(gallery, lambda _: _wish(gallery, None, owner), **more)


def plan(gallery: Gallery, observed: JSON | None, owner: str, attempts: Attempts, now: datetime) -> Plan:
    """Return the next step for a gallery, but for role assignments and the note on the object (`standing`)."""
    if gallery.observe_only:
        return resources.observe_only(observed)
    met = standing(gallery, owner).met
    step = resources.plan(_wish(gallery, observed, owner), observed, owner, attempts, now, met=met)
    if observed is None or not isinstance(step, Update | UpToDate):
        return step
    wanted = gallery.spec.sharing
    if met and (drift := sharing.changes(wanted, observed)):
        return UpToDate(drift=_joined(step.drift, drift)) if isinstance(step, UpToDate) else step
    if not met and (first := sharing.first_step(wanted, observed)) is not None:
        claimed = _claim(gallery, observed, owner, now) if isinstance(first, Share) else None
        return claimed or first
    if isinstance(step, Update):
        return _without_empty_identities(step)
    return sharing.next_step(wanted, observed, attempts) or step


def _claim(gallery: Gallery, observed: JSON, owner: str, now: datetime) -> Update | None:
    """Return the PUT of tags alone by which a gallery without an owner is taken over; None when it has one.

    Sharing is no part of a PUT: before the tag is there, another object may have the gallery in a moment.
    """
    if resources.owner_of(observed) is not None:
        return None
    tags = {"tags": resources.wanted_tags(gallery.spec.tags, owner, observed)}
    return Update(resources.update_body(Wish(tags, read_only=_READ_ONLY), observed, now), difference(tags, observed))


def _joined(one: tuple[Change, ...], other: tuple[Change, ...]) -> tuple[Change, ...]:
    return tuple({each.path: each for each in (*one, *other)}.values())


def _without_empty_identities(step: Update) -> Update:
    identity = as_dict(step.body.get("identity"))
    if identity.get("userAssignedIdentities") == {}:
        del identity["userAssignedIdentities"]
    return step


def unsharing(observed: JSON) -> Share | None:
    """Return what must come before a gallery is deleted: Azure deletes none that is shared (azure-gallery-api.md §2.4).

    :param observed: asked for with `sharing.EXPAND` when `sharing.is_groups`.
    """
    return sharing.RESET if sharing.read(observed).shared else None


def identity_status(observed: JSON) -> IdentityStatus | None:
    """Return the gallery's system-assigned identity; None when it has none."""
    identity = as_dict(observed.get("identity"))
    principal, tenant = identity.get("principalId"), identity.get("tenantId")
    if not isinstance(principal, str):
        return None
    return IdentityStatus(principal_id=principal[:64], tenant_id=tenant[:64] if isinstance(tenant, str) else None)
