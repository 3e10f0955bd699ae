"""A gateway and a stand-in for ARM, as the tests of the Azure side have them."""

from tests.unit.azure.conftest import gateway, recorder, servers

__all__ = ["gateway", "recorder", "servers"]
