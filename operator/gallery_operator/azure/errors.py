"""The error table: from ARM's status, code and text to a verdict.

The first row that matches wins. Codes are compared without case, with the error's own code and with those of its
details: Azure wraps the telling one (a throttle comes as OperationNotAllowed around TooManyRequests). Status alone
decides little: 409 is a busy resource, a quota, a lock, a missing registration or a forbidden change; an operation
that failed is reported with HTTP 200. Texts are matched only where no code is known to tell two cases apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import orjson

from gallery_operator.azure.headers import correlation_id, retry_after
from gallery_operator.azure.verdicts import ArmError, Terminal, Throttled, Transient, Verdict, Waiting

#: Seconds to hold back when Azure throttles without saying for how long.
DEFAULT_RETRY_AFTER = 15.0

#: Codes of a 404 that say the resource is not there. Any other 404 (a proxy's, a wrong endpoint's, an unknown
#: subscription's) proves nothing, and must not make a finalizer go.
ABSENT_CODES = frozenset({"resourcenotfound", "notfound", "parentresourcenotfound", "resourcegroupnotfound"})

_MAX_MESSAGE = 1000
_MAX_BODY = 65_536


@dataclass(frozen=True, slots=True)
class Refusal:
    """What ARM answered. `codes` are the error's code, then its details' codes."""

    status: int | None
    codes: tuple[str, ...]
    message: str

    @property
    def code(self) -> str:
        return self.codes[0] if self.codes else ""


@dataclass(frozen=True, slots=True)
class Row:
    """If a refusal has the status (None: any), one of the codes (none given: any) and the text, it means `verdict`.

    An empty reason stands for ARM's own code. The advice follows ARM's message.
    """

    verdict: type[Verdict]
    reason: str = ""
    status: int | range | None = None
    codes: tuple[str, ...] = ()
    text: str = ""
    advice: str = ""

    def matches(self, refusal: Refusal) -> bool:
        return (
            _status_matches(self.status, refusal.status)
            and (not self.codes or not {c.casefold() for c in self.codes}.isdisjoint(_folded(refusal.codes)))
            and re.search(self.text, refusal.message, re.IGNORECASE) is not None
        )


_EMPTY_IT: Final = "It is tried again until nothing is in it; spec.deletionPolicy Retain leaves it in Azure."

# fmt: off
TABLE: tuple[Row, ...] = (
    # Throttles, before everything else: their codes mean other things elsewhere.
    Row(Throttled, status=429),
    Row(Throttled, codes=("TooManyRequests", "SubscriptionRequestsThrottled", "ResourceRequestsThrottled",
                          "RequestsThrottled")),
    Row(Throttled, text=r"^Too many requests on source"),

    # Who we are, and what we may do. People mend it outside the spec, so it is waited for.
    Row(Waiting, "CredentialRefused", status=401,
        advice="Azure does not accept the token; check tenant, cloud and audience."),
    Row(Waiting, "AuthorizationFailed", codes=("AuthorizationFailed",), text=r"'Microsoft\.Authorization/role",
        advice="spec.access needs it: give the operator the role of deploy/azure/role-access.json there, or remove "
               "access from the spec."),
    Row(Waiting, "AuthorizationFailed", codes=("LinkedAuthorizationFailed",),
        text=r"tenant '[^']*' is not authorized to access linked subscription",
        advice="The source is in another tenant: spec.source.tenantId must name that tenant."),
    Row(Waiting, "AuthorizationFailed", codes=("AuthorizationFailed", "LinkedAuthorizationFailed")),
    Row(Terminal, "RequestDisallowedByPolicy", codes=("RequestDisallowedByPolicy", "RequestDisallowedByAzure")),
    Row(Waiting, "ScopeLocked", codes=("ScopeLocked",), advice="Remove the lock to let the operator go on."),
    Row(Waiting, "SubscriptionDisabled", codes=("ReadOnlyDisabledSubscription", "DisabledSubscription")),
    Row(Waiting, "SubscriptionNotFound", codes=("SubscriptionNotFound", "InvalidSubscriptionId")),
    Row(Waiting, "SubscriptionNotRegistered", codes=("MissingSubscriptionRegistration", "SubscriptionNotRegistered"),
        advice="Register it: az provider register --namespace Microsoft.Compute."),
    Row(Waiting, "Forbidden", status=403),

    # Parents and children come and go in their own time.
    Row(Waiting, "ResourceGroupNotFound", codes=("ResourceGroupNotFound",),
        advice="Create it: the operator creates no resource groups."),
    Row(Waiting, "ParentNotFound", codes=("ParentResourceNotFound",)),
    Row(Waiting, "ParentNotFound", text=r"requested operation on nested resource\. Parent resource .* not found"),
    Row(Waiting, "GalleryImageNotFound", codes=("GalleryImageNotFound",)),
    Row(Waiting, "ChildrenExist", codes=("CannotDeleteResource",), advice=_EMPTY_IT),
    Row(Waiting, "ChildrenExist", text=r"before nested resources are deleted|while nested resources exist",
        advice=_EMPTY_IT),
    Row(Waiting, "SourceNotFound", text=r"^Source .* is not found"),
    Row(Waiting, "PrincipalNotFound", codes=("PrincipalNotFound",),
        advice="One that was just made is known everywhere after some minutes; else correct spec.access."),
    Row(Terminal, "UnmatchedPrincipalType", codes=("UnmatchedPrincipalType",),
        advice="Set principalType of that entry of spec.access to the type it has."),
    Row(Terminal, "RoleNotFound", codes=("RoleDefinitionDoesNotExist",)),
    Row(Waiting, "ResourceNotFound", status=404),

    # Never, whatever the status it comes with.
    Row(Terminal, "ImmutableProperty", codes=("PropertyChangeNotAllowed",)),
    Row(Terminal, "InvalidResourceLocation", codes=("InvalidResourceLocation",)),
    Row(Terminal, "LocationNotAvailable", codes=("LocationNotAvailableForResourceType",)),
    Row(Terminal, "NoRegisteredProvider", codes=("NoRegisteredProviderFound",)),
    Row(Terminal, "GalleryNameTaken", text=r"gallery name .* is not unique within the subscription"),
    Row(Terminal, "StorageAccountTypeMismatch", text=r"^Global storage account type does not match"),
    Row(Terminal, "IdentifierTaken", text=r"identified by \(publisher:.*\) already exists",
        advice="Choose another spec.identifier, or delete that image definition."),
    Row(Terminal, "InvalidParameter", codes=("InvalidParameter",)),
    Row(Terminal, "BadRequest", codes=("BadRequest",)),

    # Not now: conflicts.
    Row(Waiting, "BlockedBeforeEndOfLife", codes=("DeleteGalleryImageVersionBlockedBeforeEndOfLife",),
        advice="Unset blockDeletionBeforeEndOfLife or move endOfLifeDate to delete it earlier."),
    Row(Waiting, "BlockedBeforeEndOfLife", text=r"blockDeletionBeforeEndOfLife and its endOfLifeDate has not"),
    Row(Waiting, "QuotaExceeded", codes=("QuotaExceeded", "ResourceQuotaExceeded",
                                         "RoleAssignmentLimitExceeded")),
    Row(Waiting, "QuotaExceeded", codes=("OperationNotAllowed",), text=r"\bquota\b"),
    Row(Waiting, "DeletionInProgress", codes=("OperationNotAllowed",), text=r"marked for deletion"),
    Row(Waiting, "OperationInProgress", codes=("Conflict", "AnotherOperationInProgress", "OperationPreempted",
                                               "RetryableError", "ConflictingConcurrentWriteNotAllowed")),
    Row(Waiting, "OperationNotAllowed", codes=("OperationNotAllowed",)),
    Row(Waiting, "Conflict", status=409),

    # Unknown codes, by status.
    Row(Transient, "RequestTimeout", status=408),
    Row(Transient, "PreconditionFailed", status=412),
    Row(Terminal, status=range(400, 500)),
    Row(Transient, status=range(500, 600)),
    Row(Transient, "UnexpectedRedirect", status=range(300, 400)),
    Row(Transient),
)
# fmt: on


def classify(refusal: Refusal, *, after: float | None = None) -> Verdict:
    """Return the verdict of the first matching row; `after` is what Azure said about throttling, in seconds."""
    row = next(row for row in TABLE if row.matches(refusal))
    message = redact(" ".join(filter(None, (_missing_action(refusal), refusal.message, row.advice))))
    if issubclass(row.verdict, Throttled):
        return Throttled(DEFAULT_RETRY_AFTER if after is None else after, message)
    return row.verdict(row.reason or _reason(refusal), message)


def error_of_response(
    status: int, body: bytes, headers: Mapping[str, str], now: datetime, *, conceal: Callable[[str], str] = str
) -> ArmError:
    """Return the error that an answer of ARM means; `headers` know no case, `now` is for a Retry-After date.

    :param conceal: takes secrets out of ARM's text, as long as it is whole: what is cut off is not recognised.
    """
    refusal = read_refusal(status, body)
    refusal = replace(refusal, message=conceal(refusal.message))
    return ArmError(
        classify(refusal, after=retry_after(headers, now)),
        status=status,
        code=refusal.code,
        correlation_id=correlation_id(headers),
    )


def read_refusal(status: int | None, body: bytes) -> Refusal:
    """Read an error body: wrapped `{"error": {...}}`, bare `{"code": ...}`, or anything a proxy may send instead."""
    try:
        document = orjson.loads(body[:_MAX_BODY])
    except orjson.JSONDecodeError:
        document = {}
    error = _dict(_dict(document).get("error")) or _dict(document)
    details = error.get("details")
    codes = [_text(_dict(part).get("code")) for part in (error, *(details if isinstance(details, list) else []))]
    message = _text(error.get("message")) or f"HTTP {status} without an explanation"
    return Refusal(status, tuple(filter(None, codes)), message)


def is_absence(error: ArmError) -> bool:
    """Tell whether the error says that the resource, or one that it lives in, does not exist."""
    return error.status == 404 and error.code.casefold() in ABSENT_CODES


_SECRETS = re.compile(
    r"(?P<name>\b(?:sig|client_secret|client_assertion|assertion|access_token|refresh_token|password)=)[^&\s'\"]+"
    r"|(?P<scheme>\bBearer\s+)[\w.~+/=-]+"
    r"|\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)*",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """Return `text` on one line, at most 1,000 characters long, without SAS signatures, tokens and client secrets."""
    flat = " ".join(text[: 8 * _MAX_MESSAGE].split())
    clean = _SECRETS.sub(lambda match: f"{match['name'] or match['scheme'] or ''}REDACTED", flat)
    return clean if len(clean) <= _MAX_MESSAGE else f"{clean[: _MAX_MESSAGE - 1]}…"


#: Who may write a version, but not use what its body names, is told first what may be done.
_NOT_ALLOWED = re.compile(r"\bnot (?:have \w+|authorized) to perform action(?:\(s\))? '([^']{1,200})'")


def _missing_action(refusal: Refusal) -> str:
    """Put the permission that is missing first: ARM's own text begins with ids that say nothing to people."""
    match = _NOT_ALLOWED.search(refusal.message)
    return f"The identity lacks the permission {match[1]}." if match else ""


def _reason(refusal: Refusal) -> str:
    """Return a reason that Kubernetes accepts in a condition."""
    word = re.sub(r"[^A-Za-z0-9]", "", refusal.code)[:100]
    if word and word[0].isalpha():
        return word
    return f"HTTP{refusal.status}" if refusal.status else "Unknown"


def _status_matches(wanted: int | range | None, status: int | None) -> bool:
    if wanted is None:
        return True
    return status in wanted if isinstance(wanted, range) else status == wanted


def _folded(codes: tuple[str, ...]) -> set[str]:
    return {code.casefold() for code in codes}


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
