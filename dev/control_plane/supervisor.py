"""Run processes for exactly as long as the parent lives; a script of its own, standard library only.

`supervisor.py PLAN` starts the plan's processes and waits. Its standard input is a pipe that the parent holds open and
never writes to: it closes when the parent closes it, exits, or is killed, whichever comes first, on any POSIX system.
Then the processes are stopped, last one first, and the plan's `remove` folder is deleted. Exit status 0.
When a process ends by itself the others are stopped, too, and the folder stays for a look at the logs. Exit status 1.

PLAN is JSON: `{"processes": [{"command": ["…"], "log": "path"}], "folder": "where they run", "remove": "path" | null}`.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

#: Seconds a process has to end after SIGTERM before it is killed.
GRACE = 10.0

#: Seconds between two looks at the processes.
INTERVAL = 0.2

_PR_SET_PDEATHSIG = 1


def _die_with_supervisor() -> None:
    """Have the kernel kill this process should the supervisor be killed itself (Linux only)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def start(command: list[str], log: str, folder: str) -> subprocess.Popen[bytes]:
    with open(log, "ab") as output:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Safe here: this process has one thread, which lives as long as the process.
            preexec_fn=_die_with_supervisor if sys.platform == "linux" else None,  # noqa: PLW1509
        )


def wait(processes: Sequence[subprocess.Popen[bytes]]) -> bool:
    """Return True when the parent is gone or done, False when a process ended by itself."""
    parent = os.getppid()
    while all(process.poll() is None for process in processes):
        closed, _, _ = select.select([sys.stdin], [], [], INTERVAL)
        # A fork of the parent may hold the pipe open beyond the parent's death.
        if closed or os.getppid() != parent:
            return True
    return False


def stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in reversed(processes):
        process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main(plan: dict[str, Any]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for entry in plan["processes"]:
            processes.append(start(entry["command"], entry["log"], plan["folder"]))  # noqa: PERF401 - each is to be stopped
        wanted = wait(processes)
    finally:
        stop(processes)
    if wanted and plan["remove"]:
        shutil.rmtree(plan["remove"], ignore_errors=True)
    return 0 if wanted else 1


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
