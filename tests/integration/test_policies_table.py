"""The table of docs/policies.md is true: every cell of it, for every kind and every combination that it stands for.

All combinations live side by side in one namespace and go through the events together; each test then looks at what
became of those that its cell speaks of.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import product

import pytest

from dev.azure_simulator import AzureSimulator, Switchboard
from dev.control_plane import Cluster
from tests.integration.policy_table import EVENTS, KINDS, History, Play, Row, cases, combinations, rows, word
from tests.integration.scenes import Scene

TABLE = rows()


@pytest.fixture(scope="module")
def history(cluster: Cluster, crds: tuple[str, ...], simulator: AzureSimulator) -> History:
    """What became of every combination on every event."""
    del crds
    azure = Switchboard(simulator.endpoints)
    azure.reset()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in simulator.endpoints.environment().items():
            patch.setenv(name, value)
        scene = Scene(cluster, azure, "default").in_a_new_namespace()
        seen = asyncio.run(Play.run(scene, simulator, cases(TABLE)))
    azure.close()
    return seen


def test_the_table_speaks_of_every_combination_once() -> None:
    spoken = Counter(each for row in TABLE for each in product(*row.circumstances.values()))
    assert spoken == Counter(combinations())


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("row", TABLE, ids=str)
def test_what_the_table_says_happens(history: History, row: Row, event: str, kind: str) -> None:
    concerned = [case for case, when in history if (case.row, case.kind, when) == (row, kind, event)]
    assert concerned
    assert {case.name: word(history, case, event) for case in concerned} == {
        case.name: row.expected[event] for case in concerned
    }
