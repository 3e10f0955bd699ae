"""Galleries: what the spec wants of Azure."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from gallery_operator.api.conditions import Reason
from gallery_operator.api.gallery import Gallery, GallerySpec
from gallery_operator.domain import regions, resources
from gallery_operator.domain.difference import compact
from gallery_operator.domain.plan import JSON, Blocked, Plan
from gallery_operator.domain.resources import Attempts, Wish, as_dict

_IMMUTABLE: Final = frozenset({"location"})
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


def body(spec: GallerySpec, tags: dict[str, str]) -> JSON:
    """Return the ARM body that the spec says (api-version 2026-03-03, Gallery)."""
    soft_delete = spec.soft_delete
    return compact(  # type: ignore[no-any-return]
        {
            "location": regions.normalise(spec.location),
            "tags": tags,
            "properties": {
                "description": spec.description,
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


def plan(gallery: Gallery, observed: JSON | None, owner: str, attempts: Attempts, now: datetime) -> Plan:
    """Return the next step for a gallery."""
    if gallery.observe_only:
        return resources.observe_only(observed)
    if observed is not None and (shared := _shared(gallery.spec, observed)) is not None:
        return shared
    tags = resources.wanted_tags(gallery.spec.tags, owner, observed)
    wish = Wish(body(gallery.spec, tags), _DEFAULTS, _IMMUTABLE, _READ_ONLY)
    return resources.plan(wish, observed, owner, attempts, now)


def _shared(spec: GallerySpec, observed: JSON) -> Blocked | None:
    """A spec that asks for a private gallery is not met by a shared one. An absent profile means private."""
    if spec.sharing is None:
        return None
    found = as_dict(as_dict(observed.get("properties")).get("sharingProfile")).get("permissions") or "Private"
    if found == spec.sharing.permissions:
        return None
    return Blocked(
        Reason.SHARING_DIFFERS,
        f"sharing.permissions: the gallery in Azure is {str(found)[:40]}, not {spec.sharing.permissions}; reset its "
        "sharing in Azure, or remove sharing from the spec to leave it as it is",
    )
