"""`python -m dev.azure_properties FILE` writes the page."""

from __future__ import annotations

import sys
from pathlib import Path

from dev.azure_properties.page import render


def main(arguments: list[str]) -> int:
    """Write the page to the file that is given."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        sys.stderr.write("usage: python -m dev.azure_properties FILE\n")
        return 2
    Path(arguments[0]).write_text(render(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
