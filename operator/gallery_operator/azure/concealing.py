"""Takes a secret out of what others say, also where they say only a part of it, or say it encoded."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator
from itertools import groupby
from typing import Final
from urllib.parse import quote, quote_plus

#: Characters of the shortest piece that is searched for: shorter ones are parts of too many words.
PIECE: Final = 8


def conceal(text: str, value: str, name: str) -> str:
    """Return `text` with every piece of `value` replaced by `<name>`."""
    pieces = {each[start : start + PIECE] for each in _spellings(value) for start in range(len(each) - PIECE + 1)}
    hidden = bytearray(len(text))
    for start in range(len(text) - PIECE + 1):
        if text[start : start + PIECE] in pieces:
            hidden[start : start + PIECE] = bytes([1]) * PIECE
    runs = groupby(zip(text, hidden, strict=True), key=lambda each: each[1])
    return "".join(f"<{name}>" if is_hidden else "".join(char for char, _ in run) for is_hidden, run in runs)


def _spellings(value: str) -> Iterator[str]:
    """Yield a value as URLs, forms, HTML, JSON and headers spell it."""
    yield value
    yield quote(value, safe="")
    yield quote_plus(value)
    yield html.escape(value)
    yield json.dumps(value)[1:-1]
    for before in range(3):  # base64 takes three bytes at a time, wherever among them the value begins
        encoded = base64.b64encode(bytes(before) + value.encode())
        yield encoded.decode()
        yield encoded.translate(bytes.maketrans(b"+/", b"-_")).decode()
