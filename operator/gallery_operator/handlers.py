"""kopf's part: it lists and watches the three kinds and hands every event on. The only file with kopf decorators.

Nothing here waits or writes. kopf's own handlers for creating, updating and timing were measured and left: at 10,000
objects they cost a task, a finalizer and two writes per object.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import kopf

from gallery_operator.api import names

#: Takes the type of a watch event (None: from a listing) and the object as the API server sent it.
Sink = Callable[[str | None, dict[str, Any]], None]


def registry(sink: Sink) -> kopf.OperatorRegistry:
    """Return a registry whose handlers feed the sink."""
    registered = kopf.OperatorRegistry()

    @kopf.on.login(registry=registered)
    def log_in(**kwargs: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_via_client(**kwargs)

    for kind, plural in names.PLURALS.items():
        _watch(registered, kind, plural, sink)
    return registered


def _watch(registered: kopf.OperatorRegistry, kind: str, plural: str, sink: Sink) -> None:
    @kopf.on.event(names.GROUP, names.VERSION, plural, registry=registered, id=f"{plural}-event")
    async def on_event(event: kopf.RawEvent, **_: Any) -> None:
        # A listing's items carry neither of the two.
        sink(event["type"], {**event["object"], "apiVersion": names.API_VERSION, "kind": kind})


class _NoDiffs(kopf.DiffBaseStorage):
    """Nobody here asks kopf what changed; copying each object to find it out was half of its work."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        return None

    def store(self, **_: Any) -> None:
        return None


def settings() -> kopf.OperatorSettings:
    """Return kopf's settings for watching many objects with few tasks and little memory (measured at 10,000)."""
    configured = kopf.OperatorSettings()
    configured.peering.standalone = True
    # Kinds and namespaces are looked up once, by discovery: watching them would take rights on every namespace and
    # CRD. A kind that is missing ends the process: the intake lists every kind.
    configured.scanning.disabled = True
    configured.watching.chunk_size = 500
    # kopf keeps a task per object (two before Python 3.12) for so long after its last event.
    configured.queueing.idle_timeout = 0.02
    configured.networking.request_timeout = 60
    configured.networking.connect_timeout = 10
    configured.posting.enabled = False
    configured.posting.reporting_component = names.FIELD_MANAGER
    # Must differ from our own finalizer: kopf strips what it takes for its own.
    configured.persistence.finalizer = f"{names.GROUP}/unused-by-kopf"
    configured.persistence.diffbase_storage = _NoDiffs()
    configured.process.ultimate_exiting_timeout = 25
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    return configured
