"""What an ARM error means for a reconcile: four verdicts, and the exception that carries one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something else has to happen first (a parent, a permission, a running operation): look again, slowly."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """Too many requests: look again `after` seconds (on the operator's clock), and not before."""

    after: float
    message: str
    reason: str = "Throttled"


@dataclass(frozen=True, slots=True)
class Transient:
    """Azure or the way to it failed: the same request may succeed, with backoff."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Terminal:
    """Azure will refuse this request for ever: the spec has to change."""

    reason: str
    message: str


Verdict = Waiting | Throttled | Transient | Terminal


class ArmError(Exception):
    """ARM refused or could not be asked. Its texts are bounded and free of secrets."""

    def __init__(
        self, verdict: Verdict, *, status: int | None = None, code: str = "", correlation_id: str | None = None
    ) -> None:
        super().__init__(f"{verdict.reason}: {verdict.message}")
        self.verdict = verdict
        #: The HTTP status; None when there was no answer.
        self.status = status
        #: ARM's error code; empty when it gave none.
        self.code = code
        #: What Azure support asks for.
        self.correlation_id = correlation_id

    @property
    def message(self) -> str:
        return self.verdict.message

    def retold(self, tell: Callable[[str], str]) -> ArmError:
        """Return the same error with its message as `tell` returns it."""
        verdict = replace(self.verdict, message=tell(self.verdict.message))
        return ArmError(verdict, status=self.status, code=self.code, correlation_id=self.correlation_id)
