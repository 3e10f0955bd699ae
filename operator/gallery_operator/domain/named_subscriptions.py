"""Which subscriptions a spec names: in its own field, and in every ARM id that it holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

_IN_ARM_ID: Final = re.compile(r"/subscriptions/([^/]+)(?:/|$)", re.IGNORECASE)


def named_subscriptions(spec: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (field, subscription) for every subscription that the fields of a spec name.

    It walks whatever there is, so that no field with an ARM id is ever forgotten: sources, encryption sets,
    identities, references, role definitions.
    """
    if isinstance(spec, dict):
        for name, value in spec.items():
            yield from named_subscriptions(value, f"{path}.{name}" if path else str(name))
    elif isinstance(spec, list):
        for position, value in enumerate(spec):
            yield from named_subscriptions(value, f"{path}[{position}]")
    elif isinstance(spec, str):
        if path == "subscriptionId":
            yield path, spec
        elif match := _IN_ARM_ID.match(spec):
            yield path, match[1]
