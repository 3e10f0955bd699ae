"""Rate limits: headers always, refusals when switched on."""

from __future__ import annotations

import json
from datetime import timedelta

from dev.azure_simulator import Switchboard
from dev.azure_simulator.throttling import BUCKETS, WINDOWS
from tests.simulator.conftest import Paths
from tests.simulator.support import Http, gallery, version


def test_the_remaining_headers_are_sent_when_nothing_is_enforced(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    for _ in range(3):
        headers = http.get(parents.gallery).headers
    assert headers["x-ms-ratelimit-remaining-resource"] == (
        "Microsoft.Compute/GetGallery3Min;349,Microsoft.Compute/GetGallery30Min;2499"
    )
    assert headers["x-ms-ratelimit-remaining-subscription-reads"] == "249"
    assert headers["x-ms-ratelimit-remaining-subscription-global-reads"] == "3749"


def test_the_policies_are_those_recorded(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.create([(parents.version, version())])
    answers = {
        "CreateUpdateGalleryImageVersion": http.patch(parents.version, {}),
        "GetGalleryImageVersion": http.get(parents.version),
        "ListGalleryImageVersionsInGalleryImage": http.get(parents.versions),
        "GetGalleryImage": http.get(parents.definition),
        "ListGalleryInResourceGroup": http.get(http.galleries),
        "CreateUpdateGallery": http.put(parents.gallery, gallery()),
        "DeleteGalleryImage": http.delete(f"{parents.gallery}/images/none"),
    }
    for policy, answer in answers.items():
        assert answer.ok, answer.text
        short, long = (limit - 1 for limit in WINDOWS[policy])
        expected = f"Microsoft.Compute/{policy}3Min;{short},Microsoft.Compute/{policy}30Min;{long}"
        assert answer.headers["x-ms-ratelimit-remaining-resource"] == expected
    operation = http.get(answers["CreateUpdateGallery"].headers["Azure-AsyncOperation"])
    assert "GetOperationStatus3Min;4999" in operation.headers["x-ms-ratelimit-remaining-resource"]


def test_a_used_up_window_refuses_as_the_compute_provider_does_until_it_ends(
    azure: Switchboard, http: Http, paths: Paths
) -> None:
    azure.configure(throttling=True)
    azure.set_speed(0.001)
    allowed = WINDOWS["DeleteGallery"][0]
    left = [http.delete(paths.gallery).headers["x-ms-ratelimit-remaining-resource"] for _ in range(allowed)]
    assert [int(header.split(",")[0].split(";")[1]) for header in left] == list(range(allowed - 1, -1, -1))
    refused = http.delete(paths.gallery)
    assert refused.status_code == 429
    error = refused.json()
    assert (error["code"], error["details"][0]["code"]) == ("OperationNotAllowed", "TooManyRequests")
    assert error["details"][0]["target"] == "DeleteGallery3Min"
    numbers = json.loads(error["details"][0]["message"])
    assert (numbers["allowedRequestCount"], numbers["measuredRequestCount"]) == (allowed, allowed + 1)
    wait = int(refused.headers["Retry-After"])
    assert 0 < wait <= 180
    azure.advance(timedelta(seconds=wait))
    assert http.delete(paths.gallery).status_code == 204


def test_the_long_window_counts_on_when_the_short_one_starts_anew(azure: Switchboard, http: Http, paths: Paths) -> None:
    azure.configure(throttling=True)
    http.delete(paths.gallery)
    azure.advance(timedelta(minutes=4))
    header = http.delete(paths.gallery).headers["x-ms-ratelimit-remaining-resource"]
    assert header == "Microsoft.Compute/DeleteGallery3Min;49,Microsoft.Compute/DeleteGallery30Min;298"


def test_an_empty_bucket_of_arm_refuses_and_refills_with_the_clock(
    azure: Switchboard, http: Http, paths: Paths
) -> None:
    azure.configure(throttling=True)
    azure.set_speed(0.001)
    size, per_second = BUCKETS["writes"]
    left = [
        int(http.patch(paths.version, {}).headers["x-ms-ratelimit-remaining-subscription-writes"]) for _ in range(size)
    ]
    assert left == list(range(size - 1, -1, -1))
    refused = http.patch(paths.version, {})
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert refused.json()["error"]["code"] == "SubscriptionRequestsThrottled"
    azure.advance(timedelta(seconds=1))
    headers = http.patch(paths.version, {}).headers
    assert int(headers["x-ms-ratelimit-remaining-subscription-writes"]) == per_second - 1
