"""`cosell.py lint`: what is wrong with the mapping files."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.bootstrap import App
from shared.errors import CosellError, SettingsError
from shared.mapping import schema
from shared.mapping.check.findings import Finding, Severity
from shared.mapping.check.lint import lint, lint_leads
from shared.mapping.loading import load_mapping, positions
from shared.paths import app_path
from shared.settings.kinds import CRMS, crm_names
from tools.admin import problems_page
from tools.admin.asked import CRM
from tools.cli import local_settings
from tools.cli.configured import KNOWN, app_for, use_mapping
from tools.cli.terminal import say, warn

DEFAULT = "dynamics365"


def main(args: list[str]) -> int:
    """Print every finding in each file; 1 when one of them is an error."""
    options = _parser().parse_args(args)
    if options.schema:
        print(schema.dump(), end="")
        return 0
    if options.problems:
        print(problems_page.dump(), end="")
        return 0
    try:
        local_settings.into_environment(options, needed=options.live)
        use_mapping(options.mapping)
        crms = [options.crm] if options.crm else _configured()
        app = app_for(crms, CRM) if options.live else None
    except CosellError as error:
        (warn if options.json else say)(error)
        return 1
    checked = [_lint(crm, app) for crm in crms]
    if options.json:
        print(json.dumps({"files": [each.as_data() for each in checked]}, indent=2))
    else:
        for each in checked:
            each.tell()
    return int(any(each.failed for each in checked))


@dataclass(frozen=True)
class _Checked:
    """What was found in one CRM's file, or why it could not be looked at."""

    crm: str
    version: str = ""
    findings: Sequence[Finding] = ()
    failure: str = ""

    @property
    def errors(self) -> int:
        return sum(each.severity is Severity.ERROR for each in self.findings)

    @property
    def failed(self) -> bool:
        return bool(self.errors or self.failure)

    def tell(self) -> None:
        """Print it for a person."""
        if self.failure:
            say(self.failure)
            return
        for each in self.findings:
            say(each)
        warnings = len(self.findings) - self.errors
        print(f"{self.crm}.yaml version {self.version}: {self.errors} errors, {warnings} warnings")

    def as_data(self) -> dict[str, object]:
        """Return it for a program."""
        counts = {"errors": self.errors, "warnings": len(self.findings) - self.errors}
        found = [{name: getattr(each, name) for name in _TOLD} for each in self.findings]
        return {"crm": self.crm, "version": self.version, **counts, "findings": found, "failure": self.failure}


_TOLD = ("severity", "file", "line", "field", "what", "nearest", "can_be_provisioned")


def _configured() -> Sequence[str]:
    """Return the CRMs that the setting CRM names; no other setting needs to be there. Raises SettingsError."""
    given = os.environ.get("CRM", "")
    try:
        return crm_names(given) if given.strip() else [DEFAULT]
    except ValueError:
        raise SettingsError(f"CRM: {CRMS.rule}.") from None


def _lint(crm: str, app: App | None) -> _Checked:
    given = os.environ.get("MAPPING_DIR", "")
    directory = app_path(given) if given else None
    try:
        field_map = load_mapping(crm, directory)
        task = app.tasks.of(crm) if app else None
        found = lint(field_map.file, positions(crm, directory), task.records.describe() if task else None)
        if task and task.lead:
            found += lint_leads(field_map.file, positions(crm, directory), task.lead.records.describe())
    except CosellError as error:
        return _Checked(crm, failure=str(error))
    return _Checked(crm, field_map.version, found)


def _parser() -> argparse.ArgumentParser:
    about = "Validate mapping files; with --live, also against the tables of the CRM itself."
    parser = argparse.ArgumentParser(prog="cosell.py lint", description=about)
    parser.add_argument("--crm", choices=KNOWN, help=f"whose file; default those of the setting CRM, else {DEFAULT}")
    parser.add_argument("--mapping", type=Path, metavar="DIR", help="folder of the files; default MAPPING_DIR's")
    parser.add_argument("--live", action="store_true", help="ask the CRM too; takes the settings of the CRM")
    parser.add_argument("--json", action="store_true", help="print the findings for a program")
    local_settings.add_arguments(parser)
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema for an editor, and check nothing")
    parser.add_argument("--problems", action="store_true", help="print docs/PROBLEMS.md, and check nothing")
    return parser
