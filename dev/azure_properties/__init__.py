"""Which field of our API reaches which property of Azure's gallery API 2026-03-03: the table and its page.

`python -m dev.azure_properties docs/azure-properties.md` writes the page.
"""

from dev.azure_properties.model import Field, Group, Property, Reach
from dev.azure_properties.own import OWN
from dev.azure_properties.table import TABLE, reached

__all__ = ["OWN", "TABLE", "Field", "Group", "Property", "Reach", "reached"]
