"""How a wish is compared with Azure, and merged into it."""

from __future__ import annotations

from typing import Any

import pytest

from gallery_operator.domain.difference import ADDED, PRESENT, compact, difference, merge, without
from gallery_operator.domain.plan import Change

JSON = dict[str, Any]


def regions(*entries: JSON) -> JSON:
    return {"properties": {"publishingProfile": {"targetRegions": list(entries)}}}


def at(path: str, value: object) -> JSON:
    """Return a body that holds one value."""
    body: Any = value
    for key in reversed(path.split(".")):
        body = {key: body}
    assert isinstance(body, dict)
    return body


@pytest.mark.parametrize(
    ("path", "wanted", "found"),
    [
        ("location", "westus2", "West US 2"),
        ("properties.storageProfile.source.id", "/subscriptions/s/x", "/SUBSCRIPTIONS/S/X"),
        ("properties.storageProfile.osDiskImage.source.id", "/s/a", "/S/A"),
        ("properties.endOfLifeDate", "2027-01-01T00:00:00Z", "2027-01-01T00:00:00.0000000+00:00"),
        ("properties.endOfLifeDate", "2027-01-01T00:00:00Z", "2027-01-01T02:00:00+02:00"),
        ("properties.endOfLifeDate", "2027-01-01T00:00:00Z", "2027-01-01T00:00:00"),
        ("properties.publishingProfile.endOfLifeDate", "2027-01-01T00:00:00Z", "2027-01-01T00:00:00+00:00"),
        ("properties.publishingProfile.storageAccountType", "Standard_LRS", "standard_lrs"),
        ("properties.disallowed.diskTypes", ["Premium_LRS", "Standard_LRS"], ["standard_lrs", "Premium_LRS"]),
        ("properties.osType", "Linux", "linux"),
        ("identity.type", "SystemAssigned, UserAssigned", "userassigned,SystemAssigned"),
        ("identity.type", "None", None),
        ("properties.osState", "Generalized", "generalized"),
        ("properties.hyperVGeneration", "V2", "v2"),
        ("properties.architecture", "x64", "X64"),
        ("properties.storageProfile.osDiskImage.hostCaching", "ReadOnly", "readOnly"),
    ],
)
def test_two_spellings_of_the_same_value_do_not_differ(path: str, wanted: object, found: object) -> None:
    assert difference(at(path, wanted), at(path, found)) == ()


@pytest.mark.parametrize(
    ("path", "wanted", "found"),
    [
        ("location", "westus2", "West US"),
        ("properties.storageProfile.source.id", "/s/a", "/s/b"),
        ("properties.endOfLifeDate", "2027-01-01T00:00:00Z", "2027-01-01T00:00:01Z"),
        ("properties.endOfLifeDate", "2027-01-01T00:00:00Z", "soon"),
        ("properties.description", "Web", "web"),
        ("properties.disallowed.diskTypes", ["Premium_LRS"], ["Premium_LRS", "Standard_LRS"]),
        ("properties.disallowed.diskTypes", [], ["Premium_LRS"]),
        ("properties.description", "", "old"),
        ("properties.publishingProfile.excludeFromLatest", False, True),
        ("properties.softDeletePolicy.gracePeriodInDays", 0, None),
        ("tags.team", "A", "a"),
    ],
)
def test_a_change_names_its_path_and_both_values(path: str, wanted: object, found: object) -> None:
    assert difference(at(path, wanted), at(path, found)) == (Change(path, found, wanted, path),)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("properties.disallowed.diskTypes", []),
        ("properties.description", ""),
        ("properties.publishingProfile.excludeFromLatest", False),
        ("properties.softDeletePolicy.isSoftDeleteEnabled", False),
    ],
)
def test_what_azure_leaves_out_because_it_is_empty_is_no_difference(path: str, wanted: object) -> None:
    assert difference(at(path, wanted), {}) == ()


def test_a_tag_without_a_value_that_azure_lacks_is_a_difference() -> None:
    assert [each.path for each in difference({"tags": {"team": ""}}, {"tags": {}})] == ["tags.team"]


def test_an_absent_region_flag_means_not_excluded() -> None:
    assert difference(regions({"name": "eastus2", "excludeFromLatest": False}), regions({"name": "East US 2"})) == ()


def test_fields_that_only_azure_has_are_not_looked_at() -> None:
    found = {"location": "x", "tags": {"theirs": "1"}, "properties": {"provisioningState": "Succeeded"}}
    assert difference({"location": "x", "tags": {}}, found) == ()


def test_the_order_of_regions_is_no_difference() -> None:
    found = regions({"name": "West US 2"}, {"name": "East US 2"})
    assert difference(regions({"name": "eastus2"}, {"name": "westus2"}), found) == ()


def test_a_region_is_named_by_its_key_when_it_is_added_changed_or_removed() -> None:
    wanted = regions({"name": "eastus2", "regionalReplicaCount": 3}, {"name": "westus2"})
    found = regions({"name": "East US 2", "regionalReplicaCount": 1}, {"name": "Japan East"})
    path = "properties.publishingProfile.targetRegions"
    assert difference(wanted, found) == (
        Change(f"{path}[eastus2].regionalReplicaCount", 1, 3, f"{path}.regionalReplicaCount"),
        Change(f"{path}[westus2]", None, ADDED, path),
        Change(f"{path}[Japan East]", PRESENT, None, path),
    )


IDENTITY = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities"


def identities(**users: Any) -> JSON:
    return {"identity": {"userAssignedIdentities": {f"{IDENTITY}/{name}": value for name, value in users.items()}}}


def test_user_identities_are_compared_by_id_alone_and_in_any_case() -> None:
    found = {"identity": {"userAssignedIdentities": {f"{IDENTITY.upper()}/A": {"principalId": "p", "clientId": "c"}}}}
    assert difference(identities(a={}), found) == ()


def test_user_identities_are_added_and_removed_by_name_and_no_read_only_field_is_sent() -> None:
    found, path = identities(a={"principalId": "p"}, b={"clientId": "c"}), "identity.userAssignedIdentities"
    assert difference(identities(b={}, c={}), found) == (
        Change(f"{path}[{IDENTITY}/c]", None, ADDED, path),
        Change(f"{path}[{IDENTITY}/a]", PRESENT, None, path),
    )
    assert merge(found, identities(b={}, c={})) == identities(b={}, c={})
    assert without(found, frozenset()) == identities(a={}, b={})


def test_ranges_are_compared_and_merged_as_a_whole() -> None:
    found = at("properties.recommended.vCPUs", {"min": 1, "max": 4})
    wanted = at("properties.recommended.vCPUs", {"max": 8})
    assert {each.path[-3:]: each.wanted for each in difference(wanted, found)} == {"max": 8, "min": None}
    assert merge(found, wanted) == wanted


def test_the_feature_that_azure_fills_in_is_neither_a_difference_nor_lost() -> None:
    wanted = {"properties": {"features": [{"name": "IsHibernateSupported", "value": "True"}]}}
    found = {"properties": {"features": [{"name": "SecurityType", "value": "Standard"}]}}
    assert [each.found for each in difference(wanted, found)] == [None]
    merged = merge(found, wanted)
    assert {each["name"] for each in merged["properties"]["features"]} == {"IsHibernateSupported", "SecurityType"}


def test_merging_keeps_what_the_wish_does_not_name() -> None:
    found = regions({"name": "East US 2", "regionalReplicaCount": 2, "storageAccountType": "Standard_ZRS"})
    merged = merge(found, regions({"name": "eastus2", "regionalReplicaCount": 3}))
    assert merged == regions({"name": "eastus2", "regionalReplicaCount": 3, "storageAccountType": "Standard_ZRS"})


def test_merging_drops_regions_that_the_wish_lacks() -> None:
    merged = merge(regions({"name": "East US 2"}, {"name": "Japan East"}), regions({"name": "eastus2"}))
    assert merged == regions({"name": "eastus2"})


@pytest.mark.parametrize("odd", [None, 1, "x", [], {}, [1, None, "x", {}, {"name": None}, {"name": []}, {"name": {}}]])
def test_regions_that_make_no_sense_count_as_none(odd: object) -> None:
    found = {"properties": {"publishingProfile": {"targetRegions": odd}}}
    assert [each.wanted for each in difference(regions({"name": "eastus2"}), found)] == [ADDED]
    assert merge(found, regions({"name": "eastus2"})) == regions({"name": "eastus2"})


def test_paths_inside_lists_are_left_out_too() -> None:
    body = {"a": {"list": [{"keep": 1, "drop": 2}, "text"], "drop": 3}, "b": 1}
    assert without(body, frozenset({"a.list.drop", "b"})) == {"a": {"list": [{"keep": 1}, "text"], "drop": 3}}


def test_compacting_drops_nulls_and_what_they_leave_empty_but_not_what_was_empty() -> None:
    assert compact({"a": None, "b": {"c": None}, "d": {}, "e": [], "f": [{"g": None, "h": 0}]}) == {
        "d": {},
        "e": [],
        "f": [{"h": 0}],
    }


def test_a_change_is_shown_briefly() -> None:
    assert str(Change("tags.team", None, "x" * 500)) == f"tags.team: unset -> {'x' * 120}"
