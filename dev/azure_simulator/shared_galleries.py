"""Galleries that are shared directly (Groups), as the subscriptions and tenants see them that they are shared with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dev.azure_simulator import galleries
from dev.azure_simulator.communities import Shown
from dev.azure_simulator.paths import Json
from dev.azure_simulator.store import Resource, Store

LOCATION_PATH = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/providers/Microsoft\.Compute/locations/(?P<location>[^/]+)"
    r"(?P<id>/sharedGalleries(?:/[^/]+(?:/images(?:/[^/]+(?:/versions(?:/[^/]+)?)?)?)?)?)/?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Viewer:
    """Who looks, and in which region (ARM name). `sharedTo=tenant` lists what is shared with the tenant instead."""

    subscription: str
    tenant: str
    location: str
    to_tenant: bool = False


def read(path: str, viewer: Viewer, store: Store, now: float) -> Json | None:
    """Return what GET answers on a gallery, image or version, or on a list of them; None: not found.

    [?] a gallery or image of which no version is in that region does not exist there, and what is not shared answers
    as if it did not exist.
    """
    wanted = path.casefold().rstrip("/")
    shown = list(_shown(viewer, store, now, listed=wanted.endswith("/sharedgalleries")))
    bodies = {each.id: _plain(each.body()) for each in shown}
    bodies |= {each.image_id: _plain(each.image_body()) for each in shown}
    bodies |= {each.gallery_id: _gallery(each) for each in shown}
    for key, body in bodies.items():
        if key.casefold() == wanted:
            return body
    below = [body for key, body in bodies.items() if key.casefold().rpartition("/")[0] == wanted]
    return {"value": below} if below or wanted == "/sharedgalleries" else None


def _shown(viewer: Viewer, store: Store, now: float, *, listed: bool) -> Iterator[Shown]:
    """Yield the versions in a region that the viewer may see; `listed`: by the way of sharing that was asked for."""
    for gallery in store.all("gallery"):
        if _is_shared(gallery, viewer, now, listed=listed):
            for image in store.children(gallery.path):
                yield from _versions(gallery, image, viewer.location, store, now)


def _versions(gallery: Resource, image: Resource, location: str, store: Store, now: float) -> Iterator[Shown]:
    image_id = f"/SharedGalleries/{galleries.unique_name(gallery)}/Images/{image.path.name}"
    for version in store.children(image.path):
        copy = version.copies.get(location)
        if copy and copy.completed(now) and version.facts:
            publishing, identifier = version.properties["publishingProfile"], image.properties["identifier"]
            yield Shown(f"{image_id}/Versions/{version.path.name}", location, version.facts, publishing, identifier, {})


def _is_shared(gallery: Resource, viewer: Viewer, now: float, *, listed: bool) -> bool:
    """[?] nothing is seen in a region in which the latest sharing update has not succeeded."""
    update = gallery.sharing.get(viewer.location)
    if update and not update.completed(now):
        return False
    groups = (gallery.properties.get("sharingProfile") or {}).get("groups", [])
    members = {group["type"]: {item.casefold() for item in group["ids"]} for group in groups}
    with_subscription = viewer.subscription.casefold() in members.get("Subscriptions", ())
    with_tenant = viewer.tenant.casefold() in members.get("AADTenants", ())
    if listed:
        return with_tenant if viewer.to_tenant else with_subscription
    return with_subscription or with_tenant


def _gallery(shown: Shown) -> Json:
    name = shown.gallery_id.rpartition("/")[2]
    return {"name": name, "location": shown.location, "identifier": {"uniqueId": shown.gallery_id}, "properties": {}}


def _plain(body: Json) -> Json:
    return {name: value for name, value in body.items() if name != "type"}
