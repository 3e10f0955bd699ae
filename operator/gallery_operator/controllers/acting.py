"""Carries out a step: at most one call that changes Azure, or one write to the object's metadata."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

from gallery_operator.api import names
from gallery_operator.api.conditions import Reason
from gallery_operator.azure.verdicts import ArmError, Throttled
from gallery_operator.controllers.memory import CREATE_LAG, Trace
from gallery_operator.controllers.services import Services
from gallery_operator.controllers.visit import JSON, Visit
from gallery_operator.domain import access, reports, resources
from gallery_operator.domain.plan import (
    Blocked,
    Create,
    Delete,
    Grant,
    MarkApplied,
    Plan,
    Recreate,
    RemoveObject,
    Restore,
    Retire,
    Revoke,
    Share,
    Update,
    UpToDate,
    Wait,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Takes note of what Azure has now: visit, place, body.
Seen = Callable[[Visit[Any], Any, JSON | None], None]


def hold_back(visit: Visit[Any], observed: JSON | None, step: Plan) -> Plan:
    """A request that only repeats the last one waits: Azure may not show its effect yet, or may never keep it."""
    trace = visit.trace
    if (
        isinstance(step, Create | Restore)
        and trace.created_at is not None
        and visit.now - trace.created_at < CREATE_LAG
    ):
        return Wait(Reason.CREATING, "Azure accepted it, but does not show it yet")
    if isinstance(step, Update | Share):
        return held_back(visit, step)
    if isinstance(step, UpToDate) and observed is not None:
        trace.settle()
    return step


def held_back(visit: Visit[Any], step: Update | Share) -> Update | Share | Wait:
    """Return the change, or the wait before it is repeated."""
    trace = visit.trace
    pause = trace.resends.attempts(visit.now).seconds_to_next
    if not trace.sent or trace.sent != _signature(step) or pause <= 0:
        return step
    what, reason = (step, Reason.UPDATING) if isinstance(step, Update) else (step.why, Reason.SHARING)
    return Wait(reason, f"Azure does not show the last update; it is sent again later: {what}", pause)


def explain(trace: Trace, step: Plan) -> Plan:
    """Add to a step that follows a failure what Azure said of it."""
    said = trace.failure
    match step:
        case Update(changes=()) if said:
            return replace(step, why=f"{step.why}: {said}")
        case Wait(Reason.REPAIRING, message) | Blocked(Reason.PROVISIONING_FAILED, message) if said:
            return replace(step, message=f"{message} ({said})")
        case _:
            return step


class Actor:
    """Carries out steps of one kind's objects."""

    def __init__(self, services: Services, kind: str, seen: Seen) -> None:
        self._services = services
        self._kind = kind
        self._seen = seen

    async def act(self, visit: Visit[Any], place: Any, observed: JSON | None, step: Plan) -> JSON | None:
        """Carry out the step and return what Azure is known to have then. Raises ArmError and errors of `kube`."""
        services = self._services
        services.metrics.planned(self._kind, type(step).__name__)
        correlation: str | None = None
        match step:
            case Create() | Update():
                observed = await self._put(visit, place, observed, step)
                correlation = visit.account.arm.correlation_id
            case Delete():
                accepted = await visit.account.arm.delete(place.id, bypass_soft_delete=step.bypass_soft_delete)
                correlation = visit.account.arm.correlation_id
                observed = _deleting(observed) if accepted else None
                self._seen(visit, place, observed)
            case Restore() | Share() | Grant() | Revoke():
                await self._change(visit, place, step)
                correlation = visit.account.arm.correlation_id
            case Retire(why):
                await self._annotate(visit, names.RETIRED, f"{visit.now:%Y-%m-%dT%H:%M:%SZ} {why}")
            case Recreate(incarnation):
                await self._annotate(visit, names.RECREATED, incarnation)
            case MarkApplied(digest):
                await self._annotate(visit, names.APPLIED, digest)
            case RemoveObject():
                await services.kube.delete(visit.raw)
            case _:
                pass
        self._log(visit, step, correlation)
        return observed

    async def _change(self, visit: Visit[Any], place: Any, step: Restore | Share | Grant | Revoke) -> None:
        """Send one of the changes that are no PUT or DELETE of the resource itself."""
        arm = visit.account.arm
        match step:
            case Restore():
                self._seen(visit, place, await arm.restore(place.id))
                visit.trace.created_at = visit.now
                return
            case Share():
                await _noted(visit, step, arm.share(place.id, step))
                visit.trace.observed_at = None
            case Grant():
                visit.trace.grants[step.name] += 1
                await arm.grant(place.id, step)
                visit.trace.access = access.after(visit.trace.access or frozenset(), step)
            case Revoke():
                await arm.revoke(place.id, step.name)
                visit.trace.access = access.after(visit.trace.access or frozenset(), step)

    async def _annotate(self, visit: Visit[Any], name: str, value: str | None) -> None:
        """Write a decision on the object (None takes it away), and look at it again."""
        services = self._services
        services.store.put(await services.kube.patch_metadata(visit.raw, annotations={name: value}))
        services.queue.add(visit.key)

    async def _put(self, visit: Visit[Any], place: Any, observed: JSON | None, step: Create | Update) -> JSON:
        request = visit.account.arm.put(place.id, step.body, tenants=step.tenants)
        if isinstance(step, Update):
            answer = await _noted(visit, step, request)
        else:
            answer = await request
            visit.trace.created_at = visit.now
            visit.trace.access_at = None  # role assignments at a resource that was there before went with it
        self._seen(visit, place, answer)
        return _with_replication(answer, observed)

    def _log(self, visit: Visit[Any], step: Plan, correlation: str | None) -> None:
        quiet = isinstance(step, UpToDate | Wait)
        log.log(
            logging.DEBUG if quiet else logging.INFO,
            "%s: %s",
            visit.key,
            type(step).__name__,
            extra={
                "kind": self._kind,
                "namespace": visit.key.namespace,
                "object": visit.key.name,
                "generation": visit.metadata.generation,
                "plan": type(step).__name__,
                "why": reports.describe(step),
                "correlation_id": correlation,
            },
        )


async def _noted(visit: Visit[Any], step: Update | Share, request: Awaitable[T]) -> T:
    """Send a request and note it, so that its repetition is known for what it is.

    One that Azure refused changed nothing: the next look says so again, instead of waiting for an effect. A repair that
    was refused was tried, and another one may do better; unless it only came too early.
    """
    trace, signature = visit.trace, _signature(step)
    repaired = step.repaired if isinstance(step, Update) else ()
    try:
        answer = await request
    except ArmError as error:
        if not signature and not isinstance(error.verdict, Throttled):
            trace.note_repair(repaired, visit.now)
        raise
    if signature:
        trace.note_update(signature, visit.now)
    else:
        trace.note_repair(repaired, visit.now)
    return answer


def _signature(step: Update | Share) -> str:
    """Return what a request is to change; empty for one that repairs a failure."""
    if isinstance(step, Share):
        return "" if step.repair else " ".join((step.operation, *step.subscriptions, *step.tenants))
    return ",".join(sorted(each.path for each in step.changes))


def _with_replication(answer: JSON, before: JSON | None) -> JSON:
    """A PUT is answered without replication states: those that led to it are reported until the next look."""
    known = resources.as_dict((before or {}).get("properties")).get("replicationStatus")
    if known is None:
        return answer
    return {**answer, "properties": {"replicationStatus": known, **resources.as_dict(answer.get("properties"))}}


def _deleting(observed: JSON | None) -> JSON | None:
    if observed is None:
        return None
    return {
        **observed,
        "properties": {**resources.as_dict(observed.get("properties")), "provisioningState": "Deleting"},
    }
