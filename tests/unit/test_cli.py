"""The command line: what it says of wrong usage, before anything is connected."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gallery_operator import cli


def test_without_a_command_it_shows_how_it_is_used() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gallery_operator"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: gallery-operator run [options] | version")


def test_an_unknown_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["watch"]) == 2
    assert "usage: gallery-operator run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--workers", "many"], "--workers (GALLERY_OPERATOR_WORKERS): Input should be a valid integer"),
        (["--workers", "0"], "--workers (GALLERY_OPERATOR_WORKERS): Input should be greater than or equal to 1"),
        (["--poll", "15"], "--poll (GALLERY_OPERATOR_POLL): a duration is a whole number with s, m, h or d"),
        (["--poll", "2h", "--resync", "1h"], "poll is not longer than resync"),
        (["--poll", "5s"], "poll is 15s or longer"),
        (["--cluster-id", "a/b"], "--cluster-id (GALLERY_OPERATOR_CLUSTER_ID): String should match"),
        (["--log-level", "LOUD"], "--log-level"),
        (["--cloud", "Mars"], "--cloud"),
        (["--arm-endpoint", "https://arm.example"], "arm-endpoint and authority-host are set together"),
        (["--ca-file", "ca.pem"], "arm-audience and ca-file are for an explicit arm-endpoint"),
        (["--nonsense", "1"], "unrecognized arguments: --nonsense 1"),
    ],
)
def test_a_wrong_flag_is_named_with_what_is_expected(
    flags: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = cli.main(["run", *flags])
    except SystemExit as ended:  # argparse ends by itself
        code = int(ended.code or 0)
    assert code == 2
    assert said in capsys.readouterr().err


def test_a_wrong_variable_is_named_and_its_value_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GALLERY_OPERATOR_PORT", "s3cr3t-pasted-here")
    assert cli.main(["run"]) == 2
    said = capsys.readouterr().err
    assert "--port (GALLERY_OPERATOR_PORT): Input should be a valid integer" in said
    assert "s3cr3t" not in said
