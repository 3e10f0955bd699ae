"""What the store indexes: definitions by their gallery, versions by their definition and source, all by their state.

Nothing here relies on a schema: an object that the models cannot read is stored, too, and must not stop the watch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from gallery_operator.api import names
from gallery_operator.domain.resources import as_dict, as_list
from gallery_operator.engine.keys import Key
from gallery_operator.engine.store import Store

JSON = dict[str, Any]

#: No namespace begins with these, so that no child is found by a state or a source.
_STATE: Final = "="
_IMAGE: Final = ">"
_SOURCE: Final = "<"
_CREDENTIAL: Final = "@"
#: Kind -> kind of its parent, and the field that names it.
_PARENTS: Final = {
    "ImageDefinition": ("Gallery", "galleryRef"),
    "ImageVersion": ("ImageDefinition", "imageDefinitionRef"),
}


def children_value(namespace: str, name: str) -> str:
    """Return the index value of the children of an object."""
    return f"{namespace}/{name}"


def parent_of(obj: JSON) -> Key | None:
    """Return the key of the object that this one names as its parent; None when it names none, or one by its ARM id."""
    kind, reference = _PARENTS.get(obj["kind"], ("", ""))
    name = as_dict(as_dict(obj.get("spec")).get(reference)).get("name")
    return Key(kind, obj["metadata"]["namespace"], name) if isinstance(name, str) else None


def children_of(store: Store, key: Key) -> list[Key]:
    """Return the objects that name this one as their parent."""
    kinds = [kind for kind, (parent, _) in _PARENTS.items() if parent == key.kind]
    return [child for kind in kinds for child in store.by_index(kind, children_value(key.namespace, key.name))]


def image_of(obj: JSON) -> str | None:
    """Return the managed image that a version is made from, as it compares with others; None when it has none."""
    id_ = as_dict(as_dict(as_dict(obj.get("spec")).get("source")).get("managedImage")).get("id")
    return comparable(id_) if isinstance(id_, str) else None


def comparable(id_: str) -> str:
    """Return an ARM id as it compares with others."""
    return id_.rstrip("/").casefold()


def built_from(store: Store, image: str) -> list[Key]:
    """Return the versions that are made from a managed image, in whatever namespace."""
    return store.by_index("ImageVersion", f"{_IMAGE}{image}")


def source_of(obj: JSON) -> Key | None:
    """Return the key of the version that this one names as its source; None when it names none, or one by its id."""
    named = as_dict(as_dict(as_dict(obj.get("spec")).get("source")).get("galleryImageVersion")).get("ref")
    return Key("ImageVersion", obj["metadata"]["namespace"], named) if isinstance(named, str) else None


def made_from(store: Store, key: Key) -> list[Key]:
    """Return the versions that name this one as their source."""
    return store.by_index("ImageVersion", f"{_SOURCE}{key.namespace}/{key.name}") if key.kind == "ImageVersion" else []


def state_of(obj: JSON) -> str:
    """Return what `kubectl get` shows as STATE: the reason of Ready; `New` before there is one."""
    conditions = map(as_dict, as_list(as_dict(obj.get("status")).get("conditions")))
    return next((str(each.get("reason"))[:64] for each in conditions if each.get("type") == "Ready"), "New")


def in_state(store: Store, kind: str, state: str) -> list[Key]:
    """Return the objects of a kind that are in a state, as their status says."""
    return store.by_index(kind, f"{_STATE}{state}")


def states(index_sizes: Mapping[str, int]) -> dict[str, int]:
    """Return how many objects are in each state, given how many the index holds by value."""
    return {value.removeprefix(_STATE): size for value, size in index_sizes.items() if value.startswith(_STATE)}


def needs_credential(store: Store, namespace: str, secret: str) -> bool:
    """Tell whether an object needs a Secret of its namespace.

    A Secret is needed by the Galleries that name it; the namespace's own one by those that name none, by what is in
    galleries without an object here, and by what has lost its parent.
    """
    value = f"{_CREDENTIAL}{namespace}/{secret}"
    if any(store.by_index(kind, value) for kind in names.PLURALS):
        return True
    return secret == names.DEFAULT_CREDENTIAL and any(_is_orphan(store, key) for key in in_namespace(store, namespace))


def in_namespace(store: Store, namespace: str) -> list[Key]:
    """Return every object of a namespace."""
    return [key for kind in names.PLURALS for key in store.keys(kind) if key.namespace == namespace]


def _is_orphan(store: Store, key: Key) -> bool:
    obj = store.get(key) or {"kind": key.kind}
    parent = parent_of(obj)
    return parent is not None and store.version(parent) is None and not _is_let_go(obj)


def _is_let_go(obj: JSON) -> bool:
    """Tell whether an object is being deleted and Azure has nothing of it any more, or has it to keep."""
    metadata = obj["metadata"]
    return bool(metadata.get("deletionTimestamp")) and names.FINALIZER not in as_list(metadata.get("finalizers"))


def _needed_credential(obj: JSON) -> list[str]:
    if _is_let_go(obj) or parent_of(obj) is not None:
        return []
    secret = secret_named_by(obj) or names.DEFAULT_CREDENTIAL
    return [f"{_CREDENTIAL}{obj['metadata']['namespace']}/{secret}"]


def secret_named_by(obj: JSON) -> str | None:
    """Return the Secret that a Gallery names for itself and all that is in it; None for anything else."""
    named = as_dict(as_dict(obj.get("spec")).get("credentialRef")).get("name") if obj["kind"] == "Gallery" else None
    return named if isinstance(named, str) else None


def last_secret(store: Store, obj: JSON) -> str | None:
    """Return the Secret that the Gallery above an object names, as far as its parents are still here.

    Unlike `parents.account_key` it asks for nothing that the models can read: for what is being deleted.
    """
    above: JSON | None = obj
    while above is not None and (parent := parent_of(above)) is not None:
        above = store.get(parent)
    return None if above is None else secret_named_by(above)


def _parent_and_state(obj: JSON) -> list[str]:
    parent, state = parent_of(obj), f"{_STATE}{state_of(obj)}"
    above = [] if parent is None else [children_value(parent.namespace, parent.name)]
    return [*above, state, *_needed_credential(obj)]


def _version(obj: JSON) -> list[str]:
    image, source = image_of(obj), source_of(obj)
    images = [] if image is None else [f"{_IMAGE}{image}"]
    sources = [] if source is None else [f"{_SOURCE}{source.namespace}/{source.name}"]
    return [*_parent_and_state(obj), *images, *sources]


INDEXES: Mapping[str, Callable[[JSON], Iterable[str]]] = {
    **dict.fromkeys(names.PLURALS, _parent_and_state),
    "ImageVersion": _version,
}
