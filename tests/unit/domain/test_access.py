"""Role assignments: what is granted, what is taken away, and what belongs to others."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery_operator.api.arm_ids import GalleryId
from gallery_operator.api.sharing import AccessEntry
from gallery_operator.domain import access
from gallery_operator.domain.access import Assignment, Scope, Wanted
from gallery_operator.domain.plan import Change, Grant, Revoke
from tests.unit.domain.strategies import JUNK

JSON = dict[str, Any]

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
GALLERY = GalleryId(SUBSCRIPTION, "rg", "shared")
SCOPE = Scope(GALLERY, "cluster/images/shared")
READER, CONTRIBUTOR = "acdd72a7-3385-48ef-bd42-f606fba81ae7", "b24988ac-6180-42a0-ab88-20f7382dd24c"
ANN, BOB = "a0000000-0000-4000-8000-000000000001", "b0000000-0000-4000-8000-000000000002"
FOREIGN = "f0000000-0000-4000-8000-00000000000f"


def wanted(principal: str = ANN, role: str = READER, **more: Any) -> Wanted:
    entry = AccessEntry(principal_id=principal, role="Reader" if role == READER else role, **more)
    return Wanted(entry, access.role_definition_id(SUBSCRIPTION, role))


def ours(principal: str = ANN, role: str = READER, scope: Scope = SCOPE) -> Assignment:
    return Assignment(scope.name_of(principal, role), principal, role)


def foreign(principal: str = ANN, role: str = READER) -> Assignment:
    return Assignment(FOREIGN, principal, role)


def step(entries: list[Wanted], *known: Assignment, tried: dict[str, int] | None = None) -> Grant | Revoke | None:
    return access.next_step(entries, frozenset(known), SCOPE, tried or {})


def test_what_is_missing_is_granted_under_a_name_that_follows_from_it() -> None:
    assert step([wanted(principal_type="Group")]) == Grant(
        name=SCOPE.name_of(ANN, READER),
        role_definition_id=f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{READER}",
        principal_id=ANN,
        principal_type="Group",
        why=f"giving role Reader to principal {ANN}",
    )


def test_what_is_granted_stays_so_in_whatever_case() -> None:
    assert step([wanted(ANN.upper(), READER.upper())], ours()) is None


def test_an_assignment_of_someone_else_serves_as_well() -> None:
    assert step([wanted()], foreign()) is None


def test_what_the_spec_drops_is_taken_away_before_anything_is_granted() -> None:
    taken = step([wanted(BOB)], ours())
    assert isinstance(taken, Revoke)
    assert taken.name == ours().name
    assert step([wanted(BOB)]) is not None


@pytest.mark.parametrize(
    "assignment",
    [
        foreign(),
        ours(scope=Scope(GALLERY, "other-cluster/images/shared")),
        ours(scope=Scope(GalleryId(SUBSCRIPTION, "rg", "another"), SCOPE.owner)),
    ],
)
def test_assignments_of_others_are_never_touched(assignment: Assignment) -> None:
    assert step([], assignment) is None
    assert access.changes([], frozenset({assignment}), SCOPE) == ()


def test_two_entries_that_mean_the_same_role_are_one() -> None:
    by_id = Wanted(AccessEntry(principal_id=ANN, role=READER), f"/x/roleDefinitions/{READER.upper()}")
    granted = step([wanted(), by_id])
    assert isinstance(granted, Grant)
    assert step([wanted(), by_id], *access.after(frozenset(), granted)) is None


def test_an_entry_that_azure_refuses_holds_up_no_other() -> None:
    first = step([wanted(ANN), wanted(BOB)])
    assert isinstance(first, Grant)
    second = step([wanted(ANN), wanted(BOB)], tried={first.name: 1})
    assert isinstance(second, Grant)
    assert {first.principal_id, second.principal_id} == {ANN, BOB}
    assert (first.others, second.others) == (True, False)


def test_who_has_a_role_that_nobody_can_tell_keeps_what_it_has_and_others_lose_theirs() -> None:
    known = frozenset({ours(ANN), ours(BOB)})
    taken = access.next_step([], known, SCOPE, {}, {ANN})
    assert isinstance(taken, Revoke)
    assert taken.name == ours(BOB).name
    assert access.next_step([], access.after(known, taken), SCOPE, {}, {ANN}) is None


def test_names_do_not_depend_on_case() -> None:
    shouting = Scope(GalleryId(SUBSCRIPTION, "RG", "SHARED"), SCOPE.owner.upper())
    assert shouting.name_of(ANN.upper(), READER.upper()) == SCOPE.name_of(ANN, READER)


def listed(assignment: Assignment, scope: str, subscription: str = SUBSCRIPTION) -> JSON:
    properties = {
        "principalId": assignment.principal.upper(),
        "roleDefinitionId": access.role_definition_id(subscription, assignment.role.upper()),
        "scope": scope,
    }
    return {"name": assignment.name.upper(), "properties": properties}


def test_of_a_list_only_what_was_assigned_at_the_resource_itself_counts() -> None:
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
    here = str(GALLERY)
    answer = [listed(foreign(), group), listed(ours(), here.upper()), listed(ours(BOB), f"{here}/images/web")]
    assert access.read(answer, GALLERY) == {ours()}


def test_differences_are_named() -> None:
    assert access.changes([wanted(BOB)], frozenset({ours()}), SCOPE) == (
        Change(f"access[{ANN}, {READER}]", "present", None, "access"),
        Change(f"access[{BOB}, {READER}]", None, "added", "access"),
    )


PAIRS = st.lists(st.tuples(st.sampled_from([ANN, BOB]), st.sampled_from([READER, CONTRIBUTOR])), unique=True)


@settings(max_examples=200, deadline=None)
@given(PAIRS, PAIRS, PAIRS)
def test_step_by_step_all_is_as_wanted_and_no_more(
    want: list[tuple[str, str]], had: list[tuple[str, str]], others: list[tuple[str, str]]
) -> None:
    entries = [wanted(*pair) for pair in want]
    theirs = {Assignment(f"{FOREIGN}{number}", *pair) for number, pair in enumerate(others)}
    known = frozenset(ours(*pair) for pair in had) | theirs
    for _ in range(len(want) + len(had)):
        if (action := access.next_step(entries, known, SCOPE, {})) is None:
            break
        known = access.after(known, action)
    assert access.next_step(entries, known, SCOPE, {}) is None
    assert access.changes(entries, known, SCOPE) == ()
    assert {(each.principal, each.role) for each in known} == {*want, *others}
    assert theirs <= known


@settings(max_examples=100, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["name", "properties"]), JUNK, max_size=2), max_size=3))
def test_whatever_azure_lists_is_read(answer: list[JSON]) -> None:
    assert step([wanted()], *access.read(answer, GALLERY)) is not None
