"""`cosell.py preview`: what a mapping file would do to every live deal, before it is switched on."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from rich.console import Console

from shared.errors import CosellError, DataError
from shared.link import Link
from shared.mapping.check.findings import Severity
from shared.mapping.check.lint import lint, lint_leads
from shared.mapping.loading import positions
from shared.problems import problem
from shared.sync.preview import linked, preview, sample
from shared.sync.task import Choices, Task
from tools.admin.asked import CRM, KEEPING, PARTNER_CENTER, STORAGE
from tools.admin.files import check_writable, private
from tools.admin.preview.forecasts import CsvRows, Report
from tools.cli import local_settings
from tools.cli.configured import KNOWN, app_for, use_mapping
from tools.cli.progress import Progress
from tools.cli.terminal import say

UNTOUCHED, ALARMING, NOT_MADE = 0, 1, 2


def main(args: list[str]) -> int:
    """Print the report; 0 when nothing would be cleared or fail, 1 when something would, 2 when none could be made."""
    options = _parser().parse_args(args)
    try:
        local_settings.into_environment(options)
        use_mapping(options.mapping)
        app = app_for([options.crm] if options.crm else [], CRM, STORAGE, PARTNER_CENTER, KEEPING)
        names = [options.crm] if options.crm else app.tasks.names
        wanted = {name: _Wanted.of(options, name if len(names) > 1 else "") for name in names}
        for each in wanted.values():
            each.check()
        codes = [_preview(app.tasks.of(name), app.settings.mapping_dir, options, wanted[name]) for name in names]
    except CosellError as error:
        say(error)
        return NOT_MADE
    return max(codes)


@dataclass(frozen=True)
class _Wanted:
    """The files that one CRM's forecast is written to."""

    csv: Path | None
    json: Path | None

    @classmethod
    def of(cls, options: argparse.Namespace, crm: str) -> _Wanted:
        """Return them; with several CRMs each has files of its own, named after it."""
        return cls(
            *(path and (path.with_stem(f"{path.stem}.{crm}") if crm else path) for path in (options.csv, options.json))
        )

    def check(self) -> None:
        """Raise SettingsError when one of them cannot be written, before every deal was read for nothing."""
        for path in filter(None, (self.csv, self.json)):
            check_writable(path)


def _preview(task: Task, directory: Path | None, options: argparse.Namespace, wanted: _Wanted) -> int:
    if not _fits(task, directory):
        return NOT_MADE
    links, total = _chosen(task, options)
    report = Report(task.name, task.field_map.version)
    with contextlib.ExitStack() as open_files:
        takers = [report.add]
        if wanted.csv:
            # The mark in front lets Excel read UTF-8.
            file = open_files.enter_context(private(wanted.csv, encoding="utf-8-sig"))
            takers.append(CsvRows(file).add)
        progress = open_files.enter_context(Progress(task.name, "deals", total))
        for number, deal in enumerate(preview(task, links), 1):
            for take in takers:
                take(deal)
            progress.tell("deals", number)
    if wanted.json:
        with private(wanted.json) as file:
            file.write(report.as_json())
    _tell(report, task.choices)
    for path in filter(None, (wanted.csv, wanted.json)):
        print(f"Written: {path}")
    return ALARMING if report.alarming else UNTOUCHED


def _fits(task: Task, directory: Path | None) -> bool:
    """Whether the mapping has no error; a forecast by a wrong one would mean nothing."""
    file, where = task.field_map.file, positions(task.name, directory)
    found = lint(file, where, task.records.describe())
    if task.lead:
        found += lint_leads(file, where, task.lead.records.describe())
    errors = [each for each in found if each.severity is Severity.ERROR]
    for each in errors:
        say(each)
    if errors:
        print("No forecast: correct the mapping first (cosell.py lint --live).")
    return not errors


def _chosen(task: Task, options: argparse.Namespace) -> tuple[Iterable[Link], int | None]:
    """Return the links to look at, and how many there are when that is known. Raises DataError."""
    if options.deal:
        link = task.links.of_referral(options.deal.lower()) or _of_record(task, options.deal)
        if link is None:
            raise DataError(problem("deal.not_linked", "--deal", crm=task.name, id=options.deal))
        return [link], 1
    if options.sample:
        # The same deals each time, so that two candidates are compared on the same ground.
        chosen = sample(linked(task), options.sample, Random(0))
        return chosen, len(chosen)
    return linked(task), None


def _of_record(task: Task, record_id: str) -> Link | None:
    """Return the link of a record, whichever of the CRM's tables it is in."""
    keys = (replace(task.key(record_id), table=table) for table in task.tables)
    return next(filter(None, map(task.links.of_record, keys)), None)


def _tell(report: Report, choices: Choices) -> None:
    console = Console(width=None if Console().is_terminal else 160)
    if report.deals > report.untouched:
        console.print(report.table())
    console.print(
        f"{report.crm}: {report.deals} deals looked at, {report.untouched} untouched, "
        f"{report.alarming} of which something would be cleared or fail. Nothing was written."
    )
    for kind, count in report.held(choices):
        console.print(
            f"{report.crm}: {count} deals at once count as a mass change ({kind}): all but the first "
            f"{choices.mass_deals} would be held until `cosell.py release` lets them happen."
        )


def _parser() -> argparse.ArgumentParser:
    about = "Plan linked deals with a candidate mapping, read-only, and report what would be written, cleared or fail."
    parser = argparse.ArgumentParser(prog="cosell.py preview", description=about)
    parser.add_argument("--mapping", type=Path, metavar="DIR", help="folder with the candidate; default: MAPPING_DIR")
    parser.add_argument("--crm", choices=KNOWN, help="only this CRM; default: all in CRM")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="every linked deal (the default)")
    which.add_argument("--sample", type=_count, metavar="N", help="N deals, chosen at random, the same each time")
    which.add_argument("--deal", metavar="ID", help="one deal, by referral id or record id")
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="write every single forecast to a CSV file; with two CRMs, one each"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the grouped report as JSON; with two CRMs, one each"
    )
    local_settings.add_arguments(parser)
    return parser


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number, 1 or more")
    return int(text)
