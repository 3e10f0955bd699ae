"""The command line: `gallery-operator run` and `gallery-operator version`."""

from __future__ import annotations

import os
import sys

from pydantic import ValidationError
from pydantic_settings import CliApp

from gallery_operator import __version__
from gallery_operator.settings import Settings

_USAGE = """usage: gallery-operator run [options] | version

  run      reconcile Gallery, ImageDefinition and ImageVersion objects; `run --help` lists the options
  version  print the version
"""


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0 well ended, 1 failed, 2 wrong usage."""
    command, *options = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if command == "version":
        sys.stdout.write(f"{__version__}\n")
        return 0
    if command in {"-h", "--help"}:
        sys.stdout.write(_USAGE)
        return 0
    if command != "run":
        sys.stderr.write(_USAGE)
        return 2
    try:
        settings = CliApp.run(Settings, cli_args=options)
    except ValidationError as error:
        sys.stderr.write(explain(error))
        return 2
    if settings.kubeconfig is not None:
        # kopf's login has no other way to be told, and the library reads it when it is imported.
        os.environ["KUBECONFIG"] = str(settings.kubeconfig)
    from gallery_operator import app  # noqa: PLC0415 - see above; and `version` needs none of the libraries

    return app.main(settings)


def explain(error: ValidationError) -> str:
    """Return one line per wrong setting that names the flag, the variable and what is expected."""
    lines = []
    for each in error.errors(include_input=False, include_url=False):
        name = str(each["loc"][0]) if each["loc"] else ""
        where = f"--{name.replace('_', '-')} (GALLERY_OPERATOR_{name.upper()}): " if name else ""
        lines.append(f"gallery-operator: {where}{each['msg'].removeprefix('Value error, ')}\n")
    return "".join(lines)
