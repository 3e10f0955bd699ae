"""Long-running operations: their state is a function of the clock, so stepping the clock finishes them at once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from dev.azure_simulator import errors
from dev.azure_simulator.paths import Json

Verb = Literal["create", "update", "delete"]

#: Operations remembered after their end; the oldest are forgotten first.
_REMEMBERED = 100_000
#: Since 2024 operation URLs carry a signature with a certificate of some 2.5 KB: clients must take them as they are.
_CERTIFICATE = "MIIHhzCCBm-gAwIBAgITHg" * 120


def timestamp(at: float) -> str:
    """Return Unix seconds as Azure writes a time."""
    return datetime.fromtimestamp(at, UTC).isoformat()


@dataclass(frozen=True, slots=True)
class Operation:
    """One write and its course: it runs from `started` to `ends` (Unix seconds of the clock), then has its result."""

    name: str
    verb: Verb
    started: float
    ends: float
    failure: Json | None = None
    #: Retry-After in seconds while it runs; None: no such header.
    retry_after: int | None = None

    def done(self, now: float) -> bool:
        return now >= self.ends

    def body(self, now: float) -> Json:
        """Return the operation resource: always HTTP 200, also when the operation failed."""
        body: Json = {"startTime": timestamp(self.started)}
        if not self.done(now):
            return body | {"status": "InProgress", "name": self.name}
        body |= {"endTime": timestamp(self.ends), "status": "Failed" if self.failure else "Succeeded"}
        if self.failure:
            body["error"] = self.failure
        return body | {"name": self.name}


class Operations:
    """The operations of a subscription, and the URLs under which they are watched."""

    def __init__(self) -> None:
        self._operations: dict[str, Operation] = {}
        self._secret = secrets.token_bytes(16)

    def start(self, verb: Verb, now: float, seconds: float, **more: Any) -> Operation:
        """Begin an operation that lasts `seconds`; `more` are further fields of `Operation`."""
        operation = Operation(str(uuid.uuid4()), verb, now, now + seconds, **more)
        self._operations[operation.name] = operation
        if len(self._operations) > _REMEMBERED:
            del self._operations[next(iter(self._operations))]
        return operation

    def clear(self) -> None:
        self._operations.clear()

    def find(self, name: str, query: Mapping[str, str]) -> Operation:
        """Return the operation whose URL carries `query`.

        Raises ArmError 404 when there is none or when the URL was not taken over as it was handed out.
        """
        operation = self._operations.get(name.lower())
        if operation is None or not hmac.compare_digest(query.get("s", ""), self._signature(operation.name)):
            raise errors.operation_not_found(name)
        return operation

    def url(self, operation: Operation, base: str, subscription: str, location: str, api_version: str) -> str:
        """Return the opaque URL of an operation; `location` in the spelling it was sent with, but without spaces."""
        place = "".join(location.split())
        return (
            f"{base}/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{place}/capsOperations/"
            f"{operation.name}?api-version={api_version}&t={int(operation.started * 10_000_000)}&c={_CERTIFICATE}"
            f"&s={self._signature(operation.name)}&h={operation.name.replace('-', '')}"
        )

    def _signature(self, name: str) -> str:
        return hmac.new(self._secret, name.encode(), hashlib.sha256).hexdigest()
