"""The slim store: what it keeps, what it calls a change, and what it costs."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from gallery_operator.engine.keys import Key
from gallery_operator.engine.store import Change, Store, Version

KEY = Key("ImageVersion", "ns", "v1")


def version(
    name: str = "v1", *, uid: str = "u1", rv: str = "10", parent: str = "def", **metadata: Any
) -> dict[str, Any]:
    return {
        "apiVersion": "gallery-operator.io/v1alpha1",
        "kind": "ImageVersion",
        "metadata": {
            "name": name,
            "namespace": "ns",
            "uid": uid,
            "resourceVersion": rv,
            "generation": 1,
            **metadata,
        },
        "spec": {"imageDefinitionRef": {"name": parent}},
    }


def by_parent(obj: dict[str, Any]) -> list[str]:
    return [f"{obj['metadata']['namespace']}/{obj['spec']['imageDefinitionRef']['name']}"]


def test_an_object_comes_back_as_it_was_put_in() -> None:
    store = Store()
    obj = version(labels={"a": "b"})
    assert store.put(obj) is Change.NEW
    assert store.get(KEY) == obj


def test_what_is_got_is_a_copy() -> None:
    store = Store()
    store.put(version())
    got = store.get(KEY)
    assert got is not None
    got["spec"].clear()
    assert store.get(KEY) == version()


def test_managed_fields_and_the_last_applied_configuration_are_dropped_and_the_callers_object_is_left_alone() -> None:
    store = Store()
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "mine": "x"}
    obj = version(managedFields=[{"manager": "kubectl"}], annotations=annotations)
    store.put(obj)
    assert store.get(KEY) == version(annotations={"mine": "x"})
    assert obj["metadata"]["annotations"] == annotations
    assert "managedFields" in obj["metadata"]


@pytest.mark.parametrize(
    "change",
    [
        {"generation": 2},
        {"finalizers": ["gallery-operator.io/azure-cleanup"]},
        {"deletionTimestamp": "2026-01-01T00:00:00Z"},
        {"annotations": {"gallery-operator.io/paused": "true"}},
    ],
)
def test_what_a_reconcile_decides_by_is_a_change_of_spec(change: dict[str, Any]) -> None:
    store = Store()
    store.put(version())
    assert store.put(version(rv="11", **change)) is Change.SPEC
    assert store.put(version(rv="12")) is Change.SPEC


@pytest.mark.parametrize("change", [{"labels": {"a": "b"}}, {"annotations": {"argocd.argoproj.io/x": "y"}}, {}])
def test_anything_else_is_a_change_of_status_only(change: dict[str, Any]) -> None:
    store = Store()
    store.put(version())
    obj = {**version(rv="11", **change), "status": {"latest": True}}
    assert store.put(obj) is Change.STATUS_ONLY
    assert store.get(KEY) == obj


def test_an_annotation_whose_name_merely_begins_like_ours_is_not_ours() -> None:
    store = Store()
    store.put(version())
    assert store.put(version(rv="11", annotations={"gallery-operator.io.evil/x": "y"})) is Change.STATUS_ONLY


def test_the_same_revision_again_is_no_change() -> None:
    store = Store()
    store.put(version())
    assert store.put(version()) is Change.SAME


def test_an_event_older_than_our_own_write_is_ignored() -> None:
    store = Store()
    written = version(rv="100", generation=2)
    store.put(version(rv="9"))
    store.put(written)
    assert store.put(version(rv="11")) is Change.STALE
    assert store.get(KEY) == written


def test_revisions_that_are_no_numbers_are_compared_only_for_equality() -> None:
    store = Store()
    store.put(version(rv="b"))
    assert store.put(version(rv="b")) is Change.SAME
    assert store.put(version(rv="a", generation=2)) is Change.SPEC


def test_an_object_deleted_and_created_again_is_new() -> None:
    store = Store()
    store.put(version())
    assert store.put(version(uid="u2", rv="20")) is Change.NEW


def test_a_late_event_of_the_former_incarnation_is_stale() -> None:
    store = Store()
    store.put(version(uid="u2", rv="20"))
    assert store.put(version(uid="u1", rv="19")) is Change.STALE
    assert not store.remove(KEY, uid="u1")
    assert store.get(KEY) == version(uid="u2", rv="20")


def test_an_answer_that_comes_after_the_deletion_does_not_bring_the_object_back() -> None:
    store = Store()
    store.put(version())
    assert store.remove(KEY, uid="u1")
    assert store.put(version(rv="11")) is Change.STALE
    assert store.get(KEY) is None
    assert store.put(version(uid="u2", rv="30")) is Change.NEW


def test_an_object_that_only_a_list_missed_may_come_back() -> None:
    store = Store()
    store.put(version())
    assert store.remove(KEY)
    assert not store.remove(KEY)
    assert store.put(version()) is Change.NEW


def test_deletions_are_remembered_in_bounded_memory() -> None:
    store = Store()
    for number in range(5000):
        store.remove(KEY, uid=str(number))
    assert len(store._deleted) == 4096
    assert store.put(version(uid="4999")) is Change.STALE
    assert store.put(version(uid="0")) is Change.NEW


def test_children_are_found_by_their_parent() -> None:
    store = Store({"ImageVersion": by_parent})
    store.put(version("v1"))
    store.put(version("v2"))
    store.put(version("v3", parent="other"))
    assert [key.name for key in store.by_index("ImageVersion", "ns/def")] == ["v1", "v2"]
    assert store.index_sizes("ImageVersion") == {"ns/def": 2, "ns/other": 1}
    assert store.by_index("ImageVersion", "ns/nobody") == []
    assert store.by_index("Gallery", "ns/def") == []


def test_the_index_follows_changes_and_removals() -> None:
    store = Store({"ImageVersion": by_parent})
    store.put(version("v1"))
    store.put(version("v2"))
    store.put(version("v1", rv="11", parent="other"))
    assert [key.name for key in store.by_index("ImageVersion", "ns/def")] == ["v2"]
    store.remove(Key("ImageVersion", "ns", "v2"))
    assert store.index_sizes("ImageVersion") == {"ns/other": 1}


def test_an_index_may_give_no_value_or_the_same_twice() -> None:
    store = Store({"ImageVersion": lambda obj: obj["spec"].get("values", [])})
    store.put(version("none"))
    twice = version("twice")
    twice["spec"]["values"] = ["x", "x"]
    store.put(twice)
    assert store.index_sizes("ImageVersion") == {"x": 1}
    assert store.remove(Key("ImageVersion", "ns", "twice"))
    assert store.index_sizes("ImageVersion") == {}


def test_what_is_made_of_an_object_is_made_once_per_version_of_it() -> None:
    store, seen = Store(), []

    def generation(obj: dict[str, Any]) -> int:
        seen.append(obj["metadata"]["resourceVersion"])
        return int(obj["metadata"]["generation"])

    assert store.make(KEY, generation) is None
    store.put(version(rv="10"))
    assert [store.make(KEY, generation) for _ in range(3)] == [1, 1, 1]
    store.put(version(rv="11", generation=2))
    assert [store.make(KEY, generation) for _ in range(3)] == [2, 2, 2]
    assert seen == ["10", "11"]
    store.remove(KEY, "u1")
    assert store.make(KEY, generation) is None


def test_what_cannot_be_made_is_tried_again() -> None:
    store = Store()
    store.put(version())

    def fail(obj: dict[str, Any]) -> int:
        raise ValueError(obj["kind"])

    for _ in range(2):
        with pytest.raises(ValueError, match="ImageVersion"):
            store.make(KEY, fail)


def test_a_revision_tells_of_children_that_come_change_move_and_go_but_not_of_their_statuses() -> None:
    store = Store({"ImageVersion": by_parent})
    revisions = [store.revision("ImageVersion", "ns/def")]

    def put(**fields: Any) -> int:
        store.put(version(**fields))
        return store.revision("ImageVersion", "ns/def")

    revisions += [put(rv="10"), put(rv="11", generation=2), put(rv="12", generation=3, parent="other")]
    revisions += [put(rv="13", generation=4)]
    store.remove(KEY, "u1")
    revisions += [store.revision("ImageVersion", "ns/def")]
    assert len(set(revisions)) == 6
    assert revisions == sorted(revisions)
    store.put(version(uid="u2", rv="20"))
    before = store.revision("ImageVersion", "ns/def")
    assert put(uid="u2", rv="21", labels={"a": "b"}) == before


def test_keys_count_and_versions_are_per_kind() -> None:
    store = Store()
    store.put(version("v1"))
    assert store.keys("ImageVersion") == [KEY]
    assert store.count("ImageVersion") == 1
    assert store.versions("ImageVersion") == {KEY: Version("u1", "10")}
    assert (store.keys("Gallery"), store.count("Gallery"), store.versions("Gallery")) == ([], 0, {})


def test_ten_thousand_objects_of_two_kilobytes_need_less_than_sixty_megabytes() -> None:
    store = Store({"ImageVersion": by_parent})
    tracemalloc.start()
    try:
        for number in range(10_000):
            obj = version(f"v{number}", uid=f"uid-{number}", rv=str(number), parent=f"def-{number % 100}")
            obj["status"] = {"text": f"{number:_>1750}"}
            obj["metadata"]["managedFields"] = [{"fieldsV1": {"f:spec": "x" * 2000}}]
            store.put(obj)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert store.count("ImageVersion") == 10_000
    assert 15e6 < used < 60e6
