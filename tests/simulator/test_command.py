"""`python -m dev.azure_simulator`, as people and the demo start it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from dev.azure_simulator import Endpoints, Switchboard
from gallery_operator.clock import FileClock
from tests.simulator.support import Http

ROOT = Path(__file__).parents[2]


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "dev.azure_simulator", *arguments]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'operator'}"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_it_prints_its_endpoints_serves_and_ends_on_sigterm(tmp_path: Path) -> None:
    clock_file = tmp_path / "shared-clock.json"
    FileClock.create(clock_file).advance(timedelta(days=1000))
    folder = tmp_path / "simulator"
    arguments = (
        "--json",
        "--fill",
        "5",
        "--folder",
        str(folder),
        "--clock-file",
        str(clock_file),
        "--retry-after",
        "7",
    )
    with running(*arguments) as process:
        assert process.stdout is not None
        endpoints = Endpoints.from_json(process.stdout.readline())
        assert (endpoints.ca_file, endpoints.clock_file) == (folder / "ca.pem", clock_file)
        board = Switchboard(endpoints)
        assert abs(board.now() - FileClock(clock_file).now()) < timedelta(minutes=1)
        last = board.resources()[-1]
        assert last.endswith("/galleries/filled/images/image-0/versions/1.0.4")
        assert Http(endpoints).delete(last).headers["Retry-After"] == "7"
        board.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_it_tells_people_how_to_point_the_operator_and_az_at_it() -> None:
    with running("--speed", "60") as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if line.startswith("Ctrl-C"):
                break
    text = "\n".join(lines)
    for name in (
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "GALLERY_OPERATOR_SUBSCRIPTION_ID",
        "GALLERY_OPERATOR_ARM_ENDPOINT",
        "GALLERY_OPERATOR_AUTHORITY_HOST",
        "GALLERY_OPERATOR_CA_FILE",
        "GALLERY_OPERATOR_CLOCK_FILE",
    ):
        assert f"export {name}=" in text
    assert "az cloud register -n simulator --endpoint-resource-manager https://localhost:" in text
    assert "az login --service-principal" in text
