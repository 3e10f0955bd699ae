"""What the ARM side tells about its traffic: metrics are somebody else's job."""

from __future__ import annotations

from typing import Protocol


class ArmObserver(Protocol):
    """Hears of every request. Arguments name operations and policies, never single resources."""

    def request(self, operation: str, code: str, seconds: float) -> None:
        """Hear of a request that ended: `code` is its HTTP status or the reason why there was none."""
        ...

    def throttled(self, policy: str) -> None:
        """Hear that a request was put off: by Azure (429) or by our own budget."""
        ...


class NoObserver:
    """Listens to nothing."""

    def request(self, operation: str, code: str, seconds: float) -> None:
        pass

    def throttled(self, policy: str) -> None:
        pass
