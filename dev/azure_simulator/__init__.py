"""An Azure that answers as Azure does: the Compute Gallery part of ARM, over TLS, on an adjustable clock.

For tests and demos. `docs/simulator.md` says what it does and what it leaves out.
"""

from dev.azure_simulator.endpoints import Endpoints
from dev.azure_simulator.faults import (
    Delay,
    Drop,
    FailOperation,
    FailRegion,
    FailSharing,
    Fault,
    ForeignOperation,
    Refuse,
    Throttle,
)
from dev.azure_simulator.journal import Entry
from dev.azure_simulator.seeds import community_id, source_id
from dev.azure_simulator.settings import Durations, Quotas, Settings
from dev.azure_simulator.simulator import AzureSimulator
from dev.azure_simulator.sources import Blob, DataDisk, Plan, Source
from dev.azure_simulator.switchboard import Switchboard

__all__ = [
    "AzureSimulator",
    "Blob",
    "DataDisk",
    "Delay",
    "Drop",
    "Durations",
    "Endpoints",
    "Entry",
    "FailOperation",
    "FailRegion",
    "FailSharing",
    "Fault",
    "ForeignOperation",
    "Plan",
    "Quotas",
    "Refuse",
    "Settings",
    "Source",
    "Switchboard",
    "Throttle",
    "community_id",
    "source_id",
]
