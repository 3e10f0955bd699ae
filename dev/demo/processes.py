"""Processes that end with the one that started them, however that one ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence

#: Asks the kernel (Linux only) to kill this process with its parent, and becomes the command.
_TIE = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
os.execv(sys.argv[1], sys.argv[1:])
"""


def tied(command: Sequence[str]) -> list[str]:
    """Return the command that runs `command` (its first part a path) until it ends or its parent does."""
    return [sys.executable, "-I", "-S", "-c", _TIE, *command]
