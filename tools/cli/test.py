"""`cosell.py test [pytest options]`: every test. Nothing is printed after pytest's own summary line."""

import os
import subprocess
import sys

from tools import azurite


def main(args: list[str]) -> int:
    """Install Azurite if it is missing, then become pytest."""
    if args and args[0] in ("-h", "--help"):
        print("usage: cosell.py test [pytest options]\n\nRun every test; options and paths are passed on to pytest.")
        return 0
    azurite.ensure_installed()
    command = [sys.executable, "-m", "pytest", *args]
    if sys.platform != "win32":
        sys.stdout.flush()
        os.execv(command[0], command)  # noqa: S606 (no shell is wanted)
    return subprocess.run(command, check=False).returncode
