"""Galleries: rules, and what the service fills in."""

from __future__ import annotations

import re

from dev.azure_simulator import errors
from dev.azure_simulator.paths import Json
from dev.azure_simulator.rules import Draft
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
    return draft.properties


def render(gallery: Resource) -> Json:
    """Return the properties as read, without the provisioning state."""
    unique_name = f"{gallery.path.subscription}-{gallery.path.name.upper()}"
    return {**gallery.properties, "identifier": {"uniqueName": unique_name}}


def _has_name(gallery: Resource, draft: Draft) -> bool:
    return gallery.path.name.casefold() == draft.path.name.casefold()
