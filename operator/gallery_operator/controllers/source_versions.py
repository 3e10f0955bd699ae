"""Image versions that are made from other image versions here, named by `source.galleryImageVersion.ref`."""

from __future__ import annotations

from typing import Any, Final

from pydantic import ValidationError

from gallery_operator.api.arm_ids import DefinitionId, VersionId, parse_arm_id
from gallery_operator.api.conditions import Reason
from gallery_operator.api.image_definition import ImageDefinition
from gallery_operator.api.image_version import ImageVersion
from gallery_operator.controllers.accounts import Account, AccountKey
from gallery_operator.controllers.cannot_place import CannotPlace
from gallery_operator.controllers.indexes import parent_of, source_of
from gallery_operator.controllers.parents import account_key, parent, place_definition
from gallery_operator.controllers.services import Services
from gallery_operator.domain.observed import source_id
from gallery_operator.domain.plan import Blocked, Wait
from gallery_operator.domain.resources import as_dict
from gallery_operator.domain.sources import LOOK
from gallery_operator.engine.keys import Key
from gallery_operator.engine.store import Store

JSON = dict[str, Any]

#: A chain of versions, each made from the next, is followed that far.
_LONGEST_CHAIN: Final = 100


async def located(services: Services, key: Key) -> tuple[Account, VersionId] | None:
    """Return by whose credential and where in Azure the version of an object is; None: nothing can be said.

    Only what this needs is read, since many objects may be asked for. Raises CannotPlace, also where the object's
    namespace may not go: what is not reconciled there must not be reached by naming the object, either.
    """
    raw = services.store.get(key)
    if raw is None:
        return None
    where = await _located(services, key, raw)
    if where is not None:
        services.accounts.admit(key.namespace, str(where[1]), raw.get("spec"))
    return where


async def _located(services: Services, key: Key, raw: JSON) -> tuple[Account, VersionId] | None:
    spec = as_dict(raw.get("spec"))
    above, number = parent_of(raw), str(spec.get("version"))
    if above is not None:
        definition = parent(services, above, ImageDefinition, deleting=True)
        account = await services.accounts.open(account_key(services, definition))
        return account, place_definition(services, definition, account).id.version(number)
    try:
        named = parse_arm_id(str(as_dict(spec.get("imageDefinitionRef")).get("id")))
    except ValueError:
        return None
    if not isinstance(named, DefinitionId):
        return None
    return await services.accounts.open(AccountKey(key.namespace)), named.version(number)


async def resolve(services: Services, version: ImageVersion, observed: JSON | None) -> str | None:
    """Return the ARM id that a version's `ref` stands for; None when it has none, or it cannot be told yet.

    What exists in Azure was made from what Azure says, whatever became of the object since.
    """
    source = version.spec.source.gallery_image_version
    if source is None or source.ref is None:
        return None
    if (made_from := source_id(observed or {})) is not None:
        return made_from
    try:
        _, found = await find(services, version, source.ref)
    except CannotPlace:
        return None
    return str(found)


async def find(services: Services, version: ImageVersion, name: str) -> tuple[Account, VersionId]:
    """Return where the version is that another one is to be made from. Raises CannotPlace, saying what is amiss."""
    namespace = version.metadata.namespace
    key = Key("ImageVersion", namespace, name)
    if name == version.metadata.name:
        raise CannotPlace(Blocked(Reason.INVALID_SPEC, "source.galleryImageVersion.ref names the version itself"))
    raw = services.store.get(key)
    if raw is None:
        raise _not_ready(name, f"does not exist in namespace {namespace!r} yet")
    try:
        source = ImageVersion.model_validate(raw)
    except ValidationError:
        raise _not_ready(name, "cannot be read; see its status") from None
    if source.deleting:
        raise _not_ready(name, "is being deleted")
    if source.retired is not None:
        message = f"the source, ImageVersion {name!r}, was retired: name another version"
        raise CannotPlace(Blocked(Reason.SOURCE_NOT_READY, message))
    try:
        where = await located(services, key)
    except CannotPlace as refusal:
        raise _not_ready(name, f"has no place in Azure yet: {refusal.step.message}") from None
    if where is None:
        raise _not_ready(name, "cannot be read; see its status")
    return where


def _not_ready(name: str, what: str) -> CannotPlace:
    return CannotPlace(Wait(Reason.SOURCE_NOT_READY, f"the source, ImageVersion {name!r}, {what}", LOOK))


def circle(store: Store, start: Key) -> Blocked | None:
    """Return that a version is, over others, to be made from itself: then none of them can be the first."""
    chain, key = [start], source_of(store.get(start) or {})
    while key is not None and len(chain) < _LONGEST_CHAIN:
        chain.append(key)
        if key == start:
            shown = " from ".join(each.name for each in chain[:10])
            return Blocked(Reason.INVALID_SPEC, f"source.galleryImageVersion.ref goes round in a circle: {shown}")
        key = source_of(store.get(key) or {})
    return None
