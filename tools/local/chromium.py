"""Chromium for the browser tests: the one that is installed, or Debian's own package where we may install it."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from tools.local import NotStarted

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_ADVICE = "No Chromium on PATH: install it (Debian: apt-get install chromium), or Google Chrome, for the browser tests."

ARGUMENTS = (
    "--no-sandbox",  # root in a container has no user namespaces; the only pages are our own, on loopback
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""How it is started: nothing but the page under test reaches the network."""


class ChromiumMissing(NotStarted):
    """There is no Chromium, and none could be installed; the message is one line that says what to do."""


def find() -> Path:
    """Return the browser on PATH. Raises ChromiumMissing."""
    for name in _NAMES:
        if path := shutil.which(name):
            return Path(path)
    raise ChromiumMissing(_ADVICE)


def ensure_installed() -> Path:
    """Return the browser, installed from Debian's archive first where it is missing and we are root.

    Raises ChromiumMissing elsewhere. It is never fetched from anywhere else; progress goes to the terminal.
    """
    try:
        return find()
    except ChromiumMissing:
        if not _may_install():
            raise
    print("installing Chromium from the Debian archive (once, about 400 MB on disk) ...", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        done = subprocess.run(["apt-get", *command], stdin=subprocess.DEVNULL, env=environment, check=False)
        if done.returncode:
            raise ChromiumMissing(f"apt-get {command[0]} failed ({done.returncode}); its words are above. {_ADVICE}")
    return find()


def _may_install() -> bool:
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    try:
        return platform.freedesktop_os_release().get("ID") == "debian"
    except OSError:
        return False
