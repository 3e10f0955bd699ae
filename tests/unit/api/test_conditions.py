"""Conditions follow metav1.Condition: a transition time moves only when a status flips."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gallery_operator.api.conditions import ABNORMAL_TRUE, MESSAGE_LIMIT, Claim, Condition, Reason, claim, merge

NOW = datetime(2026, 11, 23, 10, 0, 0, 123456, tzinfo=UTC)
WHOLE = NOW.replace(microsecond=0)
LATER = NOW + timedelta(hours=1)

TYPES = ("Ready", "Published", "Replicated", "EndOfLife", *sorted(ABNORMAL_TRUE))
claims = st.builds(
    Claim,
    type=st.sampled_from(TYPES),
    status=st.sampled_from(["True", "False", "Unknown"]),
    reason=st.sampled_from(list(Reason)),
    message=st.text(max_size=20),
)
lists = st.lists(claims, unique_by=lambda each: each.type, max_size=len(TYPES))


def by_type(conditions: list[Condition]) -> dict[str, Condition]:
    return {each.type: each for each in conditions}


@given(lists)
def test_merging_the_same_claims_again_changes_nothing(now: list[Claim]) -> None:
    first = merge([], now, generation=3, now=NOW)
    assert merge(first, now, generation=3, now=LATER) == first


@given(lists, lists)
def test_a_transition_time_moves_exactly_when_the_status_flips(before: list[Claim], after: list[Claim]) -> None:
    old = by_type(merge([], before, generation=1, now=NOW))
    new = by_type(merge(old.values(), after, generation=2, now=LATER))
    for type_, condition in new.items():
        kept = type_ in old and old[type_].status == condition.status
        assert condition.last_transition_time == (WHOLE if kept else LATER.replace(microsecond=0))


@given(lists, lists)
def test_conditions_are_those_claimed_and_abnormal_ones_only_while_true(
    before: list[Claim], after: list[Claim]
) -> None:
    result = merge(merge([], before, generation=1, now=NOW), after, generation=2, now=LATER)
    wanted = [each for each in after if each.status == "True" or each.type not in ABNORMAL_TRUE]
    assert [(each.type, each.status, each.reason, each.message) for each in result] == [
        (each.type, each.status, each.reason, each.message) for each in wanted
    ]
    assert all(each.observed_generation == 2 for each in result)


def test_a_new_reason_or_message_is_no_transition() -> None:
    first = merge([], [claim("Ready", False, Reason.CREATING, "creating it")], generation=1, now=NOW)
    second = merge(first, [claim("Ready", False, Reason.REPLICATING, "1/3 regions")], generation=1, now=LATER)
    assert (second[0].reason, second[0].message) == ("Replicating", "1/3 regions")
    assert second[0].last_transition_time == WHOLE


def test_a_message_is_cut_at_its_limit() -> None:
    (condition,) = merge([], [claim("Ready", None, Reason.INTERNAL_ERROR, "x" * 5000)], generation=1, now=NOW)
    assert condition.status == "Unknown"
    assert condition.message == "x" * MESSAGE_LIMIT


def test_reasons_are_what_metav1_condition_allows() -> None:
    assert all(each.value.isascii() and each.value.isalpha() and each.value[0].isupper() for each in Reason)
