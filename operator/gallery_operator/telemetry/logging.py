"""Logs: one JSON object per line, or text for people. Secrets are taken out of every line just before it is written."""

from __future__ import annotations

import logging
import re
import sys
import time
from typing import Final, Literal, TextIO

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.orjson import OrjsonFormatter

#: Loggers that tell one line per object or request at INFO.
_NOISY: Final = ("kopf.objects", "azure", "msal", "aiohttp.access", "asyncio")
#: Repeat URL and words of a token endpoint, with the ids of whatever Secret was used; our own lines and statuses say
#: whose credential was refused and why, without them.
_TALKATIVE: Final = (
    "azure.identity.aio._internal",
    "azure.identity.aio._credentials.managed_identity",
    "azure.core.pipeline.policies.http_logging_policy",
    "msal",
)
#: What kopf attaches to its records for its own use.
_KOPF_ATTRIBUTES: Final = ("k8s_skip", "k8s_ref", "settings")

_HIDDEN: Final = "***"
#: A bare value ends where a URL, a form or prose ends it.
_VALUE: Final = r"[^\s\"'\\&,;<>()\[\]{}]+"
#: Between a name and its value: `=`, `: `, `": "`, and the same inside of a JSON string (`\": \"`).
_IS: Final = r"\\*[\"']?\s*[=:]\s*(?P<quote>\\*[\"'])?"
#: A quoted value ends at the same quote, at the latest where the JSON string around it ends.
_QUOTED_OR_BARE: Final = rf"(?(quote)(?:(?!(?P=quote)|\")(?:\\.|[^\\]))+|{_VALUE})"
#: Each has three groups: name, separator and the opening quote, if any; what follows them is hidden.
_SECRETS: Final = (
    re.compile(rf"\b(authorization)({_IS}(?:bearer|basic)\s+){_VALUE}", re.IGNORECASE),
    re.compile(rf"\b(bearer)(\s+)()(?=\S{{20}}){_VALUE}", re.IGNORECASE),
    # a shared access signature in a blob's URL, plain or escaped
    re.compile(rf"(?:\b|(?<=%26)|(?<=%3F))(sig)(=|%3D)(){_VALUE}", re.IGNORECASE),
    # forms, JSON, connection strings and keyword arguments
    re.compile(
        r"\b(client_?secret|client_?assertion|assertion|access_?token|refresh_?token|id_?token|password|"
        rf"account_?key|shared_?access_?(?:key|signature))({_IS}){_QUOTED_OR_BARE}",
        re.IGNORECASE,
    ),
    # a JSON web token wherever it stands
    re.compile(r"\b()()()eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?"),
)


def redact(text: str) -> str:
    """Return the text with tokens, signatures and passwords replaced by `***`; JSON stays JSON."""
    for pattern in _SECRETS:
        text = pattern.sub(_hide, text)
    return text


def _hide(match: re.Match[str]) -> str:
    name, separator, _ = match.groups()
    is_json_literal = separator.rstrip() == '":'  # a number or null: what replaces it has to be JSON, too
    return f'{name}{separator}"{_HIDDEN}"' if is_json_literal else f"{name}{separator}{_HIDDEN}"


class _JsonFormatter(OrjsonFormatter):
    def __init__(self) -> None:
        super().__init__(
            ["asctime", "levelname", "name", "message"],
            rename_fields={"asctime": "ts", "levelname": "level", "name": "logger", "message": "msg"},
            reserved_attrs=[*RESERVED_ATTRS, *_KOPF_ATTRIBUTES],
        )

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        return _rfc3339(record)

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class _TextFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        return _rfc3339(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        skipped = {*RESERVED_ATTRS, *_KOPF_ATTRIBUTES}
        extra = [f"{name}={value}" for name, value in record.__dict__.items() if name not in skipped]
        return " ".join([super().formatMessage(record), *extra])

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def _rfc3339(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03d}Z"


def configure(style: Literal["json", "text"] = "json", level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send every log line to `stream` (default: standard error), replacing what was configured before.

    :param level: of our own loggers and of most libraries; those that tell one line per object stay at WARNING, unless
        DEBUG is asked for.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_JsonFormatter() if style == "json" else _TextFormatter())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(True)  # else they are lines of plain text among the JSON
    quiet = logging.NOTSET if level.upper() == "DEBUG" else logging.WARNING
    for name in _NOISY:
        logging.getLogger(name).setLevel(quiet)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
