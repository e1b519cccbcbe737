"""`cosell.py lint`: what is wrong with a mapping file."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from shared.bootstrap import App
from shared.errors import CosellError
from shared.mapping.findings import Severity
from shared.mapping.lint import lint
from shared.mapping.loading import load_mapping, positions
from shared.settings import load_settings
from tools.cli import local_settings

CRM = "dynamics365"
"""Whose file is checked while the setting CRM says nothing."""


def main(args: list[str]) -> int:
    """Print every finding; 1 when one of them is an error."""
    options = _parser().parse_args(args)
    local_settings.into_environment()
    if options.mapping:
        os.environ["MAPPING_DIR"] = str(options.mapping)
    try:
        return _lint(live=options.live)
    except CosellError as error:
        print(error)
        return 1


def _lint(*, live: bool) -> int:
    given = os.environ.get("MAPPING_DIR", "")
    directory = Path(given) if given else None
    names = [part.strip() for part in os.environ.get("CRM", "").split(",") if part.strip()] or [CRM]
    return max([_lint_one(name, directory, live=live) for name in names])


def _lint_one(crm: str, directory: Path | None, *, live: bool) -> int:
    mapping = load_mapping(crm, directory)
    tables = App(load_settings()).ports[crm].crm.describe() if live else None
    found = lint(mapping.file, positions(crm, directory), tables)
    for each in found:
        print(each)
    errors = sum(each.severity is Severity.ERROR for each in found)
    print(f"{crm}.yaml version {mapping.version}: {errors} errors, {len(found) - errors} warnings")
    return 1 if errors else 0


def _parser() -> argparse.ArgumentParser:
    about = "Check the mapping file for being right; with --live, also against the tables of the CRM itself."
    parser = argparse.ArgumentParser(prog="cosell.py lint", description=about)
    parser.add_argument("--mapping", type=Path, metavar="DIR", help="folder of the file; default MAPPING_DIR's")
    parser.add_argument("--live", action="store_true", help="ask the CRM too; takes all app settings")
    return parser
