"""`cosell.py settings`: the settings that there are, the files made from them, and a machine's settings for Azure."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tools.admin.azure_settings import as_command, as_json, for_azure, listed
from tools.admin.settings_files import MADE, settings
from tools.cli import local_settings


def main(args: list[str]) -> int:
    """Do the one thing that is asked for."""
    options = _parser().parse_args(args)
    if options.json:
        print(listed(settings()))
        return 0
    if options.for_azure is not None:
        return _for_azure(options.for_azure, command=options.az, with_secrets=options.with_secrets)
    return _write() if options.write else _check()


def _for_azure(file: str, *, command: bool, with_secrets: bool) -> int:
    """Print settings to standard output, what was left out to standard error."""
    if file and not Path(file).exists():
        print(f"{file} does not exist.", file=sys.stderr)
        return 1
    given = local_settings.read(Path(file) if file else None)
    if not file:
        given = {**given, **{each.name: os.environ[each.name] for each in settings() if each.name in os.environ}}
    chosen = for_azure(given, with_secrets=with_secrets)
    print(as_command(chosen.values) if command else as_json(chosen.values))
    for name, reason in chosen.left_out.items():
        print(f"left out: {name} {reason}", file=sys.stderr)
    return 0


def _write() -> int:
    for made in MADE:
        changed = not made.is_current()
        made.write()
        print(f"{made.path}: {'renewed' if changed else 'current'}")
    return 0


def _check() -> int:
    stale = [made.path for made in MADE if not made.is_current()]
    for path in stale:
        print(f"{path} does not say what shared/settings/declaration.py says: run `cosell.py settings --write`.")
    return 1 if stale else 0


def _parser() -> argparse.ArgumentParser:
    about = "List the app settings, renew the files that are made from them, or turn a machine's into Azure's."
    parser = argparse.ArgumentParser(prog="cosell.py settings", description=about)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--json", action="store_true", help="print every setting that is declared")
    what.add_argument("--write", action="store_true", help="renew README's table, the sample and Bicep's parameters")
    what.add_argument("--check", action="store_true", help="1 when one of these files is out of date")
    what.add_argument(
        "--for-azure",
        nargs="?",
        const="",
        metavar="FILE",
        help="print the settings of FILE, else of local.settings.json and the environment, for "
        "`az functionapp config appsettings set --settings @...`",
    )
    parser.add_argument("--az", action="store_true", help="with --for-azure: print the command instead of JSON")
    parser.add_argument("--with-secrets", action="store_true", help="with --for-azure: print secrets, too")
    return parser
