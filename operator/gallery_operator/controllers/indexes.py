"""What the store indexes: definitions by their gallery, versions by their definition, and every object by its state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

JSON = dict[str, Any]

#: No namespace begins with it, so that no child is found by a state.
_STATE: Final = "="


def children_value(namespace: str, name: str) -> str:
    """Return the index value of the children of an object."""
    return f"{namespace}/{name}"


def state_of(obj: JSON) -> str:
    """Return what `kubectl get` shows as STATE: the reason of Ready; `New` before there is one."""
    conditions = (obj.get("status") or {}).get("conditions") or []
    return next((str(each["reason"])[:64] for each in conditions if each["type"] == "Ready"), "New")


def states(index_sizes: Mapping[str, int]) -> dict[str, int]:
    """Return how many objects are in each state, given how many the index holds by value."""
    return {value.removeprefix(_STATE): size for value, size in index_sizes.items() if value.startswith(_STATE)}


def _parent_and_state(reference: str | None = None) -> Callable[[JSON], Iterable[str]]:
    def values(obj: JSON) -> list[str]:
        state = f"{_STATE}{state_of(obj)}"
        name = ((obj.get("spec") or {}).get(reference) or {}).get("name") if reference else None
        return [children_value(obj["metadata"]["namespace"], name), state] if isinstance(name, str) else [state]

    return values


INDEXES: Mapping[str, Callable[[JSON], Iterable[str]]] = {
    "Gallery": _parent_and_state(),
    "ImageDefinition": _parent_and_state("galleryRef"),
    "ImageVersion": _parent_and_state("imageDefinitionRef"),
}
