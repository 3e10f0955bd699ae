"""Tenancy: what a cluster administrator lets the namespaces do with Azure.

A list of rules; the first one that names a namespace holds for it. A namespace that no rule names may do nothing.
Without any list everything is allowed: whoever may create a Gallery, may use the operator's identity.

    - namespaces: [team-a, "ci-*"]      # patterns: * ? [abc]
      ownIdentity: true                 # the operator's own identity may be used; default false
      clientIds: [<uuid>]               # which clients Secrets may borrow the operator's token for; unset: any
      subscriptions: [<uuid>]           # which subscriptions may be named; unset: any

`clientIds` exists because of workload identity and managed identity: with these, Azure trusts the operator's pod, not
a secret that only the namespace knows. So one namespace could name the client of another that trusts the same pod.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, Any, Final

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

_UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_LONGEST_LIST: Final = 10_000
_SHOWN_ERRORS: Final = 5

Pattern = Annotated[str, StringConstraints(pattern=r"^[a-z0-9*?\[\]!-]{1,63}$")]
Uuid = Annotated[str, StringConstraints(pattern=_UUID), AfterValidator(str.lower)]
Uuids = Annotated[frozenset[Uuid], Field(max_length=_LONGEST_LIST)]


class Rule(BaseModel):
    """What the namespaces that match may do."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)

    namespaces: Annotated[tuple[Pattern, ...], Field(min_length=1, max_length=_LONGEST_LIST)]
    own_identity: bool = False
    client_ids: Uuids | None = None
    subscriptions: Uuids | None = None

    def covers(self, namespace: str) -> bool:
        """Tell whether this rule names a namespace."""
        return any(fnmatchcase(namespace, pattern) for pattern in self.namespaces)


_RULES = TypeAdapter(tuple[Rule, ...])
_ALL_ALLOWED: Final = Rule.model_validate({"namespaces": ["*"], "ownIdentity": True})


class Tenancy:
    """The rules. A refusal is a sentence that names the namespace and who can change it; None: it is allowed."""

    def __init__(self, rules: tuple[Rule, ...] = (_ALL_ALLOWED,)) -> None:
        self._rules = rules

    @classmethod
    def parse(cls, text: str) -> Tenancy:
        """Read rules from YAML; raises ValueError, saying where something is wrong. Nothing at all is no rule."""
        try:
            document: Any = yaml.safe_load(text)
            return cls(_RULES.validate_python([] if document is None else document))
        except yaml.YAMLError as error:
            msg = f"not YAML: {' '.join(str(error).split())[:300]}"
            raise ValueError(msg) from None
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)[:_SHOWN_ERRORS]
            raise ValueError("; ".join(map(_problem, found))) from None

    def refusal_of_own_identity(self, namespace: str) -> str | None:
        """Say why a namespace may not use the operator's own identity."""
        rule = self._rule(namespace)
        if rule is not None and rule.own_identity:
            return None
        return _refusal(namespace, rule, "may not use the operator's own identity", "ownIdentity")

    def refusal_of_client(self, namespace: str, client_id: str | None) -> str | None:
        """Say why a namespace may not borrow the operator's token for a client (an application or an identity).

        :param client_id: None for the one identity that the operator's pod has.
        """
        rule = self._rule(namespace)
        if rule is not None and (rule.client_ids is None or client_id is None or client_id.lower() in rule.client_ids):
            return None
        return _refusal(namespace, rule, "may not use this AZURE_CLIENT_ID with the operator's token", "clientIds")

    def refusal_of_subscription(self, namespace: str, subscription: str) -> str | None:
        """Say why a namespace may not name a subscription (its UUID, in any case)."""
        rule = self._rule(namespace)
        if rule is not None and (rule.subscriptions is None or subscription.lower() in rule.subscriptions):
            return None
        return _refusal(namespace, rule, f"may not use subscription {subscription[:64]}", "subscriptions")

    def _rule(self, namespace: str) -> Rule | None:
        return next((rule for rule in self._rules if rule.covers(namespace)), None)


def _problem(error: ErrorDetails) -> str:
    if not error["loc"]:
        return "the file is a list of rules, such as: - {namespaces: [team-a], ownIdentity: true}"
    return f"rule {'.'.join(map(str, error['loc']))}: {error['msg'].replace('tuple', 'list').replace('Tuple', 'List')}"


def _refusal(namespace: str, rule: Rule | None, what: str, field: str) -> str:
    why = f"its rule ({field})" if rule is not None else "no rule names it, so nothing is allowed"
    return f"namespace {namespace!r} {what}: {why}; a cluster administrator can change the operator's tenancy setting"
