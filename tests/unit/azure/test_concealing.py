"""Secrets in what Azure says, whole, in part and encoded."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest

from gallery_operator.azure.concealing import conceal

SECRET = 'a~client+secret/of 40&"characters"<or-so>='


@pytest.mark.parametrize(
    "spelled",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        html.escape(SECRET),
        json.dumps(SECRET)[1:-1],
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
    ],
)
def test_a_secret_is_concealed_however_it_is_spelled(spelled: str) -> None:
    assert conceal(f"You sent {spelled}.", SECRET, "KEY") == "You sent <KEY>."


def test_a_secret_is_found_within_what_is_encoded_with_it() -> None:
    header = base64.b64encode(f"66666666-7777-8888-9999-aaaaaaaaaaaa:{SECRET}".encode()).decode()

    told = conceal(f"Authorization: Basic {header}", SECRET, "KEY")

    assert b"client" not in base64.b64decode(told.partition("Basic ")[2].partition("<")[0] + "==")


def test_a_part_of_a_secret_is_concealed_too() -> None:
    assert conceal(f"it begins with {SECRET[:10]}…, not with this", SECRET, "KEY") == (
        "it begins with <KEY>…, not with this"
    )


def test_other_words_stay() -> None:
    assert conceal("Application a~client was not found", SECRET, "KEY") == "Application <KEY> was not found"
    assert conceal("The client is not known; secrets of others are", SECRET, "KEY").startswith("The client is not")
