"""Kubernetes Events: what `kubectl describe` shows of the transitions of an object."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, Protocol

from gallery_operator.api.names import FIELD_MANAGER
from gallery_operator.clock import Clock
from gallery_operator.kube.errors import Forbidden, KubeError

log = logging.getLogger(__name__)

#: Limits of events.k8s.io/v1 (pkg/apis/core/validation/events.go in kubernetes/kubernetes).
_LONGEST_NOTE: Final = 1024  # bytes of UTF-8
_LONGEST_NAME: Final = 253


class EventSink(Protocol):
    """Where events go; `Kube` is one."""

    async def create_event(self, event: Mapping[str, Any]) -> None: ...


class EventRecorder:
    """Records events of objects. It never raises: an event that cannot be written is only logged.

    :param clock: measures the silence.
    :param silence: the same event of the same object is not written again for so many seconds of the clock.
    :param remembered: how many events are remembered for that; the oldest are forgotten first.
    :param wall_time: stamps the events. It is not `clock`, since kubectl shows their age by its own machine's time.
    """

    def __init__(
        self,
        sink: EventSink,
        clock: Clock,
        *,
        silence: float = 300.0,
        remembered: int = 4096,
        wall_time: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._sink = sink
        self._clock = clock
        self._silence = silence
        self._remembered = remembered
        self._wall_time = wall_time
        self._written: dict[int, float] = {}  # hash -> when (Unix seconds of the clock), the oldest first
        self._instance = os.environ.get("HOSTNAME", FIELD_MANAGER)[:128]

    async def normal(self, obj: Mapping[str, Any], reason: str, note: str, *, action: str = "Reconcile") -> None:
        """Record something that went as it should."""
        await self._record(obj, "Normal", reason, note, action)

    async def warning(self, obj: Mapping[str, Any], reason: str, note: str, *, action: str = "Reconcile") -> None:
        """Record something that a person may want to look at."""
        await self._record(obj, "Warning", reason, note, action)

    async def _record(
        self, obj: Mapping[str, Any], kind: Literal["Normal", "Warning"], reason: str, note: str, action: str
    ) -> None:
        note = _shorten(note)
        fingerprint = hash((obj["metadata"]["uid"], kind, reason, note))
        if self._is_repeated(fingerprint):
            return
        try:
            await self._sink.create_event(self._event(obj, kind, reason, note, action))
        except Forbidden as error:
            terminating = error.reason == "NamespaceTerminating"
            log.log(logging.DEBUG if terminating else logging.WARNING, "Event %s not written: %s", reason, error)
        except KubeError as error:
            self._written.pop(fingerprint, None)  # so that the next transition of this kind is told
            log.warning("Event %s not written: %s", reason, error)

    def _is_repeated(self, fingerprint: int) -> bool:
        now = self._clock.now().timestamp()
        last = self._written.get(fingerprint)
        if last is not None and now - last < self._silence:
            return True
        self._written.pop(fingerprint, None)
        self._written[fingerprint] = now
        if len(self._written) > self._remembered:
            del self._written[next(iter(self._written))]
        return False

    def _event(self, obj: Mapping[str, Any], kind: str, reason: str, note: str, action: str) -> dict[str, Any]:
        metadata = obj["metadata"]
        suffix = f".{secrets.token_hex(8)}"
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                "name": metadata["name"][: _LONGEST_NAME - len(suffix)].rstrip(".-") + suffix,
                "namespace": metadata["namespace"],
            },
            "eventTime": self._wall_time().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": FIELD_MANAGER,
            "reportingInstance": self._instance,
            "action": action,
            "reason": reason,
            "type": kind,
            "note": note,
            "regarding": {
                "apiVersion": obj["apiVersion"],
                "kind": obj["kind"],
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
        }


def _shorten(note: str) -> str:
    encoded = note.encode()
    if len(encoded) <= _LONGEST_NOTE:
        return note
    return encoded[: _LONGEST_NOTE - len("…".encode())].decode(errors="ignore") + "…"
