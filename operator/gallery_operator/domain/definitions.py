"""Image definitions: what the spec wants of Azure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from gallery_operator.api.conditions import Reason
from gallery_operator.api.image_definition import Feature, ImageDefinition, ImageDefinitionSpec, Range
from gallery_operator.domain import regions, resources
from gallery_operator.domain.difference import compact
from gallery_operator.domain.drift import Standing
from gallery_operator.domain.observed import SoftDeleted, numbers
from gallery_operator.domain.plan import JSON, Blocked, Plan, Update, Wait
from gallery_operator.domain.resources import Attempts, Wish
from gallery_operator.domain.wording import some_of

_IMMUTABLE: Final = {
    "location": "spec.location",
    **{
        f"properties.{each}": f"spec.{each}"
        for each in (
            "osType",
            "osState",
            "hyperVGeneration",
            "architecture",
            "identifier.publisher",
            "identifier.offer",
            "identifier.sku",
            "eula",
            "privacyStatementUri",
            "purchasePlan.name",
            "purchasePlan.publisher",
            "purchasePlan.product",
        )
    },
}


def body(spec: ImageDefinitionSpec, location: str, tags: dict[str, str], now: datetime) -> JSON:
    """Return the ARM body that the spec says (api-version 2026-03-03, GalleryImage)."""
    recommended = spec.recommended
    return compact(  # type: ignore[no-any-return]
        {
            "location": regions.normalise(location),
            "tags": tags,
            "properties": {
                "osType": spec.os_type,
                "osState": spec.os_state,
                "hyperVGeneration": spec.hyper_v_generation,
                "architecture": spec.architecture,
                "identifier": spec.identifier.model_dump(),
                "description": spec.description,
                "eula": spec.eula,
                "privacyStatementUri": spec.privacy_statement_uri,
                "releaseNoteUri": spec.release_note_uri,
                "endOfLifeDate": resources.future(spec.end_of_life_date, now),
                "recommended": None
                if recommended is None
                else {"vCPUs": _range(recommended.v_cpus), "memory": _range(recommended.memory_gb)},
                "disallowed": None
                if spec.disallowed_disk_types is None
                else {"diskTypes": list(spec.disallowed_disk_types)},
                "purchasePlan": spec.purchase_plan.model_dump() if spec.purchase_plan else None,
                "features": None if spec.features is None else [_feature(each) for each in spec.features],
            },
        }
    )


def _range(wanted: Range | None) -> JSON | None:
    """Return a range as a whole: an end that it leaves open is open in Azure, too; without both it is cleared."""
    return None if wanted is None else wanted.model_dump(exclude_none=True)


def _feature(feature: Feature) -> JSON:
    return {"name": feature.name, "value": feature.value, "startsAtVersion": feature.starts_at_version}


def soft_deleted_children(versions: Iterable[SoftDeleted]) -> Wait:
    """Return why a definition cannot be deleted yet: Azure still keeps deleted versions of it."""
    shown = sorted(versions, key=lambda each: numbers(each.version))
    named = [
        f"{each.version} (until {each.hard_deletion:%Y-%m-%d})" if each.hard_deletion else each.version
        for each in shown
    ]
    return Wait(
        Reason.SOFT_DELETED_CHILDREN,
        f"Azure keeps soft-deleted versions: {some_of(named)}. It goes when they are gone; to delete them for good "
        "now, use az sig image-version delete --bypass-soft-delete",
        300.0,
    )


def identifier_taken(definition: ImageDefinition, others: Iterable[ImageDefinition]) -> Blocked | Wait | None:
    """Return why a definition cannot be created: another one of its gallery has its publisher, offer and SKU.

    :param others: objects of the same gallery. The one that was there first has the identifier.
    """
    rivals = [each for each in others if _triple(each) == _triple(definition) and _age(each) < _age(definition)]
    if not rivals:
        return None
    name = min(rivals, key=_age).metadata.name
    message = f"ImageDefinition {name!r} of the same gallery has this publisher, offer and SKU"
    if all(each.deleting for each in rivals):
        return Wait(Reason.IDENTIFIER_TAKEN, f"{message}, and is being deleted", 30.0)
    return Blocked(Reason.IDENTIFIER_TAKEN, f"{message}: choose another spec.identifier, or delete one of the two")


def _triple(definition: ImageDefinition) -> tuple[str, ...]:
    """Return publisher, offer and SKU as Azure compares them."""
    wanted = definition.spec.identifier
    return wanted.publisher.casefold(), wanted.offer.casefold(), wanted.sku.casefold()


def _age(definition: ImageDefinition) -> tuple[datetime, str]:
    created = definition.metadata.creation_timestamp
    return created or datetime.max.replace(tzinfo=UTC), definition.metadata.name


def _wish(definition: ImageDefinition, location: str, observed: JSON | None, owner: str, now: datetime) -> Wish:
    tags = resources.wanted_tags(definition.spec.tags, owner, observed)
    return Wish(body(definition.spec, location, tags, now), {}, _IMMUTABLE)


def standing(definition: ImageDefinition, owner: str) -> Standing:
    """Return how an image definition stands to its drift; who has access is part of what it wants."""
    more = definition.spec.model_dump(mode="json", include={"access"})
    return Standing.of(definition, lambda now: _wish(definition, "", None, owner, now), **more)


def plan(
    definition: ImageDefinition, location: str, observed: JSON | None, owner: str, attempts: Attempts, now: datetime
) -> Plan:
    """Return the next step for an image definition, but for role assignments and the note on it (`standing`).

    :param location: its own region, or the one it has in Azure, or its gallery's.
    """
    if definition.observe_only:
        return resources.observe_only(observed)
    wish, met = _wish(definition, location, observed, owner, now), standing(definition, owner).met
    step = resources.plan(wish, observed, owner, attempts, now, met=met)
    if isinstance(step, Update) and any(each.path.startswith("properties.features") for each in step.changes):
        # Azure changes features only when this write-only flag says so (GalleryImageProperties.allowUpdateImage).
        step.body["properties"]["allowUpdateImage"] = True
    return step
