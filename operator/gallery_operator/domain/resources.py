"""What Gallery, ImageDefinition and ImageVersion have in common: ownership, and the plan that makes Azure match."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from gallery_operator.api import names
from gallery_operator.api.conditions import Reason
from gallery_operator.domain.difference import difference, instant, merge, without
from gallery_operator.domain.plan import JSON, Blocked, Change, Create, Delete, Plan, Update, UpToDate, Wait
from gallery_operator.domain.wording import some_of

#: While Azure is at one of these it is left alone (azure-gallery-api.md §6.2, §6.19).
BUSY: Final = frozenset({"Creating", "Updating", "Deleting", "Migrating"})

#: A failed resource is PUT again that often before someone must look.
ATTEMPTS: Final = 5

#: The drift of a resource that someone deleted.
DELETED: Final = (Change("the resource", "deleted", "present"),)

#: Fields of every kind that Azure alone writes.
READ_ONLY: Final = frozenset({"id", "name", "type", "systemData", "etag", "properties.provisioningState"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What Azure is to have: the body the spec says, and what a new resource gets where the spec says nothing."""

    body: JSON
    defaults: JSON = field(default_factory=dict)
    immutable: Mapping[str, str] = field(default_factory=dict)
    """Paths that Azure does not let change, with the fields of the spec that say them."""
    read_only: frozenset[str] = READ_ONLY


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often a failed resource was tried again since it last succeeded, and whether the next try is due."""

    made: int = 0
    seconds_to_next: float = 0.0


def provisioning_state(observed: JSON) -> str:
    """Return Azure's provisioningState; `Unknown` when there is none."""
    properties = observed.get("properties")
    state = properties.get("provisioningState") if isinstance(properties, dict) else None
    return state[:64] if isinstance(state, str) else "Unknown"


def tags_of(observed: JSON) -> dict[str, str]:
    """Return the tags; Azure omits them when there are none."""
    tags = observed.get("tags")
    return {str(key): str(value) for key, value in tags.items()} if isinstance(tags, dict) else {}


def _own_tag(observed: JSON, name: str) -> str | None:
    # Tag names compare without case in ARM.
    return next((value for key, value in tags_of(observed).items() if key.casefold() == name), None)


def owner_of(observed: JSON) -> str | None:
    """Return the owner that the resource's tag names."""
    return _own_tag(observed, names.OWNER_TAG)


def is_adopted(observed: JSON) -> bool:
    """Tell whether the resource existed before its object did."""
    return _own_tag(observed, names.ADOPTED_TAG) == "true"


def wanted_tags(spec_tags: dict[str, str] | None, owner: str, observed: JSON | None) -> dict[str, str]:
    """Return the tags that are ours: those of the spec, the owner, and the mark of an adopted resource.

    Tag names compare without case in ARM: one that exists already keeps its spelling.
    """
    adopted = {names.ADOPTED_TAG: "true"} if observed is not None and owner_of(observed) is None else {}
    wanted = {**(spec_tags or {}), names.OWNER_TAG: owner, **adopted}
    spelled = {name.casefold(): name for name in tags_of(observed or {})}
    return {spelled.get(name.casefold(), name): value for name, value in wanted.items()}


def ownership_conflict(observed: JSON, owner: str) -> Blocked | None:
    """Return why the resource must not be touched: its tag names someone else."""
    found = owner_of(observed)
    if found is None or found == owner:
        return None
    return Blocked(
        Reason.OWNERSHIP_CONFLICT,
        f"the Azure resource belongs to {found[:300]!r} (tag {names.OWNER_TAG}), not to {owner!r}: "
        "name another resource, or remove that tag in Azure if nobody uses it any more",
    )


def existed_before(observed: JSON) -> bool:
    """Tell whether the resource was there before its object: what the spec leaves open stays as others made it."""
    return owner_of(observed) is None or is_adopted(observed)


def is_retained(observed: JSON, owner: str, retain: bool | None) -> bool:
    """Tell whether the resource stays in Azure when its object goes: by policy, or because it is not ours to delete.

    What does not name its owner was never taken over (another reason stopped that), or was taken away from us.
    """
    if owner_of(observed) != owner:
        return True
    return is_adopted(observed) if retain is None else retain


def why_retained(observed: JSON, owner: str) -> str:
    """Return one line that says why a resource stays in Azure."""
    found = owner_of(observed)
    if found is None:
        return f"the Azure resource stays: it has no tag {names.OWNER_TAG}, so it is not this object's to delete"
    if found != owner:
        return f"the Azure resource stays: it belongs to {found[:300]!r} (tag {names.OWNER_TAG})"
    return "the Azure resource stays: it existed before this object, and deletionPolicy does not say Delete"


def busy(observed: JSON) -> Wait | None:
    """Return the wait for an operation that runs in Azure."""
    state = provisioning_state(observed)
    if state not in BUSY:
        return None
    reason = {"Creating": Reason.CREATING, "Updating": Reason.UPDATING, "Deleting": Reason.DELETING}
    return Wait(reason.get(state, Reason.BUSY), f"Azure is {state.lower()} it")


def plan(
    wish: Wish, observed: JSON | None, owner: str, attempts: Attempts, now: datetime, *, met: bool = False
) -> Plan:
    """Return the step that brings Azure nearer to the wish: the same for every kind.

    `met`: Azure was as wished before, and what others changed since is only reported (driftPolicy Report).
    """
    if observed is None:
        return UpToDate(drift=DELETED) if met else Create(merge(without(wish.defaults, frozenset()), wish.body))
    if (conflict := ownership_conflict(observed, owner)) is not None:
        return conflict
    if (running := busy(observed)) is not None:
        return running
    changes = difference(wish.body, observed)
    if fixed := [each for each in changes if _is_immutable(each, wish.immutable)]:
        return Blocked(
            Reason.IMMUTABLE_FIELD_DIFFERS,
            f"Azure does not let these fields change: {'; '.join(_named(each, wish) for each in fixed[:5])}. "
            "Change the spec to what exists, or create another resource",
        )
    # A field Azure cannot report (an immutable one it left out) is no reason to write.
    changes = tuple(each for each in changes if not _concerns(each, wish.immutable))
    if changes and not met:
        return Update(update_body(wish, observed, now), changes)
    if provisioning_state(observed) == "Failed":
        return retry(as_found(wish) if met else wish, observed, attempts, now)
    return UpToDate(drift=changes)


def as_found(wish: Wish) -> Wish:
    """Return the wish that a resource stays as Azure has it."""
    return Wish({}, read_only=wish.read_only)


def _named(change: Change, wish: Wish) -> str:
    """Return an immutable change with the field of the spec that it comes from."""
    return f"{next(name for path, name in wish.immutable.items() if _is_at(change, path))} ({change})"


def _is_immutable(change: Change, immutable: Iterable[str]) -> bool:
    return _concerns(change, immutable) and change.found not in (None, "", {}, [])


def _concerns(change: Change, paths: Iterable[str]) -> bool:
    return any(_is_at(change, path) for path in paths)


def _is_at(change: Change, path: str) -> bool:
    return change.rule == path or change.rule.startswith(f"{path}.")


def update_body(wish: Wish, observed: JSON, now: datetime) -> JSON:
    """Return the whole body of a PUT that changes only what the wish names: PUT drops what it does not hold.

    An end-of-life date that has passed stays out: Azure keeps it, and may refuse it (azure-gallery-api.md §6.5).
    """
    found = without(observed, wish.read_only | past_dates(observed, now))
    body: JSON = merge(found, wish.body)
    return body


def past_dates(observed: JSON, now: datetime) -> frozenset[str]:
    """Return the paths of end-of-life dates that have passed."""
    properties = as_dict(observed.get("properties"))
    dates = {
        "properties.endOfLifeDate": instant(properties.get("endOfLifeDate")),
        "properties.publishingProfile.endOfLifeDate": instant(
            as_dict(properties.get("publishingProfile")).get("endOfLifeDate")
        ),
    }
    return frozenset(path for path, date in dates.items() if isinstance(date, datetime) and date <= now)


def future(date: datetime | None, now: datetime) -> str | None:
    """Return a date as Azure writes it if it is to come: Azure takes only future end-of-life dates."""
    return date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if date is not None and date > now else None


def retry(wish: Wish, observed: JSON, attempts: Attempts, now: datetime) -> Plan:
    """Return the next step for a resource that Azure reports as Failed."""
    if attempts.made >= ATTEMPTS:
        return Blocked(
            Reason.PROVISIONING_FAILED,
            f"Azure reports Failed after {attempts.made} attempts; change the spec, or ask for another round with the "
            f"annotation {names.RECONCILE_REQUESTED_AT}",
        )
    if attempts.seconds_to_next > 0:
        return Wait(Reason.REPAIRING, "Azure reports Failed; the next attempt is due", attempts.seconds_to_next)
    return Update(update_body(wish, observed, now), why=f"attempt {attempts.made + 1} after Azure reported Failed")


def observe_only(observed: JSON | None) -> Plan:
    """Return the plan for an object that only looks."""
    if observed is None:
        return Wait(Reason.NOT_FOUND, "Azure has no such resource; managementPolicy Observe does not create it", 300.0)
    return busy(observed) or UpToDate()


def deletion(observed: JSON | None, owner: str, retain: bool | None) -> Delete | Wait | None:
    """Return the step towards the end of the Azure resource; None: nothing of ours is left there."""
    if observed is None or is_retained(observed, owner, retain):
        return None
    running = busy(observed)
    if running is not None:
        return running
    return Delete("the object was deleted")


def holds(children: list[str], what: str) -> Wait | None:
    """Return why a resource cannot be deleted yet: Azure still has something in it, which no object here stands for."""
    if not children:
        return None
    return Wait(
        Reason.CHILDREN_EXIST,
        f"in Azure it still holds {what} that no object here stands for: {some_of(children)}. "
        "Until they are gone nobody loses access to it; spec.deletionPolicy Retain leaves it in Azure",
        60.0,
    )


def as_dict(value: object) -> JSON:
    """Return an object of Azure's answer as a dict, whatever it is."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return a list of Azure's answer as a list, whatever it is."""
    return value if isinstance(value, list) else []
