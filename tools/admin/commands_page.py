"""The table of docs/OPERATIONS.md: every command of an administrator, what it asks for, and how it answers.

`python -m tools.admin.commands_page` prints it.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from types import ModuleType

from tools.cli.commands import ADMINISTRATOR

STORAGE = "the storage's"
DESK = "the storage's, `SYNC_QUEUE`"
ASKS = {
    "sign-in": "Partner Center's, `ENTRA_AUTHORITY`",
    "register": "Partner Center's, the webhook's; the storage's for its history",
    "lint": "`MAPPING_DIR`; with `--live` the CRM's",
    "provision": "the CRM's",
    "settings": "none",
    "doctor": "all",
    "preview": "the CRM's, Partner Center's, the storage's",
    "adopt": "the CRM's, Partner Center's, the storage's; with `--apply` `SYNC_QUEUE`",
    "drift": "the storage's; with `--look` the CRM's and Partner Center's",
    "export": STORAGE,
    "status": DESK,
    "explain": f"{DESK}; with `--look` the CRM's and Partner Center's",
    **dict.fromkeys(("retry", "pause", "resume", "link", "create", "unlink", "share-again", "release"), DESK),
    "test-alert": "`ALERT_…`, `WEBHOOK_PUBLIC_URL`; with `--digest` the storage's and the CRM's",
    "package": "none",
}
"""Whose settings each command needs; the others need not be there, and may be wrong."""

_COLUMNS = ("command", "what it does", "settings it asks for", "as data", "exit code")


def table() -> str:
    """Return the table, a line for each command."""
    lines = [f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
    for name, about in ADMINISTRATOR.items():
        module = importlib.import_module(f"tools.cli.{name.replace('-', '_')}")
        lines.append(f"| `{name}` | {about} | {ASKS[name]} | {_data(module)} | {_codes(module)} |")
    return "\n".join(lines) + "\n"


def _data(module: ModuleType) -> str:
    parser: argparse.ArgumentParser = module._parser()  # noqa: SLF001 - every command has one
    options = [each for each in ("--json", "--csv", "--out") if each in parser._option_string_actions]  # noqa: SLF001
    return ", ".join(f"`{each}`" for each in options) or "–"


def _codes(module: ModuleType) -> str:
    """Return what the exit codes mean: the second half of what `main` says of itself."""
    about = str(module.main.__doc__).splitlines()[0]
    codes = about.partition("; ")[2].rstrip(".")
    return codes if codes.startswith("0") else f"0 otherwise, {codes}" if codes else "0, 2 for a wrong use"


if __name__ == "__main__":
    sys.stdout.write(table())
