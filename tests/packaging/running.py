"""The operator as a process of its own, configured by the chart's Deployment and acting as its ServiceAccount."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from dev.demo.operator_process import OperatorProcess

ROOT = Path(__file__).parents[2]
#: Real seconds in which anything a test waits for must have come; a loaded machine is slow.
PATIENCE = 60.0

T = TypeVar("T")


def eventually(look: Callable[[], T | None], what: str, *, otherwise: Callable[[], str]) -> T:
    """Return what `look` returns as soon as that is truthy; fails, telling `otherwise`, when it never is."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {PATIENCE:.0f} s\n{otherwise()}")


@contextmanager
def configured(deployment: Mapping[str, Any], environment: Mapping[str, str], log: Path) -> Iterator[OperatorProcess]:
    """Yield what the Deployment's container would run, not started, with variables of `environment` on top."""
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["run"]
    declared = {each["name"]: each["value"] for each in container["env"]}
    operator = OperatorProcess({**declared, **environment, "GALLERY_OPERATOR_LOG_FORMAT": "text"}, log)
    try:
        yield operator
    finally:
        operator.kill()
