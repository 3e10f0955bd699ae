"""Faults: each strikes the requests it matches, as often as it was told, and no others."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
import requests

from dev.azure_simulator import Delay, Drop, ForeignOperation, Refuse, Switchboard, Throttle
from tests.simulator.conftest import Paths
from tests.simulator.support import Http, gallery, version

SECOND = timedelta(seconds=1)


def test_a_fault_strikes_only_what_it_matches_and_only_so_many_times(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    azure.fault(Refuse(match=r"GET .*/images/ubuntu$", times=2, status=503, code="ServiceUnavailable", message="later"))
    assert http.get(parents.gallery).status_code == 200
    assert [http.get(parents.definition).status_code for _ in range(3)] == [503, 503, 200]


def test_a_fault_without_number_strikes_until_it_is_cleared(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.fault(Refuse(times=None))
    answers = [http.get(parents.gallery) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {500}
    assert answers[0].json()["error"]["code"] == "InternalServerError"
    assert len(azure.faults()) == 1
    azure.clear_faults()
    assert http.get(parents.gallery).status_code == 200
    assert azure.faults() == []


def test_a_refusal_carries_status_code_message_and_retry_after(azure: Switchboard, http: Http, paths: Paths) -> None:
    azure.fault(Refuse(status=403, code="AuthorizationFailed", message="no", retry_after=7))
    answer = http.put(paths.gallery, gallery())
    assert answer.json() == {"error": {"code": "AuthorizationFailed", "message": "no"}}
    assert (answer.status_code, answer.headers["Retry-After"]) == (403, "7")
    assert azure.resources() == []


def test_throttling_tells_when_to_retry_in_seconds(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.fault(Throttle(retry_after=17))
    answer = http.get(parents.gallery)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "17")
    assert answer.json()["code"] == "OperationNotAllowed"
    assert answer.json()["details"][0]["code"] == "TooManyRequests"


def test_throttling_tells_when_to_retry_as_a_date_of_the_clock(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.advance(timedelta(days=3))
    before = azure.now()
    azure.fault(Throttle(retry_after=120, as_date=True))
    answer = http.get(parents.gallery)
    until = parsedate_to_datetime(answer.headers["Retry-After"])
    assert timedelta(seconds=118) <= until - before <= timedelta(seconds=150)
    assert parsedate_to_datetime(answer.headers["Date"]) - datetime.now(UTC) > timedelta(days=2)


@pytest.mark.parametrize(("when", "exists"), [("before", False), ("after", True)])
def test_a_dropped_connection_leaves_the_effect_or_not(
    azure: Switchboard, http: Http, paths: Paths, when: str, exists: bool
) -> None:
    azure.fault(Drop.model_validate({"when": when, "match": "PUT"}))
    with pytest.raises(requests.ConnectionError):
        http.put(paths.gallery, gallery())
    assert (azure.resource(paths.gallery) is not None) == exists
    (entry,) = azure.journal("PUT")
    assert entry.status is None
    assert http.put(paths.gallery, gallery()).ok != exists  # a retry meets the running create


def test_a_delay_lasts_on_the_clock_and_ends_when_it_is_stepped(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.fault(Delay(seconds=3600, match="GET .*/shared$"))
    answers: list[requests.Response] = []
    waiting = threading.Thread(target=lambda: answers.append(http.get(parents.gallery)))
    waiting.start()
    while not azure.journal("GET .*/shared$"):
        assert waiting.is_alive()
    waiting.join(0.2)
    assert waiting.is_alive()
    azure.advance(timedelta(hours=2))
    waiting.join(10)
    assert [answer.status_code for answer in answers] == [200]


def test_an_operation_url_can_point_to_a_foreign_host(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.fault(ForeignOperation(match="DELETE", host="https://evil.example"))
    headers = http.delete(parents.definition).headers
    assert headers["Azure-AsyncOperation"].startswith("https://evil.example/subscriptions/")
    assert headers["Location"].startswith("https://evil.example/subscriptions/")
    assert azure.faults() == []


def test_a_new_resource_can_stay_invisible_for_a_while(azure: Switchboard, http: Http, paths: Paths) -> None:
    azure.configure(create_lag=30)
    assert http.put(paths.gallery, gallery()).status_code == 201
    assert http.get(paths.gallery).status_code == 404
    assert http.get(f"{paths.gallery}/images").json()["error"]["code"] == "ParentResourceNotFound"
    assert http.get(http.galleries).json()["value"] == []
    azure.advance(31 * SECOND)
    assert http.get(paths.gallery).status_code == 200
    assert len(http.get(http.galleries).json()["value"]) == 1


def test_a_parent_can_remember_its_last_child_for_a_while(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.configure(child_delete_lag=15)
    azure.create([(parents.version, version())])
    http.delete(parents.version)
    azure.advance(121 * SECOND)
    assert http.get(parents.version).status_code == 404
    answer = http.delete(parents.definition)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "CannotDeleteResource")
    assert "versions/1.0.0" in answer.json()["error"]["message"]
    azure.advance(15 * SECOND)
    assert http.delete(parents.definition).status_code == 202


def test_without_lag_a_parent_can_go_right_after_its_last_child(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.create([(parents.version, version())])
    azure.remove(parents.version)
    assert http.delete(parents.definition).status_code == 202


def test_a_fault_with_a_bad_expression_is_refused(azure: Switchboard) -> None:
    with pytest.raises(ValueError, match="not a regular expression"):
        azure.fault(Refuse.model_construct(match="(", times=1, status=500, code="c", message="m"))
