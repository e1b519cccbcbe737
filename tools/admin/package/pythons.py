"""Finds a Python of another version on this machine."""

from __future__ import annotations

import subprocess
import sys

from uv import find_uv_bin


def interpreter(python: str) -> str | None:
    """Return the path of a Python with this version, None when there is none. Nothing is downloaded."""
    if python == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    command = [find_uv_bin(), "python", "find", "--system", "--no-python-downloads", "--no-project", python]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None
