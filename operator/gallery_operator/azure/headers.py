"""What ARM says in headers: when to come back, what is left of a limit, what to tell Azure's support.

Header mappings given here know no case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: The longest time that a Retry-After may hold us, in seconds: ARM's longest window is an hour.
MAX_RETRY_AFTER = 3600.0

_MILLISECONDS = ("x-ms-retry-after-ms", "retry-after-ms")
_REMAINING = re.compile(r"[^;,]*;\s*(-?\d{1,9})\s*(?:,|$)")


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds after which ARM wants to be asked again, or None when it does not say (comprehensibly).

    Retry-After is a number of seconds or an HTTP date. A date is compared with the answer's own Date, so that our
    clock need not agree with Azure's; `now` stands in when there is none.
    """
    for name in _MILLISECONDS:
        if name in headers:
            milliseconds = _number(headers[name])
            return None if milliseconds is None else _bounded(milliseconds / 1000)
    text = headers.get("retry-after")
    if text is None:
        return None
    seconds = _number(text)
    if seconds is None:
        until = _date(text)
        seconds = None if until is None else (until - (_date(headers.get("date", "")) or now)).total_seconds()
    return None if seconds is None else _bounded(seconds)


def remaining(headers: Mapping[str, str]) -> int | None:
    """Return how many requests a compute policy has left in its scarcest window; None when ARM does not say.

    The header reads `Microsoft.Compute/CreateUpdateGallery3Min;49,Microsoft.Compute/CreateUpdateGallery30Min;299`.
    """
    counts = _REMAINING.findall(headers.get("x-ms-ratelimit-remaining-resource", ""))
    return min(map(int, counts), default=None)


def remaining_in_subscription(headers: Mapping[str, str], kind: str) -> int | None:
    """Return what is left of ARM's own bucket for `kind` (reads, writes or deletes); None when ARM does not say."""
    count = _number(headers.get(f"x-ms-ratelimit-remaining-subscription-{kind}", ""))
    return None if count is None else int(count)


def correlation_id(headers: Mapping[str, str]) -> str | None:
    """Return the id under which Azure's support finds the request."""
    text = headers.get("x-ms-correlation-request-id") or headers.get("x-ms-request-id")
    return text[:100] if text else None


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\s*-?\d{1,9}(\.\d{1,6})?\s*", text, re.ASCII) else None


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)
