"""Manifests to try on the API server, and how it is asked: by server-side dry run, hundreds in seconds."""

from __future__ import annotations

import copy
import itertools
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import pytest
from kubernetes import client, config

from dev.control_plane import Cluster
from gallery_operator.api import names
from tests.integration.admission.manifests import MINIMAL, STORED

JSON = dict[str, Any]

Start = Literal["minimal", "full", "other", "new"]

#: The value of a change that removes a field.
UNSET: Final = object()


@dataclass(frozen=True)
class Refusal:
    """A manifest that the API server refuses: a good spec with a few changes, and what the refusal says."""

    kind: str
    that: str
    """What is refused, as a sentence's beginning."""
    changes: Mapping[str, Any]
    """Path in the spec -> value or UNSET."""
    at: str
    """The field that the message names."""
    says: str
    """The rule and its mend."""
    on: Start = "new"
    """Whether it is an update of one of the stored objects, or a new (minimal) object."""
    name: str = "candidate"

    def __str__(self) -> str:
        return f"{self.kind}: {self.that} is refused"


@dataclass(frozen=True)
class Cause:
    """One complaint of the API server."""

    field: str
    message: str


@dataclass
class RefusedError(Exception):
    """The API server refused a manifest."""

    causes: list[Cause] = field(default_factory=list)


def changed(spec: Mapping[str, Any], changes: Mapping[str, Any]) -> JSON:
    """Return a copy of a spec with values put at paths such as `targetRegions[0].name`; parents that lack are made."""
    result = copy.deepcopy(dict(spec))
    for path, value in changes.items():
        keys = [int(key) if key.isdigit() else key for key in re.findall(r"[^.\[\]]+", path)]
        holder: Any = result
        for key, following in itertools.pairwise(keys):
            holder = _step(holder, key, [] if isinstance(following, int) else {})
        if value is UNSET:
            del holder[keys[-1]]
        else:
            _put(holder, keys[-1], value)
    return result


def _step(holder: Any, key: str | int, missing: JSON | list[Any]) -> Any:
    if isinstance(key, int) and key == len(holder):
        holder.append(missing)
    return holder[key] if isinstance(key, int) else holder.setdefault(key, missing)


def _put(holder: Any, key: str | int, value: Any) -> None:
    if isinstance(key, int) and key == len(holder):
        holder.append(value)
    else:
        holder[key] = value


def manifest(kind: str, spec: Mapping[str, Any], name: str = "candidate") -> JSON:
    """Return an object of one of the three kinds."""
    return {"apiVersion": names.API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}


class Admission:
    """Asks the API server whether it takes a manifest."""

    def __init__(self, api: client.CustomObjectsApi, namespace: str) -> None:
        self._api = api
        self.namespace = namespace

    def create(self, body: JSON, *, dry_run: bool = True, validation: str = "Strict") -> JSON:
        """Create an object and return it as the API server has it. Raises RefusedError."""
        place = (names.GROUP, names.VERSION, self.namespace, names.PLURALS[body["kind"]])
        more: JSON = {"field_validation": validation, **({"dry_run": "All"} if dry_run else {})}
        return self._ask(lambda: self._api.create_namespaced_custom_object(*place, body, **more))

    def update(self, kind: str, name: str, changes: Mapping[str, Any]) -> JSON:
        """Replace a stored object by itself with changes to its spec (dry run). Raises RefusedError."""
        place = (names.GROUP, names.VERSION, self.namespace, names.PLURALS[kind], name)
        body: Any = self._api.get_namespaced_custom_object(*place)
        body["spec"] = changed(body["spec"], changes)
        return self._ask(lambda: self._api.replace_namespaced_custom_object(*place, body, dry_run="All"))

    @staticmethod
    def _ask(request: Any) -> JSON:
        try:
            answer: JSON = request()
        except client.ApiException as refusal:
            status = json.loads(refusal.body or "{}")
            causes = status.get("details", {}).get("causes") or [{"message": status.get("message", str(refusal))}]
            raise RefusedError([Cause(each.get("field", ""), each["message"]) for each in causes]) from None
        return answer

    def expect(self, case: Refusal) -> None:
        """Assert that a manifest is refused with the field and the message that are expected."""
        with pytest.raises(RefusedError) as refused:
            self._try(case)
        causes = refused.value.causes
        assert any(each.field == case.at and case.says in each.message for each in causes), causes

    def _try(self, case: Refusal) -> None:
        if case.on == "new":
            self.create(manifest(case.kind, changed(MINIMAL[case.kind], case.changes), case.name))
        else:
            self.update(case.kind, case.on, case.changes)


@contextmanager
def opened(cluster: Cluster) -> Iterator[Admission]:
    """Yield an Admission with a namespace of its own, in which the stored objects of each kind live."""
    namespace = f"admission-{uuid.uuid4().hex[:10]}"
    cluster.kubectl("create", "namespace", namespace)
    with config.new_client_from_config(str(cluster.kubeconfig)) as api:  # type: ignore[no-untyped-call]
        admission = Admission(client.CustomObjectsApi(api), namespace)
        for kind in names.PLURALS:
            for name, specs in STORED.items():
                admission.create(manifest(kind, specs[kind], name), dry_run=False)
        yield admission
    if cluster.foreign:
        cluster.kubectl("delete", "namespace", namespace, "--wait=false")
