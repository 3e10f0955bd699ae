"""Log lines: their shape, and that no secret gets into them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery_operator.telemetry.logging import configure, redact

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJnYWxsZXJ5In0.c2lnbmF0dXJl-_x"
SECRET = "s3cr3t~Value+With/Some=Signs"


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def logged(style: Literal["json", "text"], message: str, *args: object, level: str = "INFO", **kwargs: Any) -> str:
    stream = io.StringIO()
    configure(style, level, stream)
    logging.getLogger("gallery_operator.test").info(message, *args, **kwargs)
    return stream.getvalue()


def test_a_json_line_has_time_level_logger_message_and_the_extra_fields() -> None:
    line = json.loads(logged("json", "planned %s", "Update", extra={"kind": "ImageVersion", "attempt": 2}))
    ts = line.pop("ts")
    assert ts.endswith("Z")
    assert len(ts) == len("2026-01-01T00:00:00.000Z")
    assert line == {
        "level": "INFO",
        "logger": "gallery_operator.test",
        "msg": "planned Update",
        "kind": "ImageVersion",
        "attempt": 2,
    }


def test_what_kopf_attaches_for_itself_is_left_out() -> None:
    extra = {"k8s_ref": {"uid": "u"}, "k8s_skip": True, "settings": object(), "name_of": "x"}
    line = json.loads(logged("json", "hello", extra=extra))
    assert set(line) == {"ts", "level", "logger", "msg", "name_of"}


def test_a_text_line_has_the_same_for_people() -> None:
    line = logged("text", "planned", extra={"kind": "ImageVersion"})
    assert line.endswith("INFO    gallery_operator.test: planned kind=ImageVersion\n")


def test_a_traceback_stays_on_the_json_line_and_is_redacted() -> None:
    stream = io.StringIO()
    configure("json", "INFO", stream)
    try:
        raise ValueError(f"client_secret={SECRET}")
    except ValueError:
        logging.getLogger("x").exception("failed")
    (line,) = stream.getvalue().splitlines()
    assert "Traceback" in json.loads(line)["exc_info"]
    assert SECRET not in line


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"{{'Authorization': 'Bearer {SECRET}'}}",
        f"authorization=Basic {SECRET}",
        f"got bearer {SECRET}",
        f"https://x.blob.core.windows.net/vhds/a.vhd?sv=2024&sig={SECRET}&se=2026",
        f"https://x/?u=sv%3D2024%26sig%3D{SECRET}",
        f"grant_type=client_credentials&client_secret={SECRET}&scope=x",
        f"client_assertion_type=urn:x&client_assertion={SECRET}",
        f"assertion={SECRET}",
        f'{{"access_token": "{SECRET}", "expires_in": 3600}}',
        f'"{{\\"clientSecret\\": \\"{SECRET}\\"}}"',
        f"refresh_token='{SECRET}'",
        f"DefaultEndpointsProtocol=https;AccountKey={SECRET};EndpointSuffix=x",
        f"SharedAccessSignature={SECRET}",
        f"password: {SECRET}",
    ],
)
@pytest.mark.parametrize("style", ["json", "text"])
def test_secrets_do_not_get_into_the_log(style: Literal["json", "text"], text: str) -> None:
    line = logged(style, "seen: %s", text, extra={"detail": text})
    assert SECRET not in line
    assert line.count("***") >= 2
    if style == "json":
        assert set(json.loads(line)) == {"ts", "level", "logger", "msg", "detail"}


def test_a_token_is_hidden_wherever_it_stands() -> None:
    assert redact(f"it was {TOKEN}, you know") == "it was ***, you know"


def test_an_extra_field_with_a_secrets_name_is_hidden_and_json_stays_json() -> None:
    line = json.loads(logged("json", "x", extra={"client_secret": SECRET, "password": 12345, "id_token": None}))
    assert (line["client_secret"], line["password"], line["id_token"]) == ("***", "***", "***")


@pytest.mark.parametrize(
    "text",
    [
        "bearer authentication is used",
        "design=3 signature=4 resigned=x",
        "client_assertion_type=urn:ietf:params:oauth",
        "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/i/versions/1.0.0",
        "the password is wrong",
    ],
)
def test_what_is_no_secret_is_left_as_it_is(text: str) -> None:
    assert redact(text) == text


@given(st.dictionaries(st.sampled_from(["password", "sig", "msg_x", "access_token"]), st.text() | st.integers()))
def test_redacted_json_is_json_with_the_same_fields(fields: dict[str, object]) -> None:
    for text in (json.dumps(fields), json.dumps(fields, separators=(",", ":"))):
        assert set(json.loads(redact(text))) == set(fields)
    assert isinstance(json.loads(redact(json.dumps(json.dumps(fields)))), str)


@given(st.text(alphabet="abc &;,=<>(){}[]'+/\n", min_size=1, max_size=30))
def test_a_quoted_secret_is_hidden_whole_whatever_it_is_made_of(text: str) -> None:
    secret = f"x{text}7731"
    body = json.dumps({"client_secret": secret})
    for line in (body, json.dumps({"msg": f"sent {body}"}), f'client_secret="{secret}"'):
        assert "7731" not in redact(line)
        assert "***" in redact(line)


def test_loggers_that_tell_a_line_per_object_are_quiet_unless_debugging() -> None:
    configure("json", "INFO", io.StringIO())
    quiet = [logging.getLogger(name) for name in ("kopf.objects", "azure.core.pipeline.policies", "azure.identity")]
    assert not any(logger.isEnabledFor(logging.INFO) for logger in quiet)
    assert all(logger.isEnabledFor(logging.WARNING) for logger in quiet)
    assert logging.getLogger("gallery_operator.x").isEnabledFor(logging.INFO)
    configure("json", "DEBUG", io.StringIO())
    assert logging.getLogger("kopf.objects").isEnabledFor(logging.DEBUG)
    configure("json", "INFO", io.StringIO())


def test_configuring_again_replaces_the_former_output() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure("text", "INFO", first)
    configure("text", "INFO", second)
    logging.getLogger("x").info("hello")
    assert first.getvalue() == ""
    assert "hello" in second.getvalue()
