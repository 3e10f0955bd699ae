"""Why an object cannot be brought to Azure yet."""

from __future__ import annotations

from gallery_operator.domain.plan import Blocked, Wait


class CannotPlace(Exception):  # noqa: N818 - it carries a plan, not an error
    """The object has no place in Azure yet, or no credential to go there with."""

    def __init__(self, step: Wait | Blocked) -> None:
        super().__init__(step.message)
        self.step = step
