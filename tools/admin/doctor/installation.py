"""What the Functions host reads before any code of ours runs: without it a function is simply not there."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.admin.doctor.report import Line, Owner, bad, good, look


def diagnose_installation(root: Path) -> Iterator[Line]:
    """Yield whether the host can load the functions; the settings that it reads are told with the other settings."""
    lines = list(_host(root / "host.json"))
    yield from lines or [good("host.json", "the host can load the functions")]
    yield from _file_mode(root / "local.settings.json")


def _host(path: Path) -> Iterator[Line]:
    restore = "restore host.json as the repository has it, and publish again"
    try:
        host = json.loads(path.read_text(encoding="utf-8"))
        queues, http = (host.get("extensions", {}).get(name, {}) for name in ("queues", "http"))
        bundle = host.get("extensionBundle", {}).get("id")
    except (OSError, ValueError, AttributeError) as error:
        yield bad("host.json", f"cannot be read ({type(error).__name__}): no function starts", Owner.AZURE, restore)
        return
    wrong = {
        "version must be 2.0": host.get("version") != "2.0",
        "extensionBundle is missing, so that queues are not read": not bundle,
        "queues.messageEncoding must be base64, as messages are written": queues.get("messageEncoding", "base64")
        != "base64",
        "http.routePrefix must be api, as Partner Center is told": http.get("routePrefix", "api") != "api",
    }
    for what in (text for text, found in wrong.items() if found):
        yield bad("host.json", what, Owner.AZURE, restore)


def _file_mode(path: Path) -> Iterator[Line]:
    """Yield whether others on this machine can read the secrets; Windows has no such bits."""
    if sys.platform == "win32" or not path.exists():
        return
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        text = f"others on this machine may read it ({stat.filemode(path.stat().st_mode)}), and it holds secrets"
        yield look("local.settings.json", text, Owner.AZURE, "chmod 600 local.settings.json")
