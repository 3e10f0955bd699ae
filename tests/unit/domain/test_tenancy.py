"""What a cluster administrator lets the namespaces do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery_operator.domain.tenancy import Tenancy

ONE = "00000000-0000-0000-0000-000000000001"
TWO = "00000000-0000-0000-0000-0000000000AB"

RULES = f"""
- namespaces: [team-a, "ci-*"]
  ownIdentity: true
  subscriptions: [{ONE}]
- namespaces: ["team-?"]
  clientIds: [{TWO}]
- namespaces: ["*-none"]
  subscriptions: []
"""


def test_without_rules_everything_is_allowed() -> None:
    tenancy = Tenancy()

    assert tenancy.refusal_of_own_identity("any") is None
    assert tenancy.refusal_of_client("any", ONE) is None
    assert tenancy.refusal_of_subscription("any", ONE) is None


@pytest.mark.parametrize("text", ["", "[]", "# nothing yet\n"])
def test_an_empty_list_allows_nothing(text: str) -> None:
    tenancy = Tenancy.parse(text)

    assert tenancy.refusal_of_own_identity("any") == (
        "namespace 'any' may not use the operator's own identity: no rule names it, so nothing is allowed; a cluster "
        "administrator can change the operator's tenancy setting"
    )
    assert tenancy.refusal_of_client("any", None) is not None
    assert tenancy.refusal_of_subscription("any", ONE) is not None


@pytest.mark.parametrize(
    ("namespace", "allowed"),
    [("team-a", True), ("ci-", True), ("ci-nightly", True), ("team-b", False), ("team", False), ("my-team-a", False)],
)
def test_the_operators_own_identity_is_for_those_whose_rule_says_so(namespace: str, allowed: bool) -> None:
    assert (Tenancy.parse(RULES).refusal_of_own_identity(namespace) is None) == allowed


def test_the_first_rule_that_names_a_namespace_holds_alone() -> None:
    tenancy = Tenancy.parse(RULES)

    assert tenancy.refusal_of_client("team-a", ONE) is None  # the second rule names team-a, too
    assert "clientIds" in (tenancy.refusal_of_client("team-b", ONE) or "")


def test_ids_are_compared_without_regard_to_case() -> None:
    tenancy = Tenancy.parse(RULES)

    assert tenancy.refusal_of_client("team-b", TWO.lower()) is None
    assert tenancy.refusal_of_client("team-b", TWO) is None


def test_only_the_subscriptions_of_the_list_may_be_named() -> None:
    tenancy = Tenancy.parse(RULES)

    assert tenancy.refusal_of_subscription("team-a", ONE) is None
    assert tenancy.refusal_of_subscription("team-b", TWO) is None
    assert tenancy.refusal_of_subscription("team-a", TWO) == (
        f"namespace 'team-a' may not use subscription {TWO}: its rule (subscriptions); a cluster administrator can "
        "change the operator's tenancy setting"
    )
    assert tenancy.refusal_of_subscription("x-none", ONE) is not None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- namespaces: []", "rule 0.namespaces: List should have at least 1 item"),
        ("- namespaces: team-a", "rule 0.namespaces: Input should be a valid list"),
        ("- namespaces: [Team]", "rule 0.namespaces.0: String should match pattern"),
        ("- {}", "rule 0.namespaces: Field required"),
        ("- namespaces: ['*']\n  subscriptions: [production]", "rule 0.subscriptions.0: String should match pattern"),
        ("- namespaces: ['*']\n  subscription: x", "rule 0.subscription: Extra inputs are not permitted"),
        ("- namespaces: ['*']\n  ownIdentity: 3", "rule 0.ownIdentity: Input should be a valid boolean"),
        ("namespaces: ['*']", "the file is a list of rules, such as"),
        ("text", "the file is a list of rules, such as"),
        ("- [", "not YAML"),
        ("!!python/object/apply:os.system [id]", "not YAML"),
    ],
)
def test_a_wrong_list_is_refused_saying_where(text: str, why: str) -> None:
    with pytest.raises(ValueError, match="^" + why.replace("[", r"\[")):
        Tenancy.parse(text)


@given(st.text(max_size=200))
def test_whatever_the_list_is_it_is_read_or_refused(text: str) -> None:
    try:
        tenancy = Tenancy.parse(text)
    except ValueError:
        return
    assert tenancy.refusal_of_own_identity("namespace-that-nobody-named") is not None
