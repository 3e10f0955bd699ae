"""Random specs, random answers of Azure, and answers in which anything may be anything."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

from tests.unit.domain import build
from tests.unit.domain.azure_model import DISPLAY
from tests.unit.domain.build import DAY, NOW, text

JSON = dict[str, Any]

TAGS = st.dictionaries(st.sampled_from(["team", "env", "Cost Centre"]), st.sampled_from(["", "a", "B"]), max_size=3)
STORAGE = st.sampled_from(["Standard_LRS", "Standard_ZRS", "Premium_LRS"])
REPLICAS = st.integers(1, 5)
DATES = st.integers(-400, 400).filter(bool).map(lambda days: text(NOW + days * DAY))
TEXTS = st.sampled_from(["", "one", "Two\nlines", "ü"])


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[JSON]:
    """Return objects with any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


def _spellings(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from([name, DISPLAY[name], name.upper()])


@st.composite
def target_regions(draw: st.DrawFn) -> list[JSON]:
    """Return target regions, the home region among them, in any spelling and order."""
    others = draw(st.lists(st.sampled_from(sorted(set(DISPLAY) - {build.HOME})), unique=True, max_size=3))
    listed = []
    for name in draw(st.permutations([build.HOME, *others])):
        fields = draw(some(storageAccountType=STORAGE, excludeFromLatest=st.booleans()))
        size = draw(some(replicas=REPLICAS) | some(capacity=st.just({"virtualMachines": 45})))
        listed.append({"name": draw(_spellings(name)), **fields, **size})
    return listed


DEFAULTS = some(targetRegions=target_regions(), replicas=REPLICAS, storageAccountType=STORAGE)
SAFETY = some(allowRegionRemoval=st.booleans(), blockDeletionBeforeEndOfLife=st.booleans())
OFFSETS = st.sampled_from(["-30d", "0d", "30d"])


@st.composite
def lifecycles(draw: st.DrawFn) -> JSON:
    """Return a lifecycle; its stages are the same for all versions of a definition."""
    none: st.SearchStrategy[str | None] = st.none()
    return build.lifecycle(
        after=draw(none | st.sampled_from(["30d", "90d"])), exclude=draw(none | OFFSETS), delete=draw(none | OFFSETS)
    )


VERSION_SPECS = some(
    targetRegions=target_regions(),
    tags=TAGS,
    replicas=REPLICAS,
    storageAccountType=STORAGE,
    excludeFromLatest=st.booleans(),
    endOfLifeDate=DATES,
    safety=SAFETY,
)
DEFINITION_SPECS = some(
    tags=TAGS,
    description=TEXTS,
    releaseNoteUri=st.sampled_from(["", "https://example.com/r"]),
    endOfLifeDate=DATES,
    recommended=some(vCPUs=some(min=REPLICAS), memoryGB=some(min=REPLICAS, max=st.just(9))),
    disallowedDiskTypes=st.lists(st.sampled_from(["UltraSSD_LRS", "Premium_LRS", "Standard_LRS"]), unique=True),
    features=st.lists(
        st.sampled_from(
            [
                {"name": "SecurityType", "value": "TrustedLaunch"},
                {"name": "IsHibernateSupported", "value": "True", "startsAtVersion": "1.0.0"},
                {"name": "DiskControllerTypes", "value": "SCSI, NVMe"},
            ]
        ),
        unique_by=lambda each: each["name"],
    ),
)
GALLERY_SPECS = some(
    tags=TAGS,
    description=TEXTS,
    sharing=st.just({"permissions": "Private"}),
    softDelete=st.fixed_dictionaries(
        {"enabled": st.booleans()}, optional={"retentionDays": REPLICAS, "graceDays": st.integers(0, 3)}
    ),
)

# --- answers in which anything may be anything ---

JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.sampled_from(
        ["", "2", "x" * 5000, "9" * 5000, "0001-01-01T00:00:00", "9999-12-31T23:59:59-14:00", "Succeeded"]
    )
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, each in inside for place in ((*path, key), *_places(each, (*path, key)))]


@st.composite
def broken(draw: st.DrawFn, answer: JSON) -> JSON:
    """Return an answer of Azure with junk in some places."""
    result = copy.deepcopy(answer)
    for _ in range(draw(st.integers(1, 4))):
        *way, last = draw(st.sampled_from(_places(result)))
        holder: Any = result
        for key in way:
            holder = holder[key]
        holder[last] = draw(JUNK)
        if not _places(result):
            break
    return result
