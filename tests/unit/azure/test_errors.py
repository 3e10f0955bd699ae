"""Each row of the error table, with ARM's own words (reference §5) and the SDK's traps (reference §2.5)."""

from __future__ import annotations

import orjson
import pytest
from multidict import CIMultiDict

from gallery_operator.azure.errors import (
    DEFAULT_RETRY_AFTER,
    TABLE,
    Refusal,
    Row,
    classify,
    error_of_response,
    is_absence,
    read_refusal,
    redact,
)
from gallery_operator.azure.verdicts import Terminal, Throttled, Transient, Verdict, Waiting
from tests.unit.azure.conftest import EPOCH

OF_ANOTHER_TENANT = ", however the current tenant 'a' is not authorized to access linked subscription 'b'."

CASES: list[tuple[int | None, str, str, type[Verdict], str]] = [
    (429, "TooManyRequests", "", Throttled, "Throttled"),
    (409, "SubscriptionRequestsThrottled", "", Throttled, "Throttled"),
    (
        409,
        "Conflict",
        "Too many requests on source '/x'. Please reduce the number of requests on the source or wait",
        Throttled,
        "Throttled",
    ),
    (401, "InvalidAuthenticationToken", "The access token is invalid.", Waiting, "CredentialRefused"),
    (403, "AuthorizationFailed", "The client 'x' does not", Waiting, "AuthorizationFailed"),
    (
        403,
        "AuthorizationFailed",
        "The client 'a' with object id 'b' does not have authorization to perform action "
        "'Microsoft.Authorization/roleAssignments/write' over scope '/x' or the scope is invalid.",
        Waiting,
        "AuthorizationFailed",
    ),
    (
        400,
        "PrincipalNotFound",
        "Principal 1 does not exist in the directory 2. Check that you have the correct principal ID.",
        Waiting,
        "PrincipalNotFound",
    ),
    (
        400,
        "UnmatchedPrincipalType",
        "The PrincipalId '1' has type 'User' , which is different from specified PrinciaplType 'Group'.",
        Terminal,
        "UnmatchedPrincipalType",
    ),
    (400, "RoleDefinitionDoesNotExist", "The specified role definition", Terminal, "RoleNotFound"),
    (400, "RoleAssignmentLimitExceeded", "No more role assignments", Waiting, "QuotaExceeded"),
    (
        400,
        "InvalidParameter",
        "Gallery image: web identified by (publisher:contoso, offer:web, sku:v1) already exists. Choose a different "
        "publisher, offer, sku combination.",
        Terminal,
        "IdentifierTaken",
    ),
    (403, "LinkedAuthorizationFailed", "The client has permission", Waiting, "AuthorizationFailed"),
    (403, "LinkedAuthorizationFailed", f"The client has permission{OF_ANOTHER_TENANT}", Waiting, "AuthorizationFailed"),
    (403, "RequestDisallowedByPolicy", "Resource was disallowed by policy.", Terminal, "RequestDisallowedByPolicy"),
    (409, "ScopeLocked", "The scope is locked.", Waiting, "ScopeLocked"),
    (409, "ReadOnlyDisabledSubscription", "The subscription is disabled", Waiting, "SubscriptionDisabled"),
    (404, "SubscriptionNotFound", "The subscription was not found.", Waiting, "SubscriptionNotFound"),
    (409, "MissingSubscriptionRegistration", "not registered", Waiting, "SubscriptionNotRegistered"),
    (403, "Forbidden", "no", Waiting, "Forbidden"),
    (404, "ResourceGroupNotFound", "Resource group 'rg' could not be found.", Waiting, "ResourceGroupNotFound"),
    (404, "ParentResourceNotFound", "", Waiting, "ParentNotFound"),
    (
        404,
        "NotFound",
        "Can not perform requested operation on nested resource. Parent resource 'g' not found.",
        Waiting,
        "ParentNotFound",
    ),
    (404, "GalleryImageNotFound", "The gallery image is not available", Waiting, "GalleryImageNotFound"),
    (
        409,
        "CannotDeleteResource",
        "Cannot delete resource while nested resources exist. Some existing nested resource IDs include: 'x'.",
        Waiting,
        "ChildrenExist",
    ),
    (409, "Other", "Can not delete resource before nested resources are deleted.", Waiting, "ChildrenExist"),
    (
        400,
        "InvalidParameter",
        "Source /subscriptions/x is not found. Please check source exists, and is in the same region as gallery "
        "image version being created.",
        Waiting,
        "SourceNotFound",
    ),
    (404, "ResourceNotFound", "The Resource 'x' was not found.", Waiting, "ResourceNotFound"),
    (
        409,
        "PropertyChangeNotAllowed",
        "Changing property 'galleryImage.properties.eula' is not allowed.",
        Terminal,
        "ImmutableProperty",
    ),
    (409, "InvalidResourceLocation", "The resource 'n' already exists", Terminal, "InvalidResourceLocation"),
    (400, "LocationNotAvailableForResourceType", "The provided location", Terminal, "LocationNotAvailable"),
    (400, "NoRegisteredProviderFound", "No registered resource provider", Terminal, "NoRegisteredProvider"),
    (
        409,
        "Conflict",
        "The gallery name 'g' is not unique within the subscription 's'. Please pick another gallery name.",
        Terminal,
        "GalleryNameTaken",
    ),
    (
        409,
        "Conflict",
        "Global storage account type does not match the storage account type in the existing TargetRegion: 'West US "
        "2'. Please specify 'Standard_ZRS' as the storage account type for this region.",
        Terminal,
        "StorageAccountTypeMismatch",
    ),
    (
        400,
        "InvalidParameter",
        "Duplicate regions are not allowed in target publishing regions.",
        Terminal,
        "InvalidParameter",
    ),
    (400, "BadRequest", "Gallery name is invalid.", Terminal, "BadRequest"),
    (409, "DeleteGalleryImageVersionBlockedBeforeEndOfLife", "Deletion", Waiting, "BlockedBeforeEndOfLife"),
    (
        409,
        "Unknown",
        "Deletion of Gallery image version is not allowed because the image is enabled for "
        "blockDeletionBeforeEndOfLife and its endOfLifeDate has not reached yet",
        Waiting,
        "BlockedBeforeEndOfLife",
    ),
    (409, "QuotaExceeded", "", Waiting, "QuotaExceeded"),
    (409, "OperationNotAllowed", "Operation results in exceeding quota limits of Core.", Waiting, "QuotaExceeded"),
    (
        409,
        "OperationNotAllowed",
        "Operation 'Update Gallery Image Version' is not allowed on 1.0.0 since it is marked for deletion. You can "
        "only retry the Delete operation (or wait for an ongoing one to complete).",
        Waiting,
        "DeletionInProgress",
    ),
    (409, "Conflict", "Another operation runs.", Waiting, "OperationInProgress"),
    (409, "OperationNotAllowed", "No.", Waiting, "OperationNotAllowed"),
    (409, "NeverHeardOf", "No.", Waiting, "Conflict"),
    (408, "", "", Transient, "RequestTimeout"),
    (412, "PreconditionFailed", "", Transient, "PreconditionFailed"),
    (418, "NeverHeardOf", "No.", Terminal, "NeverHeardOf"),
    (422, "", "", Terminal, "HTTP422"),
    (500, "InternalServerError", "Oops.", Transient, "InternalServerError"),
    (503, "", "", Transient, "HTTP503"),
    (307, "", "", Transient, "UnexpectedRedirect"),
    # An operation that failed is read from an answer with HTTP 200.
    (200, "PropertyChangeNotAllowed", "", Terminal, "ImmutableProperty"),
    (200, "NeverHeardOf", "", Transient, "NeverHeardOf"),
    (None, "", "", Transient, "Unknown"),
]


def refusal(status: int | None, code: str, message: str) -> Refusal:
    return Refusal(status, (code,) if code else (), message)


def row_of(refused: Refusal) -> Row:
    return next(row for row in TABLE if row.matches(refused))


@pytest.mark.parametrize(("status", "code", "message", "verdict", "reason"), CASES)
def test_a_refusal_gets_the_verdict_of_its_row(
    status: int | None, code: str, message: str, verdict: type[Verdict], reason: str
) -> None:
    judged = classify(refusal(status, code, message))

    assert type(judged) is verdict
    assert judged.reason == reason
    assert message in judged.message


def test_a_refused_role_assignment_says_which_role_the_operator_needs() -> None:
    text = "not authorized to perform action 'Microsoft.Authorization/roleAssignments/write' over scope '/x'"
    message = classify(refusal(403, "AuthorizationFailed", text)).message
    assert "lacks the permission Microsoft.Authorization/roleAssignments/write" in message
    assert "deploy/azure/role-access.json" in message


def test_every_row_of_the_table_has_a_case() -> None:
    used = [row_of(refusal(status, code, message)) for status, code, message, *_ in CASES]

    assert [row for row in TABLE if row not in used] == []


def body(document: object) -> bytes:
    return orjson.dumps(document)


THROTTLE = {
    "code": "OperationNotAllowed",
    "message": "The server rejected the request because too many requests have been received for this subscription.",
    "details": [{"code": "TooManyRequests", "target": "HighCostGet30Min", "message": '{"operationGroup": "x"}'}],
}


@pytest.mark.parametrize("status", [409, 429])
@pytest.mark.parametrize("document", [THROTTLE, {"error": THROTTLE}])
def test_a_throttle_is_known_by_its_details_whatever_wraps_it(status: int, document: object) -> None:
    error = error_of_response(status, body(document), CIMultiDict({"Retry-After": "42"}), EPOCH)

    assert isinstance(error.verdict, Throttled)
    assert error.verdict.after == 42
    assert error.code == "OperationNotAllowed"


def test_a_throttle_without_retry_after_waits_for_the_default_time() -> None:
    error = error_of_response(429, b"", CIMultiDict(), EPOCH)

    assert isinstance(error.verdict, Throttled)
    assert error.verdict.after == DEFAULT_RETRY_AFTER


def test_codes_are_compared_without_case() -> None:
    assert classify(refusal(409, "scopelocked", "x")).reason == "ScopeLocked"


@pytest.mark.parametrize("text", [b"<html>Bad gateway</html>", b"", b"[1, 2]", b'{"error": "text"}', b"\xff\xfe"])
def test_a_body_that_is_no_arm_error_is_judged_by_its_status(text: bytes) -> None:
    error = error_of_response(502, text, CIMultiDict(), EPOCH)

    assert error.verdict == Transient("HTTP502", "HTTP 502 without an explanation")


def test_details_of_odd_shape_are_ignored() -> None:
    document = {"error": {"code": "X", "message": 5, "details": [None, {"code": 7}, {"code": "Y"}]}}

    assert read_refusal(400, body(document)).codes == ("X", "Y")


def test_a_missing_permission_is_named_first() -> None:
    message = (
        "The client 'a' with object id 'b' does not have authorization to perform action "
        "'Microsoft.Compute/galleries/write' over scope '/subscriptions/s' or the scope is invalid."
    )

    judged = classify(refusal(403, "AuthorizationFailed", message))

    assert judged.message.startswith("The identity lacks the permission Microsoft.Compute/galleries/write.")


def test_of_what_a_body_names_the_permission_that_is_missing_is_named_first_and_not_the_one_that_is_there() -> None:
    message = (
        "The client has permission to perform action 'Microsoft.Compute/galleries/images/versions/write' on scope 'x'; "
        "however, it does not have permission to perform action(s) 'Microsoft.Compute/disks/write' on the linked "
        "scope(s) 'y' (respectively) or the linked scope(s) are invalid."
    )

    judged = classify(refusal(403, "LinkedAuthorizationFailed", message))

    assert judged.message.startswith("The identity lacks the permission Microsoft.Compute/disks/write.")


def test_a_source_in_another_tenant_is_told_the_field_that_names_it() -> None:
    message = f"The client has permission to perform action 'Microsoft.Compute/images/read' on 'x'{OF_ANOTHER_TENANT}"

    judged = classify(refusal(403, "LinkedAuthorizationFailed", message))

    assert judged.message.endswith("spec.source.tenantId must name that tenant.")
    assert "lacks the permission" not in judged.message


def test_an_error_carries_what_azures_support_asks_for() -> None:
    error = error_of_response(500, b"{}", CIMultiDict({"x-ms-correlation-request-id": "abc"}), EPOCH)

    assert (error.status, error.correlation_id) == (500, "abc")


@pytest.mark.parametrize(
    ("status", "code", "absent"),
    [
        (404, "ResourceNotFound", True),
        (404, "ResourceGroupNotFound", True),
        (404, "ParentResourceNotFound", True),
        (404, "SubscriptionNotFound", False),
        (404, "InvalidResourceType", False),
        (404, "", False),
        (409, "ResourceNotFound", False),
    ],
)
def test_only_a_404_that_says_so_means_that_a_resource_is_absent(status: int, code: str, absent: bool) -> None:
    document = {"error": {"code": code, "message": "x"}}

    assert is_absence(error_of_response(status, body(document), CIMultiDict(), EPOCH)) is absent


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("https://x/y?sp=r&sig=abc%2Bdef%3D&se=1", "https://x/y?sp=r&sig=REDACTED&se=1"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer REDACTED"),
        ("client_secret=hunter2&x=1", "client_secret=REDACTED&x=1"),
        ("token eyJhbGciOi.eyJzdWIi.c2ln end", "token REDACTED end"),
        ("two\r\n  lines", "two lines"),
        ("the bearer of the design=ok", "the bearer REDACTED the design=ok"),
    ],
)
def test_secrets_do_not_survive_redaction(text: str, clean: str) -> None:
    assert redact(text) == clean


def test_messages_are_bounded() -> None:
    judged = classify(refusal(400, "InvalidParameter", "x" * 100_000))

    assert len(judged.message) <= 1000
