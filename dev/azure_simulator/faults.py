"""The fault switchboard: what goes wrong, for which requests, how many times."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeVar, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, field_validator

from dev.azure_simulator.regions import normalise


class _Fault(BaseModel):
    """A fault strikes requests whose "METHOD /path" contains the regular expression `match`, in whatever case."""

    model_config = ConfigDict(extra="forbid")

    match: str = Field("", max_length=1000)
    #: How many times it strikes; None: until the faults are cleared.
    times: int | None = Field(1, ge=1)

    @field_validator("match")
    @classmethod
    def _is_regular_expression(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            msg = f"not a regular expression: {error}"
            raise ValueError(msg) from None
        return value


class FailOperation(_Fault):
    """The write is accepted, but its long-running operation fails."""

    kind: Literal["fail_operation"] = "fail_operation"
    code: str = "InternalServerError"
    message: str = "An internal execution error occurred. Please retry later."


class FailRegion(_Fault):
    """A replication attempt in one region fails; `times` counts attempts in that region."""

    kind: Literal["fail_region"] = "fail_region"
    region: Annotated[str, AfterValidator(normalise)]
    details: str = "Failed with internal server error."


class FailSharing(_Fault):
    """A sharing update fails in one region, which the sharing status shows; its operation succeeds. [?]"""

    kind: Literal["fail_sharing"] = "fail_sharing"
    region: Annotated[str, AfterValidator(normalise)]
    details: str = "Failed with internal server error."


class Delay(_Fault):
    """The answer takes so long, in seconds of the clock; the effect comes after the wait."""

    kind: Literal["delay"] = "delay"
    seconds: float = Field(ge=0)


class Throttle(_Fault):
    """429 as the compute provider says it, with Retry-After in seconds or as an HTTP date."""

    kind: Literal["throttle"] = "throttle"
    retry_after: int = Field(30, ge=0)
    as_date: bool = False


class Refuse(_Fault):
    """The request is refused with this status and error; 500 and 503, too."""

    kind: Literal["refuse"] = "refuse"
    status: int = Field(500, ge=400, le=599)
    code: str = "InternalServerError"
    message: str = "The server encountered an internal error. Please retry the request."
    retry_after: int | None = Field(None, ge=0)


class Drop(_Fault):
    """The connection breaks without an answer, before the request has its effect or after it."""

    kind: Literal["drop"] = "drop"
    when: Literal["before", "after"] = "before"


class ForeignOperation(_Fault):
    """The answer names an operation URL on another host."""

    kind: Literal["foreign_operation"] = "foreign_operation"
    host: str = "https://management.example"


Fault = Annotated[
    FailOperation | FailRegion | FailSharing | Delay | Throttle | Refuse | Drop | ForeignOperation,
    Field(discriminator="kind"),
]
FAULT: TypeAdapter[Fault] = TypeAdapter(Fault)
_T = TypeVar("_T", bound=_Fault)


class Faults:
    """The faults that are armed; each request takes those that strike it."""

    def __init__(self) -> None:
        self._armed: list[Fault] = []

    def arm(self, fault: Fault) -> None:
        self._armed.append(fault)

    def armed(self) -> list[Fault]:
        """Return what is still to strike."""
        return list(self._armed)

    def clear(self) -> None:
        self._armed.clear()

    def take(self, kind: type[_T], request: str, **fields: str) -> _T | None:
        """Return the first fault of a kind that strikes `request` ("METHOD /path"), and count it.

        `fields`: values the fault must have, as the ARM name of its region.
        """
        for fault in self._armed:
            fits = isinstance(fault, kind) and all(getattr(fault, name) == value for name, value in fields.items())
            if fits and re.search(fault.match, request, re.IGNORECASE):
                self._count(fault)
                return cast("_T", fault)
        return None

    def _count(self, fault: _Fault) -> None:
        if fault.times is not None:
            fault.times -= 1
        self._armed = [armed for armed in self._armed if armed.times != 0]
