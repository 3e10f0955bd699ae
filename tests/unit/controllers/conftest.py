"""What the tests of controllers share."""

from __future__ import annotations

import pytest

from tests.unit.controllers.keyring_world import World


@pytest.fixture
def world() -> World:
    return World()
