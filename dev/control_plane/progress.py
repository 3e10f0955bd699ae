"""Tell the user what takes long: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


@contextmanager
def step(text: str, *, quiet: bool = False) -> Iterator[None]:
    """Show on standard error that `text` is going on, and how long it took; say nothing when `quiet`."""
    if quiet:
        yield
        return
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    started = time.monotonic()
    if console.is_terminal:
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            progress.add_task(text, total=None)
            yield
    else:
        console.print(f"{text} ...")
        yield
    console.print(f"{text}: done in {time.monotonic() - started:.0f} s")
