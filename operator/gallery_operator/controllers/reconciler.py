"""The shape of every reconcile.

    get from the store -> paused? -> deleting? finalize : claim the finalizer -> place it (resolve its parents)
      -> OBSERVE Azure -> PLAN (pure) -> at most one mutating ARM call -> REPORT -> look again at …

Killed at any await, the next process does the same again: decisions rest on spec, parents and Azure only.
"""

from __future__ import annotations

import contextlib
import logging
from abc import ABC, abstractmethod
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Final, Generic

from pydantic import ValidationError

from gallery_operator.api import names
from gallery_operator.api.arm_ids import ArmId
from gallery_operator.api.conditions import Claim, Reason, claim
from gallery_operator.api.resource import Operation, Status
from gallery_operator.azure.verdicts import ArmError, Terminal, Throttled, Transient
from gallery_operator.controllers.accounts import Account, AccountKey
from gallery_operator.controllers.acting import Actor, explain, hold_back
from gallery_operator.controllers.cannot_place import CannotPlace
from gallery_operator.controllers.indexes import children_of, last_secret, parent_of
from gallery_operator.controllers.memory import CREATE_LAG
from gallery_operator.controllers.parents import LastPlace, account_key, last_known_id
from gallery_operator.controllers.preflight import Preflight
from gallery_operator.controllers.reporter import Reporter
from gallery_operator.controllers.services import Services
from gallery_operator.controllers.unreadable import Unreadable, salvage
from gallery_operator.controllers.visit import JSON, R, Visit
from gallery_operator.domain import reports, resources
from gallery_operator.domain.plan import (
    Blocked,
    Delete,
    Grant,
    MarkApplied,
    Mutation,
    Plan,
    Recreate,
    RemoveObject,
    Retire,
    Revoke,
    UpToDate,
    Wait,
)
from gallery_operator.domain.wording import some_of
from gallery_operator.engine.keys import Key
from gallery_operator.engine.workers import DONE, Outcome, Requeue
from gallery_operator.kube.errors import Conflict, NotFound, Unavailable

log = logging.getLogger(__name__)


#: A single hiccup of Azure is no news; after that many failures in a row the status says so.
_HICCUPS: Final = 3
#: Refusals after which someone may put another credential into a Secret.
_CREDENTIAL_REASONS: Final = frozenset(
    {"CredentialRefused", "CredentialUnavailable", "AuthorizationFailed", "SubscriptionNotFound"}
)
#: Seconds until another look after the API server refused a write because the object had changed.
_AFTER_CONFLICT: Final = 1.0


class Reconciler(ABC, Generic[R]):
    """Reconciles the objects of one kind."""

    kind: ClassVar[str]
    model: type[R]
    status: ClassVar[type[Status]]
    id_type: ClassVar[type[ArmId]]

    def __init__(self, services: Services) -> None:
        self.services = services
        self.reporter = Reporter(services, self.model, self.status)
        self.preflight = Preflight(services)
        self._actor = Actor(services, self.kind, self.seen)

    # --- what is special of each kind ---

    @abstractmethod
    def place(self, resource: R, account: Account) -> Any:
        """Return the object's place in Azure (it has an `id`); raises CannotPlace."""

    @abstractmethod
    async def observe(self, visit: Visit[R], place: Any, *, fresh: bool) -> JSON | None:
        """Return what Azure has; `fresh`: nothing remembered will do. Raises ArmError and CannotPlace."""

    @abstractmethod
    async def decide(self, visit: Visit[R], place: Any, observed: JSON | None) -> Plan:
        """Return the next step. Raises ArmError and CannotPlace."""

    @abstractmethod
    def describe(self, visit: Visit[R], place: Any, observed: JSON | None, step: Plan) -> tuple[Status, list[Claim]]:
        """Return the status (without conditions) and what it claims of conditions."""

    async def ending(self, visit: Visit[R], place: Any, observed: JSON | None) -> Mutation | Wait | None:
        """Return the next step towards the end of the Azure resource; None: nothing of ours is left there.

        Raises ArmError.
        """
        del place
        return resources.deletion(observed, self.services.owner(visit.key), visit.resource.retain)

    def seen(self, visit: Visit[R], place: Any, observed: JSON | None) -> None:
        """Take note of what Azure has now."""
        del place
        visit.trace.observed, visit.trace.observed_at = observed, visit.now

    # --- the shape ---

    async def __call__(self, key: Key) -> Requeue:
        """Bring one object a step forward. Exceptions that leave it are bugs."""
        raw = self.services.store.get(key)
        if raw is None:
            self.services.memory.forget(key)
            self.preflight.over(key)
            return DONE
        visit = self._visit(key, raw)
        try:
            return await self._attempt(visit)
        except (Conflict, NotFound) as stale:
            log.debug("%s changed meanwhile: %s", key, stale)
            return Requeue(_AFTER_CONFLICT)
        except Unavailable as error:
            log.warning("The API server is not available: %s", error)
            return Requeue(error.retry_after, Outcome.FAILED)
        except Exception as bug:
            await self.reporter.internal_error(raw, bug)
            raise
        finally:
            self.preflight.over(key)

    async def _attempt(self, visit: Visit[Any]) -> Requeue:
        try:
            return await self._step(visit)
        except CannotPlace as refusal:
            return await self._settle(visit, None, None, refusal.step)
        except ArmError as error:
            return await self._refused(visit, error)

    async def _step(self, visit: Visit[Any]) -> Requeue:
        if visit.resource.paused:
            return await self._paused(visit)
        if visit.resource.deleting:
            return await self._finalize(visit)
        if isinstance(visit.resource, Unreadable):
            log.error("%s cannot be read: %s", visit.key, visit.resource.why)
            return await self._settle(visit, None, None, visit.resource.step)
        return await self._reconcile(visit)

    def _visit(self, key: Key, raw: JSON) -> Visit[Any]:
        resource: R | Unreadable
        try:
            resource = self.model.model_validate(raw)
        except ValidationError as error:
            resource = salvage(raw, self.status, error)
        trace = self.services.memory.of(key, resource.metadata.generation)
        handled = resource.status.last_handled_reconcile_request if resource.status else None
        forced = resource.requested is not None and resource.requested != handled
        if resource.status and resource.status.condition("Paused") and not resource.paused:
            forced = True  # whoever paused it may have been at work in Azure
        if forced:
            trace.settle()
        return Visit(key, raw, resource, trace, self.services.clock.now(), forced)

    async def _reconcile(self, visit: Visit[R]) -> Requeue:
        if visit.resource.observe_only == visit.resource.finalizer_present:
            visit = await self._claim(visit)
        visit = await self._open(visit, account_key(self.services, visit.resource))
        place = self._placed(visit)
        observed = await self._look(visit, place, fresh=visit.forced)
        step = await self._next_step(visit, place, observed)
        if isinstance(step, Mutation | Retire | Recreate | MarkApplied) and not visit.forced:
            # Nothing is changed or noted on the strength of what is only remembered.
            observed = await self._look(visit, place, fresh=True)
            step = await self._next_step(visit, place, observed)
        step = explain(visit.trace, hold_back(visit, observed, step))
        try:
            observed = await self._actor.act(visit, place, observed, step)
        except ArmError as error:
            self.preflight.answered(visit, place, step, error.verdict)
            if not isinstance(error.verdict, Terminal):
                raise
            self._log_refusal(visit, error)
            refused = Blocked(error.verdict.reason, error.verdict.message)
            requeue = await self._settle(visit, place, observed, refused)
            return Requeue(0.0) if isinstance(step, Grant) and step.others else requeue
        self.preflight.answered(visit, place, step, None)
        return await self._settle(visit, place, observed, step)

    async def _next_step(self, visit: Visit[R], place: Any, observed: JSON | None) -> Plan:
        """Return what is to be done next, if what surrounds it allows that."""
        step = await self.decide(visit, place, observed)
        return await self.preflight.judge(visit, place, observed, step)

    async def _look(self, visit: Visit[R], place: Any, *, fresh: bool) -> JSON | None:
        observed = await self.observe(visit, place, fresh=fresh)
        if observed is not None:
            visit.trace.created_at = None
            if resources.provisioning_state(observed) == "Failed" and (
                said := await visit.account.arm.failure(place.id)
            ):
                visit.trace.failure = f"{said[0]}: {said[1]}"[:500]
        return observed

    async def _claim(self, visit: Visit[R]) -> Visit[R]:
        """Persist the finalizer before anything exists in Azure; who only looks needs none."""
        others = [each for each in visit.metadata.finalizers if each != names.FINALIZER]
        ours = [] if visit.resource.observe_only else [names.FINALIZER]
        raw = await self.services.kube.patch_metadata(visit.raw, finalizers=[*others, *ours])
        self.services.store.put(raw)
        return replace(visit, raw=raw, resource=self.model.model_validate(raw))

    def _placed(self, visit: Visit[R]) -> Any:
        """Return the object's place, if its namespace may go there, and may name what its spec names."""
        place = self.place(visit.resource, visit.account)
        self.services.accounts.admit(visit.key.namespace, str(place.id), visit.raw["spec"])
        return place

    async def _open(self, visit: Visit[Any], key: AccountKey) -> Visit[Any]:
        """Take up the credential that this object is reconciled by; raises CannotPlace."""
        return replace(visit, opened=await self.services.accounts.open(key))

    # --- the end ---

    async def _finalize(self, visit: Visit[Any]) -> Requeue:
        resource = visit.resource
        if not resource.finalizer_present:
            return DONE
        if children := children_of(self.services.store, visit.key):
            named = some_of([f"{each.kind} {each.name}" for each in children])
            return await self._settle(visit, None, None, Wait(Reason.CHILDREN_EXIST, f"waiting for {named}", 30.0))
        if resource.retain or resource.observe_only:
            return await self._release(visit)
        visit, place = await self._last_place(visit)
        if place is None and isinstance(resource, Unreadable):
            why = f"{resource.why}; the object goes, and what Azure may have of it stays"
            await self.services.events.warning(visit.raw, Reason.INVALID_SPEC, why)
        if place is None:
            return await self._release(visit)
        observed = await visit.account.arm.get(place.id)
        self.seen(visit, place, observed)
        created = visit.trace.created_at
        if observed is None and created is not None and visit.now - created < CREATE_LAG:
            return await self._settle(visit, None, None, Wait(Reason.DELETING, "Azure does not show it yet"))
        owner = self.services.owner(visit.key)
        # What only a status names is deleted only if its tag says that it is ours.
        foreign = isinstance(place, LastPlace) and observed is not None and resources.owner_of(observed) != owner
        ending = None if foreign else await self.ending(visit, place, observed)
        if isinstance(ending, Delete):
            ending = await self.preflight.still_needed(visit.key) or ending
        if ending is None:
            if observed is not None:
                await self.services.events.normal(visit.raw, "Retained", resources.why_retained(observed, owner))
            return await self._release(visit)
        observed = await self._actor.act(visit, place, observed, ending)
        return await self._settle(visit, None if isinstance(place, LastPlace) else place, observed, ending)

    async def _last_place(self, visit: Visit[Any]) -> tuple[Visit[Any], Any]:
        """Return the place; the last id that was reported if a parent was removed by force or nothing can be read."""
        readable, known = not isinstance(visit.resource, Unreadable), last_known_id(visit.resource)
        key = AccountKey(visit.key.namespace, last_secret(self.services.store, visit.raw))
        if readable or known is not None:
            visit = await self._open(visit, key)
        with contextlib.suppress(CannotPlace):
            if readable:
                return visit, self._placed(visit)
        if not isinstance(known, self.id_type):
            return visit, None
        self.services.accounts.admit(visit.key.namespace, str(known), None)
        return visit, LastPlace(known)

    async def _release(self, visit: Visit[R]) -> Requeue:
        """Let the object go: nothing of it is left in Azure, or what is left is to stay."""
        left = [each for each in visit.metadata.finalizers if each != names.FINALIZER]
        raw = await self.services.kube.patch_metadata(visit.raw, finalizers=left)
        if left:
            self.services.store.put(raw)
        else:
            self.services.store.remove(visit.key, visit.metadata.uid)
        self.services.memory.forget(visit.key)
        log.info("%s: released", visit.key, extra={"plan": "Release", "object": visit.key.name, "kind": self.kind})
        if (parent := parent_of(visit.raw)) is not None:
            self.services.queue.add(parent)
        return DONE

    # --- reporting ---

    async def _settle(self, visit: Visit[R], place: Any, observed: JSON | None, step: Plan) -> Requeue:
        """Report, and say when to look again."""
        if place is None:
            status, claims = self._unchanged(visit), [*reports.claims(step, Reason.SUCCEEDED), *visit.carried_claims()]
        else:
            status, claims = self.describe(visit, place, observed, step)
            claims = [*claims, *self.preflight.claims(visit, place, observed)]
        became_ready = await self.reporter.report(visit.raw, visit.resource, status, claims, step)
        if became_ready:
            for child in children_of(self.services.store, visit.key):
                self.services.queue.add(child)
        return self._requeue(step, status)

    def _unchanged(self, visit: Visit[R]) -> Status:
        """Return what was reported of Azure before, while nothing new is known of it."""
        return visit.resource.status or self.status()

    def base(self, visit: Visit[R], place: Any, observed: JSON | None, step: Plan) -> JSON:
        """Return the fields of the status that all kinds have."""
        state = None if observed is None else resources.provisioning_state(observed)
        return {
            "id": str(place.id),
            "provisioning_state": state,
            "operation": self._operation(visit, step, state),
        }

    def _operation(self, visit: Visit[R], step: Plan, state: str | None) -> Operation | None:
        running = reports.operation_type(step, state)
        if running is None:
            return None
        before: Operation | None = visit.resource.status.operation if visit.resource.status else None
        if before is not None and before.type == running and before.started_at is not None:
            return before
        return Operation(type=running, started_at=visit.now.replace(microsecond=0))

    def _requeue(self, step: Plan, status: Status) -> Requeue:
        pace, now = self.services.pace, self.services.clock.now()
        match step:
            case Blocked():
                return Requeue(pace.next_resync(), Outcome.TERMINAL)
            case UpToDate(next_look):
                if (poll := self.poll(status, now)) is not None:
                    return Requeue(poll)
                until = pace.next_resync()
                return Requeue(until if next_look is None else max(0.0, min(until, (next_look - now).total_seconds())))
            case Wait(_, _, after):
                return Requeue(after if after is not None else self.poll(status, now) or pace.poll)
            case Retire() | Recreate() | MarkApplied() | RemoveObject():
                return DONE
            case Grant() | Revoke():
                return Requeue(0.0)  # they are done at once, one at a time
            case _:
                return Requeue(self.poll(status, now) or pace.poll)

    def poll(self, status: Status, now: datetime) -> float | None:
        """Return the seconds to the next look at something that is in flight; None: nothing is."""
        del now
        return None if status.operation is None else self.services.pace.poll

    async def _paused(self, visit: Visit[R]) -> Requeue:
        known = self._unchanged(visit)
        paused = claim("Paused", True, Reason.PAUSED, f"annotation {names.PAUSED}")
        claims = [visit.carried_ready(), *visit.carried_claims(), paused]
        # An edit that rests is not said to be seen: who waits for it goes on waiting.
        seen = known.observed_generation
        await self.reporter.report(visit.raw, visit.resource, known, claims, None, generation=seen)
        return DONE

    async def _refused(self, visit: Visit[R], error: ArmError) -> Requeue:
        """Azure said no, or nothing: report what a person should know, and try again as the verdict says."""
        verdict = error.verdict
        failures = self.services.backoff.failures(visit.key)
        self._log_refusal(visit, error)
        if isinstance(verdict, Throttled):
            return Requeue(verdict.after)
        if isinstance(verdict, Terminal):
            return await self._settle(visit, None, None, Blocked(verdict.reason, verdict.message))
        if verdict.reason in _CREDENTIAL_REASONS:
            self.services.accounts.refused(visit.key.namespace)
        if not isinstance(verdict, Transient) or failures + 1 >= _HICCUPS:
            await self._settle(visit, None, None, Wait(verdict.reason, verdict.message))
        return Requeue(None, Outcome.FAILED)

    def _log_refusal(self, visit: Visit[Any], error: ArmError) -> None:
        log.log(
            logging.DEBUG if isinstance(error.verdict, Throttled) else logging.WARNING,
            "%s: %s",
            visit.key,
            error,
            extra={
                "kind": self.kind,
                "namespace": visit.key.namespace,
                "object": visit.key.name,
                "plan": type(error.verdict).__name__,
                "code": error.code,
                "correlation_id": error.correlation_id,
            },
        )
