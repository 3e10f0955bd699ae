"""What queue and workers tell about themselves. `telemetry` implements it; the engine imports no metrics library."""

from __future__ import annotations

from typing import Protocol


class EngineMetrics(Protocol):
    """Hooks named after the client-go and controller-runtime metrics they feed. Times are real seconds."""

    def queue_added(self, kind: str) -> None:
        """A key became due that was not due before (`workqueue_adds_total`)."""

    def queue_depth(self, kind: str, depth: int) -> None:
        """So many keys of the kind wait for a worker now (`workqueue_depth`)."""

    def queue_taken(self, kind: str, waited: float) -> None:
        """A worker took a key that had waited so long (`workqueue_queue_duration_seconds`)."""

    def queue_done(self, kind: str, worked: float) -> None:
        """A worker gave a key back after so long (`workqueue_work_duration_seconds`)."""

    def queue_retried(self, kind: str) -> None:
        """A key was put back with backoff (`workqueue_retries_total`)."""

    def reconciled(self, kind: str, result: str, seconds: float) -> None:
        """A reconcile ended as `result`: success, requeue_after, error or terminal."""

    def active_workers(self, kind: str, change: int) -> None:
        """A worker began (+1) or ended (-1) a reconcile of the kind (`controller_runtime_active_workers`)."""


class NoMetrics:
    """Metrics nobody looks at."""

    def queue_added(self, kind: str) -> None: ...

    def queue_depth(self, kind: str, depth: int) -> None: ...

    def queue_taken(self, kind: str, waited: float) -> None: ...

    def queue_done(self, kind: str, worked: float) -> None: ...

    def queue_retried(self, kind: str) -> None: ...

    def reconciled(self, kind: str, result: str, seconds: float) -> None: ...

    def active_workers(self, kind: str, change: int) -> None: ...
