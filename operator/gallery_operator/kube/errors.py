"""What can go wrong with the Kubernetes API server.

Messages hold the request's verb and path and the server's own words, cut short. They never hold headers, because those
carry our token.
"""

# ruff: noqa: N818 - they are named after the API server's own reasons

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import orjson

_LONGEST_MESSAGE = 1024
_LONGEST_RETRY_AFTER = 600.0  # seconds


class KubeError(Exception):
    """The API server refused the request; another try with the same content would end the same way."""


class Conflict(KubeError):
    """The object changed since it was read, or it is another incarnation: read it again."""


class NotFound(KubeError):
    """No such object (or no such kind)."""


class Forbidden(KubeError):
    """Our service account lacks the right, or its token was not accepted.

    :param reason: the first cause the server names, for example `NamespaceTerminating`.
    """

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class Unavailable(KubeError):
    """The API server is away or busy; try again later.

    :param retry_after: how many seconds the server asks us to wait; None if it did not say.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Expired(KubeError):
    """The continue token of a list is too old (410): list again from the start."""


def from_answer(request: str, status: int, headers: Mapping[str, str], body: bytes) -> KubeError:
    """Return the error for an answer that is none of 2xx.

    :param request: verb and path, for the message.
    :param body: a `Status` object, or whatever a proxy in between sent.
    """
    said, reason = _words(body)
    message = f"{request}: {status} {said}".rstrip()[:_LONGEST_MESSAGE]
    if status in {401, 403}:
        return Forbidden(message, reason=reason)
    if status == 429 or status >= 500:
        return Unavailable(message, retry_after=_retry_after(headers.get("Retry-After")))
    plain = {404: NotFound, 409: Conflict, 410: Expired}
    return plain.get(status, KubeError)(message)


def _words(body: bytes) -> tuple[str, str]:
    """Return message and first cause of a `Status`; nothing of what is not one."""
    try:
        status = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "", ""
    if not isinstance(status, dict) or status.get("kind") != "Status":
        return "", ""
    causes = (status.get("details") or {}).get("causes") or [{}]
    return str(status.get("message", "")), str(causes[0].get("reason", ""))


def _retry_after(header: str | None) -> float | None:
    """Read both forms of the header: seconds, or a date (RFC 9110, section 10.2.3)."""
    if header is None:
        return None
    try:
        seconds = float(header) if header.isdecimal() else _seconds_until(header)
    except ValueError:
        return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER)


def _seconds_until(date: str) -> float:
    moment = parsedate_to_datetime(date)
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
