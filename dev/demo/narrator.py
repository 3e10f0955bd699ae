"""How the story is told: headings, commands, verified facts, and what goes on meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.rule import Rule
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

#: Seconds between two looks at the table while something is waited for.
_TABLE_INTERVAL = 0.4

#: Columns where there is no terminal to ask.
_LOG_WIDTH = 120

Look = Callable[[], str]


class Narrator:
    """Tells the story on a console: live on a terminal, in plain lines elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        if not self.console.is_terminal and "COLUMNS" not in os.environ:
            self.console.width = _LOG_WIDTH
        self.facts = 0

    def heading(self, number: int, of: int, title: str, summary: str) -> None:
        self.console.print()
        self.console.print(Rule(Text(f"{number}/{of}  {title}", style="bold"), align="left"))
        self.note(summary)

    def end(self, seconds: float) -> None:
        """Tell that the whole story held."""
        self.console.print()
        self.console.print(Text(f"All {self.facts} facts held, in {seconds:.0f} s.", style="bold green"))

    def invitation(self, suggestions: Mapping[str, Sequence[str]], *, setup: Sequence[str]) -> None:
        """Tell how to go on by hand. These lines are to be copied, so they are never cut or folded."""
        lines = ["", "Everything is still running. In another terminal:", ""]
        lines += [*(f"  {line}" for line in setup), ""]
        for number, (title, commands) in enumerate(suggestions.items(), 1):
            lines += [f"{number}. {title}:", *(f"  {line}" for line in commands), ""]
        lines.append("Ctrl-C ends it all.")
        self.console.print("\n".join(lines), markup=False, soft_wrap=True)

    def command(self, text: str) -> None:
        self._say("$", text, "cyan")

    def note(self, text: str) -> None:
        self._say("", text, "dim")

    def fact(self, text: str) -> None:
        """Tell something that was verified."""
        self.facts += 1
        self._say("✓", text, mark="bold green")

    def output(self, text: str) -> None:
        """Show what a command printed; long lines are cut at the edge."""
        self.console.print(Text(_indented(text)), no_wrap=True, overflow="ellipsis")

    def _say(self, sign: str, text: str, style: str = "", *, mark: str | None = None) -> None:
        """Print a line with a sign before it; where it is longer than the terminal it goes on below its beginning."""
        line = Table.grid(padding=(0, 1))
        line.add_column(width=3, justify="right")
        line.add_column(overflow="fold")
        line.add_row(Text(sign, style=mark or style), Text(text, style=style))
        self.console.print(line)

    def took(self, seconds: float) -> None:
        self.console.print(Text(f"  {seconds:.1f} s", style="dim"))

    def failure(self, title: str, *, expected: str = "", found: str = "", log_tail: str = "") -> None:
        """Tell what does not hold, and what the operator said last."""
        self._say("✗", title, "red", mark="bold red")
        for name, value in (("expected", expected), ("found", found)):
            if value:
                self._say("", f"{name}: {value}")
        if log_tail:
            title = "the end of the operator's log"
            self.console.print(Panel(Text(log_tail), title=title, title_align="left"))

    @contextmanager
    def waiting(self, text: str, table: Look | None = None) -> Iterator[Callable[[], None]]:
        """Show that `text` is waited for; the caller calls what is yielded now and then.

        `table` makes a table to show meanwhile. It is printed when it is over; where there is no terminal, its lines
        are printed as they change.
        """
        view = _LiveView(self, text, table) if self.console.is_terminal else _PlainView(self, table)
        with view.shown():
            yield view.look
        view.finish()


class _LiveView:
    """A spinner, and below it the table as it is now."""

    def __init__(self, narrator: Narrator, text: str, table: Look | None) -> None:
        self._narrator = narrator
        self._spinner = Spinner("dots", Text(text, style="dim"))
        self._clock = _Interval(table)
        self._live = Live(self._spinner, console=narrator.console, transient=True, refresh_per_second=10)

    @contextmanager
    def shown(self) -> Iterator[None]:
        with self._live:
            yield

    def look(self) -> None:
        if (text := self._clock.due()) is not None:
            body = Text(_indented(text), no_wrap=True, overflow="ellipsis")
            self._live.update(Group(self._spinner, body))

    def finish(self) -> None:
        if text := self._clock.now():
            self._narrator.output(text)


class _PlainView:
    """The lines of the table, each when it changes."""

    def __init__(self, narrator: Narrator, table: Look | None) -> None:
        self._narrator = narrator
        self._clock = _Interval(table)
        self._told: set[str] = set()

    @contextmanager
    def shown(self) -> Iterator[None]:
        yield

    def look(self) -> None:
        self._tell(self._clock.due())

    def finish(self) -> None:
        self._tell(self._clock.now())

    def _tell(self, text: str | None) -> None:
        for line in (text or "").splitlines():
            if (essence := _essence(line)) not in self._told:
                self._told.add(essence)
                self._narrator.output(line)


class _Interval:
    """Makes a table, but not all the time."""

    def __init__(self, table: Look | None) -> None:
        self._table = table
        self._next = 0.0

    def due(self) -> str | None:
        if self._table is None or time.monotonic() < self._next:
            return None
        self._next = time.monotonic() + _TABLE_INTERVAL
        return self._table()

    def now(self) -> str | None:
        return self._table() if self._table else None


def _essence(line: str) -> str:
    """Return a line of the table without what changes all the time: percent, the age, and the columns' widths."""
    return " ".join(word for word in line.split()[:-1] if not word.isdecimal())


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
