"""`python -m tools.cli <command> [options]`, run by cosell.py inside `.venv`."""

import importlib
import logging
import os
import sys
from pathlib import Path

from tools.cli.commands import COMMANDS, usage
from tools.cli.manners import behave
from tools.local import NotStarted


def main(argv: list[str]) -> int:
    """Run one command and return its exit code; each module's `main(args)` parses its own options.

    What it needs and does not run on this machine is told in its own words; then the code is 2.
    """
    if not argv or argv[0] not in COMMANDS:
        print(usage(), file=sys.stderr)
        return 2
    # Libraries, and the app itself, speak of nothing: each failure is told by the command, in its own words.
    logging.getLogger().addHandler(logging.NullHandler())
    command = importlib.import_module(f"tools.cli.{argv[0].replace('-', '_')}")
    try:
        return int(command.main(argv[1:]) or 0)
    except NotStarted as error:
        print(f"✖ {error}", file=sys.stderr)
        return 2


def forget_path() -> None:
    """Take the repository, through which cosell.py made this module findable, off the path of what a command starts."""
    root = str(Path(__file__).resolve().parents[2])
    entries = [entry for entry in os.environ.pop("PYTHONPATH", "").split(os.pathsep) if entry not in ("", root)]
    if entries:
        os.environ["PYTHONPATH"] = os.pathsep.join(entries)


if __name__ == "__main__":
    forget_path()
    sys.exit(behave(lambda: main(sys.argv[1:])))
