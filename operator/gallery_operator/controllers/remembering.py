"""Galleries and image definitions are few: each is read by itself, and remembered until the next resync."""

from __future__ import annotations

from abc import ABC
from typing import Any, TypeVar

from gallery_operator.api.resource import Resource
from gallery_operator.controllers.reconciler import Reconciler
from gallery_operator.controllers.visit import JSON, Visit
from gallery_operator.domain import resources

R = TypeVar("R", bound=Resource[Any, Any])


class RememberingReconciler(Reconciler[R], ABC):
    """Observes with one GET, and not again before the resync unless something runs or is to be changed."""

    def expand(self, resource: R) -> str | None:
        """Return what a GET must be asked for, because ARM leaves it out otherwise."""
        del resource
        return None

    def at_work(self, resource: R, observed: JSON) -> bool:
        """Tell whether Azure is at something whose end is waited for."""
        del resource
        return resources.busy(observed) is not None

    async def observe(self, visit: Visit[R], place: Any, *, fresh: bool) -> JSON | None:
        trace = visit.trace
        if trace.observed_at == visit.now:
            return trace.observed  # read in this very visit
        if not fresh and trace.observed is not None and trace.observed_at is not None:
            age = (visit.now - trace.observed_at).total_seconds()
            if age < self.services.pace.resync * 0.75 and not self.at_work(visit.resource, trace.observed):
                return trace.observed
        observed = await visit.account.arm.get(place.id, expand=self.expand(visit.resource))
        self.seen(visit, place, observed)
        return observed
