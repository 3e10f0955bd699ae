"""What can be set: durations, lags, page sizes and throttling. Seconds are seconds of the simulator's clock."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from dev.azure_simulator.paths import Kind


class Durations(BaseModel):
    """How long operations take, in seconds of the clock. The defaults are those recorded from Azure."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gallery: float = Field(0.5, ge=0)
    definition: float = Field(0.2, ge=0)
    parent_delete: float = Field(0.5, ge=0)
    version_create: float = Field(420, ge=0)
    version_update: float = Field(150, ge=0)
    version_delete: float = Field(120, ge=0)
    #: Soft deletion of a version, and its restoration.
    soft_delete: float = Field(150, ge=0)
    restore: float = Field(150, ge=0)
    #: A sharing update is accepted within the first, and known in each region after the second. [?] the second
    share: float = Field(0.4, ge=0)
    sharing_region: float = Field(30, ge=0)
    #: A new version is built in its home region, then copied to the others, each a bit later than the one before.
    home_region: float = Field(240, ge=0)
    further_region: float = Field(180, ge=0)
    added_region: float = Field(600, ge=0)
    region_stagger: float = Field(45, ge=0)

    def scaled(self, factor: float) -> Durations:
        """Return the same durations, each multiplied by `factor`."""
        return Durations(**{name: value * factor for name, value in self.model_dump().items()})


class Quotas(BaseModel):
    """How many resources there may be per subscription and region; the defaults are documented."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    galleries: int = Field(100, ge=0)
    definitions: int = Field(1_000, ge=0)
    versions: int = Field(10_000, ge=0)

    def of(self, kind: Kind) -> int:
        """Return the quota of a kind."""
        return {"gallery": self.galleries, "definition": self.definitions, "version": self.versions}[kind]


class Settings(BaseModel):
    """The behaviour of a running simulator; the switchboard changes it with `configure`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    durations: Durations = Durations()
    quotas: Quotas = Quotas()
    #: Retry-After, in seconds, of operations on versions.
    retry_after: int = Field(60, ge=0)
    page_size: int = Field(50, ge=1, le=1000)
    #: Enforce the rate limits of ARM and of the compute provider; the remaining-headers are sent in any case.
    throttling: bool = False
    #: A version that is published from a managed image while another one is being built from it fails to replicate.
    one_build_per_image: bool = True
    #: Restricted regions (Australia Central and Central 2) by the subscription that may use them.
    region_access: dict[str, tuple[str, ...]] = {}
    #: For this long after its creation a resource answers 404.
    create_lag: float = Field(0, ge=0)
    #: For this long after its last child is gone, a parent's deletion is refused (15 s is what people report).
    child_delete_lag: float = Field(0, ge=0)
