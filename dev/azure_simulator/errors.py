"""The error catalogue: every refusal the simulator utters, with the code and text Azure was seen to use.

`[?]` marks a code, status or text that is an assumption: nobody recorded it. Everything else is recorded or documented.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

SUPPORTED_API_VERSIONS = (
    "2018-06-01",
    "2019-03-01",
    "2019-07-01",
    "2019-12-01",
    "2020-09-30",
    "2021-03-01",
    "2021-07-01",
    "2021-10-01",
    "2022-01-03",
    "2022-03-03",
    "2022-08-03",
    "2023-07-03",
    "2024-03-03",
    "2025-03-03",
    "2025-12-03",
    "2026-03-03",
)


class ArmError(Exception):
    """An error answer of ARM or of a resource provider."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str | None = None,
        details: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        bare: bool = False,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.headers = dict(headers or {})
        self._error: dict[str, Any] = {"code": code, "message": message}
        if target is not None:
            self._error["target"] = target
        if details:
            self._error["details"] = list(details)
        self._bare = bare

    @property
    def error(self) -> dict[str, Any]:
        """The error object: code, message, target and details."""
        return self._error

    def body(self) -> dict[str, Any]:
        """The JSON body of the answer; throttling by the compute provider comes without the outer `error`."""
        return self._error if self._bare else {"error": self._error}


# --- what ARM itself says -------------------------------------------------------------------------------------------


def invalid_request_content(why: str) -> ArmError:
    return ArmError(
        400, "InvalidRequestContent", f"The request content was invalid and could not be deserialized: '{why}'."
    )


def invalid_tags(code: str, message: str) -> ArmError:
    return ArmError(400, code, message)


def missing_api_version() -> ArmError:
    text = "The api-version query parameter (?api-version=) is required for all requests."
    return ArmError(400, "MissingApiVersionParameter", text)  # [?]


def no_registered_provider(location: str, api_version: str, locations: Iterable[str]) -> ArmError:
    text = (
        f"No registered resource provider found for location '{location}' and API version '{api_version}' for type "
        f"'galleries'. The supported api-versions are '{', '.join(SUPPORTED_API_VERSIONS)}'. "
        f"The supported locations are '{', '.join(locations)}'."
    )
    return ArmError(400, "NoRegisteredProviderFound", text)


def subscription_not_found(subscription: str) -> ArmError:
    return ArmError(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")  # [?]


def resource_group_not_found(group: str) -> ArmError:
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


def resource_not_found(nested: str, group: str) -> ArmError:
    text = (
        f"The Resource '{nested}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    )
    return ArmError(404, "ResourceNotFound", text)


def no_such_route(method: str, path: str) -> ArmError:
    return ArmError(404, "InvalidResourceType", f"The simulator does not serve {method} {path[:300]}.")


def method_not_allowed(method: str) -> ArmError:
    text = f"The request type {method} was not expected at this URL."
    return ArmError(405, "HttpMethodNotSupported", text)  # [?]


def unauthenticated(code: str, message: str, authority: str) -> ArmError:
    challenge = f'Bearer authorization_uri="{authority}", error="invalid_token", error_description="{message}"'
    return ArmError(401, code, message, headers={"WWW-Authenticate": challenge})


def linked_permission_missing(action: str, scope: str, linked: str) -> ArmError:
    """The sender may write the resource, but not use what its body names."""
    text = (
        f"The client has permission to perform action 'Microsoft.Compute/galleries/images/versions/write' on scope "
        f"'{scope}'; however, it does not have permission to perform action(s) '{action}' on the linked scope(s) "
        f"'{linked}' (respectively) or the linked scope(s) are invalid."
    )
    return ArmError(403, "LinkedAuthorizationFailed", text)


def wrong_tenant(own: str, wanted: str, authority: str) -> ArmError:
    """The token is from another tenant than the one that the subscription trusts."""
    text = (
        f"The access token is from the wrong issuer 'https://sts.windows.net/{own}/'. It must match the tenant "
        f"'https://sts.windows.net/{wanted}/' associated with this subscription. Please use the authority (URL) "
        f"'{authority}' to get the token. Note, if the subscription is transferred to another tenant there is no "
        "impact to the services, but information about new tenant could take time to propagate (up to an hour). If you "
        "just transferred your subscription and see this error message, please try back later."
    )
    return unauthenticated("InvalidAuthenticationTokenTenant", text, authority)


def authorization_failed(client_id: str, object_id: str, action: str, scope: str) -> ArmError:
    """The sender has no role that allows an action."""
    text = (
        f"The client '{client_id}' with object id '{object_id}' does not have authorization to perform action "
        f"'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your "
        "credentials."
    )
    return ArmError(403, "AuthorizationFailed", text)


def subscription_throttled(operation: str, subscription: str, retry_after: int) -> ArmError:
    """The token bucket of ARM is empty. `retry_after` in seconds."""
    text = (
        f"Number of '{operation}' requests for subscription '{subscription}' exceeded. Please try again after "
        f"'{retry_after}' seconds after additional tokens are available. "
        "Refer to https://aka.ms/arm-throttling for additional information."
    )
    headers = {"Retry-After": str(retry_after)}
    return ArmError(429, "SubscriptionRequestsThrottled", text, headers=headers)  # [?] text


def linked_authorization_failed(action: str, scope: str, tenant: str, subscription: str) -> ArmError:
    """The request names a resource of another tenant, and carries no token of that one."""
    text = (
        f"The client has permission to perform action '{action}' on scope '{scope}', however the current tenant "
        f"'{tenant}' is not authorized to access linked subscription '{subscription}'."
    )
    return ArmError(403, "LinkedAuthorizationFailed", text)


# --- what the gallery service says ----------------------------------------------------------------------------------


def too_many_requests(group: str, *, start: str, end: str, allowed: int, measured: int, retry_after: str) -> ArmError:
    """A window of the compute provider is used up; the body comes without the outer `error`."""
    message = {
        "operationGroup": group,
        "startTime": start,
        "endTime": end,
        "allowedRequestCount": allowed,
        "measuredRequestCount": measured,
    }
    text = "The server rejected the request because too many requests have been received for this subscription."
    detail = {"code": "TooManyRequests", "target": group, "message": orjson.dumps(message).decode()}
    return ArmError(429, "OperationNotAllowed", text, details=[detail], headers={"Retry-After": retry_after}, bare=True)


def parent_not_found(parent: str) -> ArmError:
    text = f"Can not perform requested operation on nested resource. Parent resource '{parent}' not found."
    return ArmError(404, "ParentResourceNotFound", text)  # [?] code


def operation_not_found(name: str) -> ArmError:
    return ArmError(404, "OperationNotFound", f"The operation '{name[:100]}' was not found.")  # [?] code and text


def nested_resources_exist(children: Iterable[str]) -> ArmError:
    text = (
        "Cannot delete resource while nested resources exist. Some existing nested resource IDs include: "
        f"'{', '.join(children)}'. Please delete all nested resources before deleting this resource."
    )
    return ArmError(409, "CannotDeleteResource", text)


def soft_deleted_resources_exist(children: Iterable[str]) -> ArmError:
    """[?] A stand-in: documented is that such a deletion is not supported; status, code and text are assumed."""
    text = (
        "Cannot delete resource while soft-deleted nested resources exist. Some of them include: "
        f"'{', '.join(children)}'. Please restore them, or delete them permanently, before deleting this resource."
    )
    return ArmError(409, "CannotDeleteResource", text)


def failed_version_not_soft_deletable(name: str) -> ArmError:
    """[?] A stand-in: documented is that a failed version cannot be deleted while soft delete is on."""
    text = f"The gallery image version '{name}' is in a failed state and cannot be soft-deleted."
    return ArmError(409, "OperationNotAllowed", text)


def quota_exceeded(name: str, location: str, limit: int, used: int) -> ArmError:
    """[?] A stand-in in the words of other compute quotas: nobody recorded status, code and text."""
    text = (
        f"Operation could not be completed as it results in exceeding approved {name} quota. Additional details - "
        f"Location: {location}, Current Limit: {limit}, Current Usage: {used}, Additional Required: 1."
    )
    return ArmError(409, "OperationNotAllowed", text)


def property_change(path: str) -> ArmError:
    text = f"Changing property '{path}' is not allowed."
    return ArmError(409, "PropertyChangeNotAllowed", text, target=path)


def busy(name: str, state: str) -> ArmError:
    """[?] A stand-in: what Azure answers to a write while another one runs was not recorded."""
    text = f"The resource '{name}' is in provisioning state '{state}': another operation on it is in progress."
    return ArmError(409, "Conflict", text)


def marked_for_deletion(name: str, operation: str) -> ArmError:
    text = (
        f"Operation '{operation}' is not allowed on {name} since it is marked for deletion. "
        "You can only retry the Delete operation (or wait for an ongoing one to complete)."
    )
    return ArmError(409, "OperationNotAllowed", text)


def resource_in_other_location(name: str, there: str, here: str, group: str) -> ArmError:
    text = (
        f"The resource '{name}' already exists in location '{there}' in resource group '{group}'. A resource with the "
        f"same name cannot be created in location '{here}'. Please select a new resource name."
    )
    return ArmError(409, "InvalidResourceLocation", text)


def location_not_available(location: str, resource_type: str, locations: Iterable[str]) -> ArmError:
    text = (
        f"The provided location '{location[:100]}' is not available for resource type '{resource_type}'. "
        f"List of available regions for the resource type is '{','.join(locations)}'."
    )
    return ArmError(400, "LocationNotAvailableForResourceType", text)  # [?] status


def gallery_name_invalid() -> ArmError:
    text = (
        "Gallery name is invalid. Allowed characters are English alphanumeric characters, with underscores and periods "
        "allowed in the middle, up to 80 characters total. All other special characters, including dashes, are "
        "disallowed."
    )
    return ArmError(400, "BadRequest", text)


def gallery_name_taken(name: str, subscription: str) -> ArmError:
    text = (
        f"The gallery name '{name}' is not unique within the subscription '{subscription}'. "
        "Please pick another gallery name."
    )
    return ArmError(409, "Conflict", text)  # [?] status and code


def invalid_parameter(message: str, target: str | None = None) -> ArmError:
    """A refused value.

    [?] The service's documentation prints most of these texts without their code; InvalidParameter is then assumed.
    """
    return ArmError(400, "InvalidParameter", message, target=target)


def out_of_range(value: int, path: str, low: int, high: int) -> ArmError:
    text = (
        f"The value {value} of parameter '{path}' is out of range. "
        f"The value must be between {low} and {high}, inclusive."
    )
    return invalid_parameter(text, path)


def unknown_region(name: str, position: int) -> ArmError:
    """[?] code and text"""
    target = f"galleryImageVersion.properties.publishingProfile.targetRegions[{position}].name"
    return invalid_parameter(f"The region '{name[:100]}' of parameter '{target}' is not known.", target)


def duplicate_regions() -> ArmError:
    text = "Duplicate regions are not allowed in target publishing regions."
    return invalid_parameter(text, "galleryImageVersion.properties.publishingProfile")


def storage_type_mismatch(region: str, existing: str) -> ArmError:
    text = (
        "Global storage account type does not match the storage account type in the existing TargetRegion: "
        f"'{region}'. Please specify '{existing}' as the storage account type for this region."
    )
    return invalid_parameter(text)  # [?] code


def region_drop_not_allowed(regions: Iterable[str]) -> ArmError:
    """[?] A stand-in: only fragments of the text are known; status and code are assumed."""
    text = (
        "Complete set of target locations not specified. Deletion of previously replicated locations is not allowed "
        f"when allowDeletionOfReplicatedLocations is false. Missing locations: '{', '.join(regions)}'."
    )
    return ArmError(409, "OperationNotAllowed", text)


def gallery_is_shared(name: str) -> ArmError:
    """[?] A stand-in: documented is that a shared gallery must be reset first; status, code and text are assumed."""
    text = f"The gallery '{name}' is shared. Reset its sharing profile before deleting it."
    return ArmError(409, "OperationNotAllowed", text)


def deletion_blocked() -> ArmError:
    text = (
        "Deletion of Gallery image version is not allowed because the image is enabled for "
        "blockDeletionBeforeEndOfLife and its endOfLifeDate has not reached yet"
    )
    return ArmError(409, "DeleteGalleryImageVersionBlockedBeforeEndOfLife", text)  # [?] status, and that it is at once


def community_not_found(community_id: str) -> ArmError:
    """[?] What Azure says of a community gallery that does not exist, or not in that region."""
    return ArmError(404, "NotFound", f"The community gallery resource '{community_id[:300]}' was not found.")


def shared_not_found(shared_id: str) -> ArmError:
    """[?] What Azure says of a shared gallery that does not exist, not in that region, or not for this subscription."""
    return ArmError(404, "NotFound", f"The shared gallery resource '{shared_id[:300]}' was not found.")


def replication_failed(failures: Mapping[str, str]) -> dict[str, Any]:
    """The error of an operation that failed in some regions: region name to details. [?] code."""
    regions = ", ".join(f"{{region:{region}, detail:{detail}}}" for region, detail in failures.items())
    text = (
        "Gallery replication jobs failed in one or more regions. The failing regions' details are as follows: "
        f"'{regions}'. If retry does not work, then please do an update by removing the failed regions and update "
        "again by adding them back."
    )
    return {"code": "ReplicationJobsFailed", "message": text}
