"""What ARM's headers say about time and limits."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from gallery_operator.azure.headers import (
    MAX_RETRY_AFTER,
    correlation_id,
    remaining,
    remaining_in_subscription,
    retry_after,
)
from tests.unit.azure.conftest import EPOCH


def headers(**named: str) -> CIMultiDict[str]:
    return CIMultiDict({name.replace("_", "-"): value for name, value in named.items()})


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (headers(Retry_After="17"), 17.0),
        (headers(Retry_After="0"), 0.0),
        (headers(x_ms_retry_after_ms="1500"), 1.5),
        (headers(Retry_After="9", x_ms_retry_after_ms="250"), 0.25),
        (headers(Retry_After="Mon, 23 Nov 2026 10:00:42 GMT"), 42.0),
        (headers(Retry_After="Mon, 23 Nov 2026 09:00:00 GMT"), 0.0),
        (headers(Retry_After="999999"), MAX_RETRY_AFTER),
        (headers(Retry_After="-5"), 0.0),
        (headers(Retry_After="soon"), None),
        (headers(Retry_After="1e9"), None),
        (headers(Retry_After="nan"), None),
        (headers(), None),
    ],
)
def test_retry_after_is_read_in_each_of_its_forms_and_bounded(given: CIMultiDict[str], seconds: float | None) -> None:
    assert retry_after(given, EPOCH) == seconds


def test_a_retry_after_date_counts_from_azures_clock_not_from_ours() -> None:
    given = headers(Retry_After="Mon, 23 Nov 2026 12:00:30 GMT", Date="Mon, 23 Nov 2026 12:00:00 GMT")

    assert retry_after(given, EPOCH) == 30.0


@pytest.mark.parametrize(
    ("value", "left"),
    [
        ("Microsoft.Compute/CreateUpdateGallery3Min;49,Microsoft.Compute/CreateUpdateGallery30Min;299", 49),
        ("Microsoft.Compute/GetGallery3Min;349, Microsoft.Compute/GetGallery30Min;0", 0),
        ("Microsoft.Compute/GetGallery3Min;-2", -2),
        ("nonsense", None),
        ("", None),
    ],
)
def test_the_scarcest_window_of_a_policy_counts(value: str, left: int | None) -> None:
    assert remaining(headers(x_ms_ratelimit_remaining_resource=value)) == left


def test_what_is_left_in_the_subscription_is_read_by_kind() -> None:
    given = headers(x_ms_ratelimit_remaining_subscription_writes="198")

    assert remaining_in_subscription(given, "writes") == 198
    assert remaining_in_subscription(given, "reads") is None


def test_the_correlation_id_comes_before_the_request_id() -> None:
    assert correlation_id(headers(x_ms_correlation_request_id="c", x_ms_request_id="r")) == "c"
    assert correlation_id(headers(x_ms_request_id="r")) == "r"
    assert correlation_id(headers()) is None
