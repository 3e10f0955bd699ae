"""Figures, and what they are judged by."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

_VERDICTS = {True: "[green]met[/]", False: "[bold red]MISSED[/]", None: ""}


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value; `budget` is the largest that is good, None means that it is told and not judged."""

    scenario: str
    name: str
    value: float
    unit: str
    budget: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the budget is met; None without one."""
        return None if self.budget is None else self.value <= self.budget


def print_table(figures: Sequence[Figure]) -> None:
    """Print one row per figure."""
    table = Table("scenario", "figure", "unit", title="gallery-operator: figures and budgets")
    table.add_column("value", justify="right")
    table.add_column("budget", justify="right")
    table.add_column("verdict")
    for each in figures:
        budget = "" if each.budget is None else _number(each.budget)
        table.add_row(each.scenario, each.name, each.unit, _number(each.value), budget, _VERDICTS[each.met])
    Console(width=None if Console().is_terminal else 140).print(table)


def write_json(figures: Sequence[Figure], path: Path) -> None:
    """Write the figures for machines: a list of objects with scenario, figure, value, unit, budget and met."""
    rows = [
        {
            "scenario": each.scenario,
            "figure": each.name,
            "value": round(each.value, 3),
            "unit": each.unit,
            "budget": each.budget,
            "met": each.met,
        }
        for each in figures
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=2) + "\n")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:,.2f}"
