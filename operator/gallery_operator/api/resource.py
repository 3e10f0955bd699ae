"""A Kubernetes object of one of the three kinds, as the API server delivers it."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from pydantic import AwareDatetime, Field

from gallery_operator.api import names
from gallery_operator.api.base import ApiModel, DeletionPolicy, ManagementPolicy, Policies
from gallery_operator.api.conditions import Condition, Conditions

Spec = TypeVar("Spec", bound=Policies)


class Metadata(ApiModel):
    """The parts of an object's metadata that decisions rest on."""

    name: str
    namespace: str
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: AwareDatetime | None = None
    deletion_timestamp: AwareDatetime | None = None
    finalizers: list[str] = Field(default_factory=list)
    annotations: dict[str, str] = Field(default_factory=dict)


class Operation(ApiModel):
    """What runs in Azure now; a hint for people, never an input."""

    type: Annotated[str, Field(max_length=32)]
    """Create, Update, Delete or Migrate."""
    started_at: AwareDatetime | None = None
    """When the operator saw it begin."""


class Status(ApiModel):
    """What every kind reports."""

    observed_generation: int = -1
    """The generation of the spec that this status speaks of; -1: none yet."""
    id: Annotated[str, Field(max_length=1024)] | None = None
    """The ARM id of the Azure resource."""
    provisioning_state: Annotated[str, Field(max_length=64)] | None = None
    """Azure's provisioningState."""
    operation: Operation | None = None
    """What runs in Azure now."""
    conditions: Conditions = Field(default_factory=list)
    """Ready; Reconciling and Stalled only while True."""
    last_handled_reconcile_request: Annotated[str, Field(max_length=1024)] | None = None
    """The value of the annotation gallery-operator.io/reconcile-requested-at that was acted on last."""

    def condition(self, type_: str) -> Condition | None:
        return next((each for each in self.conditions if each.type == type_), None)


StatusT = TypeVar("StatusT", bound=Status)


class Resource(ApiModel, Generic[Spec, StatusT]):
    """An object: metadata, spec and status."""

    metadata: Metadata
    spec: Spec
    status: StatusT | None = None

    @property
    def finalizer_present(self) -> bool:
        return names.FINALIZER in self.metadata.finalizers

    @property
    def deleting(self) -> bool:
        return self.metadata.deletion_timestamp is not None

    @property
    def paused(self) -> bool:
        return self.metadata.annotations.get(names.PAUSED) == "true"

    @property
    def requested(self) -> str | None:
        """The text by which someone asks for a look, as the status repeats it; an empty one asks for nothing."""
        return self.metadata.annotations.get(names.RECONCILE_REQUESTED_AT, "")[:1024] or None

    @property
    def applied(self) -> str | None:
        """Which wish Azure has met, as the operator noted under driftPolicy Report."""
        return self.metadata.annotations.get(names.APPLIED)

    @property
    def observe_only(self) -> bool:
        return self.spec.management_policy is ManagementPolicy.OBSERVE

    @property
    def retain(self) -> bool | None:
        """Whether the Azure resource stays when the object goes; None: as its origin says."""
        policy = self.spec.deletion_policy
        return None if policy is None else policy is DeletionPolicy.RETAIN
