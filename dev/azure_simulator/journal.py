"""The journal: every ARM request that came in, in order, with its outcome."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_KEPT = 200_000
#: The certificate and signature in operation URLs: long, and of no interest to anyone.
_OPAQUE = frozenset("tcsh")


@dataclass(slots=True)
class Entry:
    """One ARM request. `time` is that of the simulator's clock; `status` is None when the connection was dropped."""

    number: int
    time: datetime
    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    status: int | None = None
    error: str | None = None
    request_id: str = ""
    correlation_id: str = ""
    client_request_id: str = ""
    user_agent: str = ""
    #: Who sent it.
    client_id: str = ""

    @property
    def request(self) -> str:
        """Method and path, as faults and filters match them."""
        return f"{self.method} {self.path}"


class Journal:
    """The latest requests, up to a bound."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._number = 0

    def open(self, time: datetime, method: str, path: str, query: Mapping[str, str]) -> Entry:
        """Note a request that has arrived; its outcome is filled in later."""
        self._number += 1
        kept = {name: value for name, value in query.items() if name not in _OPAQUE}
        entry = Entry(self._number, time, method, path, kept)
        self._entries.append(entry)
        return entry

    def select(self, match: str = "", after: int = 0) -> list[Entry]:
        """Return the entries numbered above `after` whose "METHOD /path" contains the expression `match`."""
        pattern = re.compile(match, re.IGNORECASE)
        return [entry for entry in self._entries if entry.number > after and pattern.search(entry.request)]

    def clear(self) -> None:
        self._entries.clear()
