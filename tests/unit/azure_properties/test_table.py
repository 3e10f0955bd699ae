"""The table is complete: what Azure lets a client write, what the SDK knows, and what our API has are all in it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from dev.azure_properties import OWN, Field, reached
from dev.azure_properties.__main__ import main
from tests.unit.azure_properties import surface
from tests.unit.azure_properties.schema import fields, values

ROWS = reached()
NAMED = {field for row in ROWS for field in row.fields}
FIELDS = fields()
OURS = {Field(kind, path) for kind, paths in OWN.items() for path in paths}

WITNESS = pytest.mark.parametrize(
    "properties", [surface.recorded(), surface.installed()], ids=["recorded API 2026-03-03", "installed SDK"]
)


def below(field: Field, whole: Field) -> bool:
    return field.kind == whole.kind and f"{field.path}.".replace("[]", ".").startswith(f"{whole.path}.")


@WITNESS
def test_every_property_that_a_client_may_write_is_in_the_table_once_and_no_other(properties: surface.Surface) -> None:
    assert Counter((row.model, row.path) for row in ROWS) == Counter(properties.keys())


@WITNESS
def test_every_value_of_an_enum_can_be_said_or_is_left_out_by_name(properties: surface.Surface) -> None:
    for row in ROWS:
        wanted = properties[row.model, row.path]
        said = [values(FIELDS[field]) for field in row.fields]
        if not wanted or (said and not any(said)):
            assert not row.values, row
            continue
        sayable: frozenset[str] = frozenset().union(*said)
        assert sayable | set(row.values) == wanted, row
        assert not sayable & set(row.values), row


def test_every_field_in_the_table_exists() -> None:
    assert NAMED - set(FIELDS) == set()


def test_every_field_reaches_a_property_or_is_listed_as_our_own() -> None:
    for field in FIELDS:
        assert (field in NAMED) != any(below(field, each) for each in OURS), field


def test_every_field_of_our_own_exists() -> None:
    assert [each for each in OURS if not any(below(field, each) for field in FIELDS)] == []


def test_what_is_left_out_has_a_reason() -> None:
    assert [row for row in ROWS if not row.fields and not row.note] == []


def test_the_page_is_rendered_from_the_table(tmp_path: Path) -> None:
    assert main([str(tmp_path / "page.md")]) == 0
    committed = Path(__file__).parents[3] / "docs" / "azure-properties.md"
    assert committed.read_text(encoding="utf-8") == (tmp_path / "page.md").read_text(encoding="utf-8"), "run make docs"


def test_a_wrong_command_line_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 2
    assert "usage:" in capsys.readouterr().err
