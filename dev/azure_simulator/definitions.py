"""Image definitions: rules, and what the service fills in."""

from __future__ import annotations

import re

from dev.azure_simulator import errors
from dev.azure_simulator.paths import Json
from dev.azure_simulator.rules import NEW_DEFAULTS, Draft, check_end_of_life, refuse_changes
from dev.azure_simulator.store import Resource, Store

_NAME_RULE = r"^[^_\W][\w-._]{0,79}(?<![-.])$"
_NAME = re.compile(r"[^_\W][\w\-.]{0,79}(?<![-.])", re.ASCII)
_IDENTIFIER = re.compile(r"[A-Za-z0-9._-]*[A-Za-z0-9_-]")
_IDENTIFIER_LENGTHS = {"publisher": 128, "offer": 64, "sku": 64}
_FEATURE_VALUE = re.compile(r"[A-Za-z0-9 ,]{1,100}")
_IMMUTABLE = (
    "osType",
    "osState",
    "hyperVGeneration",
    "architecture",
    "eula",
    "privacyStatementUri",
    "purchasePlan",
    *(f"identifier.{part}" for part in _IDENTIFIER_LENGTHS),
)


def build(draft: Draft, store: Store) -> Json:
    """Return the properties that this write leaves.

    Raises ArmError when a rule forbids it.
    """
    wanted = draft.properties
    may_change_features = wanted.pop("allowUpdateImage", False)
    if draft.current is None:
        _check_name(draft.path.name)
        _check_identifier(wanted["identifier"])
        _check_unique(draft, store)
        _check_location(draft, store)
    _check_features(wanted.get("features", []))
    refuse_changes(draft, _IMMUTABLE if may_change_features else (*_IMMUTABLE, "features"))
    check_end_of_life(draft, wanted.get("endOfLifeDate"), draft.old.get("endOfLifeDate"))
    for resource, bounds in wanted.get("recommended", {}).items():
        _check_bounds(resource, bounds)
    return _complete(draft)


def render(definition: Resource) -> Json:
    """Return the properties as read, without the provisioning state."""
    return dict(definition.properties)


def _complete(draft: Draft) -> Json:
    wanted = draft.properties
    kept = {name: draft.old[name] for name in (*_IMMUTABLE, "features", "endOfLifeDate") if name in draft.old}
    properties = _defaults(draft) | kept | wanted
    if not properties.get("disallowed"):
        properties.pop("disallowed", None)
    return properties


def _defaults(draft: Draft) -> Json:
    if draft.current:
        return {}
    wanted = draft.properties
    new = draft.api_version >= NEW_DEFAULTS
    defaults: Json = {"hyperVGeneration": "V2" if new else "V1", "architecture": "x64"}
    generation = wanted.get("hyperVGeneration", defaults["hyperVGeneration"])
    if wanted.get("architecture") == "Arm64" and generation == "V1":
        text = "Architecture 'Arm64' requires Hypervisor generation 'V2'."
        raise errors.invalid_parameter(text, "galleryImage.properties.architecture")  # [?] text
    features = wanted.get("features", [])
    if new and generation == "V2" and not any(feature.get("name") == "SecurityType" for feature in features):
        wanted["features"] = [*features, {"name": "SecurityType", "value": "TrustedLaunchSupported"}]
    return defaults


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        text = f"The entity name '{name[:100]}' is invalid according to its validation rule: {_NAME_RULE}"
        raise errors.invalid_parameter(text)


def _check_identifier(identifier: Json) -> None:
    for part, longest in _IDENTIFIER_LENGTHS.items():
        value = identifier[part]
        if len(value) > longest or not _IDENTIFIER.fullmatch(value):
            target = f"galleryImage.properties.identifier.{part}"
            text = f"The value '{value[:200]}' of parameter '{target}' is invalid."  # [?] text
            raise errors.invalid_parameter(text, target)


def _check_unique(draft: Draft, store: Store) -> None:
    wanted = _triple(draft.properties)
    parent = draft.path.parent
    for other in store.children(parent) if parent else ():
        if _triple(other.properties) == wanted:
            publisher, offer, sku = (draft.properties["identifier"][part] for part in _IDENTIFIER_LENGTHS)
            text = (
                f"Gallery image: {other.path.name} identified by (publisher:{publisher}, offer:{offer}, sku:{sku}) "
                "already exists. Choose a different publisher, offer, sku combination."
            )
            raise errors.invalid_parameter(text)


def _check_location(draft: Draft, store: Store) -> None:
    """Documented: a community gallery and all in it are in one region. [?] code and text"""
    gallery = store.get(draft.path.parent) if draft.path.parent else None
    permissions = (gallery.properties.get("sharingProfile") or {}).get("permissions") if gallery else None
    if gallery and permissions == "Community" and draft.location != gallery.location:
        text = f"Image definitions of a community gallery must be in its region '{gallery.location}'."
        raise errors.invalid_parameter(text, "galleryImage.location")


def _check_features(features: list[Json]) -> None:
    """Refuse what the service was seen to refuse (Azure/azure-cli#24142). [?] a feature that comes twice"""
    for feature in features:
        name, value = feature.get("name", ""), feature.get("value", "")
        if not name or not _FEATURE_VALUE.fullmatch(value):
            text = (
                f"The value '{value[:200]}' for feature '{name[:100]}' is invalid. Allowed characters are English "
                "alphanumerical characters with spaces and commas. The length of the value cannot exceed 100 "
                "characters."
            )
            raise errors.invalid_parameter(text, "galleryImage.properties.features")
    if len({feature["name"].casefold() for feature in features}) < len(features):
        raise errors.invalid_parameter("Duplicate features are not allowed.", "galleryImage.properties.features")


def _triple(properties: Json) -> tuple[str, ...]:
    return tuple(properties["identifier"][part].casefold() for part in _IDENTIFIER_LENGTHS)


def _check_bounds(resource: str, bounds: Json) -> None:
    low, high = bounds.get("min"), bounds.get("max")
    if low is not None and high is not None and low > high:
        text = f"The minimum value of {resource} must not be greater than the maximum value of {resource}."
        raise errors.invalid_parameter(text, f"galleryImage.properties.recommended.{resource}")
