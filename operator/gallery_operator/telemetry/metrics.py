"""Prometheus metrics. Names and labels are those of controller-runtime and client-go, so that their dashboards work.

Labels never name an object: at 10,000 versions that would be 10,000 series. `controller` and `name` are the kind in
lower case, as controller-runtime names a controller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

#: Per kind how long, in seconds, each reconcile that runs now has been running.
Running = Callable[[], Mapping[str, Sequence[float]]]

#: From a reconcile that only reads a cache to one that waits for a throttled Azure.
_SECONDS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800)
#: ARM answers in 50 ms to 60 s.
_REQUEST_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
#: Replication takes minutes to many hours.
_REPLICATION_SECONDS: Final = (60, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 57600, 86400)


class Metrics:
    """Every metric of the operator, registered in one registry of its own.

    It fits the metrics protocols of `engine`, `azure` and `kube` by shape; those packages do not import it.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._queue_metrics()
        self._reconcile_metrics()
        self._azure_metrics()
        self._own_metrics()

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(name, help_text, labels, registry=self.registry)

    def _gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(name, help_text, labels, registry=self.registry)

    def _histogram(self, name: str, help_text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(name, help_text, labels, buckets=buckets, registry=self.registry)

    def _queue_metrics(self) -> None:
        prefix = "workqueue"
        self._adds = self._counter(f"{prefix}_adds_total", "Keys that became due.", "name")
        self._depth = self._gauge(f"{prefix}_depth", "Keys that wait for a worker.", "name")
        self._retries = self._counter(f"{prefix}_retries_total", "Keys put back with backoff.", "name")
        self._waited = self._histogram(
            f"{prefix}_queue_duration_seconds", "How long keys wait for a worker.", _SECONDS, "name"
        )
        self._worked = self._histogram(
            f"{prefix}_work_duration_seconds", "How long workers keep a key.", _SECONDS, "name"
        )

    def _reconcile_metrics(self) -> None:
        prefix, by = "controller_runtime", "controller"
        self._reconciles = self._counter(f"{prefix}_reconcile_total", "Reconciles by result.", by, "result")
        self._errors = self._counter(f"{prefix}_reconcile_errors_total", "Reconciles that failed.", by)
        self._terminal = self._counter(
            f"{prefix}_terminal_reconcile_errors_total", "Reconciles that ended in an error for a person to mend.", by
        )
        self._seconds = self._histogram(f"{prefix}_reconcile_time_seconds", "How long reconciles take.", _SECONDS, by)
        self._active = self._gauge(f"{prefix}_active_workers", "Workers that reconcile now.", by)

    def _azure_metrics(self) -> None:
        prefix = "gallery_operator"
        self._arm_requests = self._counter(
            f"{prefix}_arm_requests_total",
            "Requests to Azure Resource Manager by operation and HTTP status (or why there was none).",
            "operation",
            "code",
        )
        self._arm_seconds = self._histogram(
            f"{prefix}_arm_request_duration_seconds",
            "How long Azure Resource Manager takes to answer.",
            _REQUEST_SECONDS,
            "operation",
        )
        self._arm_throttled = self._counter(
            f"{prefix}_arm_throttled_total", "Requests put off, by Azure (429) or by our own budget.", "policy"
        )
        self._replication = self._histogram(
            f"{prefix}_replication_duration_seconds",
            "How long a version took until it was in every region.",
            _REPLICATION_SECONDS,
        )

        where = ("subscription", "location", "resource")
        self._quota_used = self._gauge(f"{prefix}_quota_used", "Galleries, definitions, versions in a region.", *where)
        self._quota_limit = self._gauge(f"{prefix}_quota_limit", "How many of them Azure allows there.", *where)

    def _own_metrics(self) -> None:
        self._kube_requests = self._counter(
            "rest_client_requests_total",
            "Requests to the Kubernetes API server by HTTP status (<error>: no answer).",
            "code",
            "method",
            "host",
        )
        self._plans = self._counter("gallery_operator_plans_total", "Decisions by kind and plan.", "kind", "plan")
        tasks = self._gauge("gallery_operator_asyncio_tasks", "Tasks of the event loop.")
        tasks.set_function(_task_count)

    def queue_added(self, kind: str) -> None:
        self._adds.labels(kind.lower()).inc()

    def queue_depth(self, kind: str, depth: int) -> None:
        self._depth.labels(kind.lower()).set(depth)

    def queue_taken(self, kind: str, waited: float) -> None:
        self._waited.labels(kind.lower()).observe(waited)

    def queue_done(self, kind: str, worked: float) -> None:
        self._worked.labels(kind.lower()).observe(worked)

    def queue_retried(self, kind: str) -> None:
        self._retries.labels(kind.lower()).inc()

    def reconciled(self, kind: str, result: str, seconds: float) -> None:
        controller = kind.lower()
        self._reconciles.labels(controller, "error" if result == "terminal" else result).inc()
        self._seconds.labels(controller).observe(seconds)
        if result in {"error", "terminal"}:
            self._errors.labels(controller).inc()
        if result == "terminal":  # controller-runtime counts it both ways
            self._terminal.labels(controller).inc()

    def active_workers(self, kind: str, change: int) -> None:
        self._active.labels(kind.lower()).inc(change)

    def request(self, operation: str, code: str, seconds: float) -> None:
        """Count a request to Azure; `code` is the HTTP status, or the reason why no answer came."""
        self._arm_requests.labels(operation, code).inc()
        self._arm_seconds.labels(operation).observe(seconds)

    def throttled(self, policy: str) -> None:
        """Count a request that was put off, by Azure (429) or by our own budget."""
        self._arm_throttled.labels(policy).inc()

    def replicated(self, seconds: float) -> None:
        """Observe how long a version took from its publishing until it was in every region."""
        self._replication.observe(seconds)

    def planned(self, kind: str, plan: str) -> None:
        """Count a decision, for example `Update` for an `ImageVersion`."""
        self._plans.labels(kind.lower(), plan).inc()

    def quota(self, subscription: str, location: str, resource: str, *, used: int, limit: int) -> None:
        """Report how many there are of a resource, such as `galleryImages`, and how many there may be."""
        self._quota_used.labels(subscription, location, resource).set(used)
        self._quota_limit.labels(subscription, location, resource).set(limit)

    def kube_request(self, method: str, host: str, code: int) -> None:
        """Count a request to the API server; `code` is the HTTP status, 0 when no answer came."""
        self._kube_requests.labels(str(code) if code else "<error>", method, host).inc()

    def watch_running(self, running: Running) -> None:
        """Report what `running` says whenever metrics are read."""
        self.registry.register(_RunningCollector(running))

    def watch_resources(self, resources: Callable[[], Mapping[tuple[str, str], int]]) -> None:
        """Report how many objects are in which (kind, state) whenever metrics are read."""
        self.registry.register(_ResourcesCollector(resources))


def _task_count() -> int:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:  # read where no loop runs
        return 0


class _RunningCollector(Collector):
    def __init__(self, running: Running) -> None:
        self._running = running

    def collect(self) -> Iterable[Metric]:
        unfinished = GaugeMetricFamily(
            "workqueue_unfinished_work_seconds", "Seconds of work in progress, summed up.", labels=["name"]
        )
        longest = GaugeMetricFamily(
            "workqueue_longest_running_processor_seconds", "Seconds the longest work has run.", labels=["name"]
        )
        for kind, seconds in self._running().items():
            unfinished.add_metric([kind.lower()], sum(seconds))
            longest.add_metric([kind.lower()], max(seconds, default=0))
        return [unfinished, longest]


class _ResourcesCollector(Collector):
    def __init__(self, resources: Callable[[], Mapping[tuple[str, str], int]]) -> None:
        self._resources = resources

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily("gallery_operator_resources", "Objects by kind and state.", labels=["kind", "state"])
        for (kind, state), count in sorted(self._resources().items()):
            family.add_metric([kind.lower(), state], count)
        return [family]
