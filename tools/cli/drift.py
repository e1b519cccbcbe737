"""`cosell.py drift`: what differs between the two sides of the linked deals, and why."""

from __future__ import annotations

import argparse
import contextlib
import csv
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console

from shared.bootstrap import App
from shared.errors import CosellError
from tools.admin.asked import CRM, KEEPING, PARTNER_CENTER, STORAGE
from tools.admin.drift.ledger import from_ledger
from tools.admin.drift.look import from_both_sides
from tools.admin.drift.rows import HEADER, Report, Row
from tools.admin.files import check_writable, inert, private
from tools.cli import local_settings
from tools.cli.configured import KNOWN, app_with_ledger
from tools.cli.progress import Progress
from tools.cli.stream import JsonStream
from tools.cli.terminal import say, warn

AS_EXPECTED, UNEXPECTED, FAILED = 0, 1, 2


def main(args: list[str]) -> int:
    """Print the report; 0 when every difference is as it should be, 1 when one is not, 2 when it cannot be told."""
    options = _parser().parse_args(args)
    try:
        local_settings.into_environment(options)
        if options.csv:
            check_writable(options.csv)
        asked = (STORAGE, CRM, PARTNER_CENTER, KEEPING) if options.look else (STORAGE,)
        crms = [options.crm] if options.crm and options.look else []
        return run(app_with_ledger(crms, *asked), options)
    except CosellError as error:
        warn(f"✖ {error}")
        return FAILED


def run(app: App, options: argparse.Namespace) -> int:
    """Report on every deal; returns the exit code. Raises the families."""
    report = Report()
    with contextlib.ExitStack() as open_files:
        takers: list[Callable[[Row], object]] = [report.add]
        stream = open_files.enter_context(JsonStream("rows")) if options.json else None
        if stream:
            takers.append(lambda row: stream.add(row.data()))
        if options.csv:
            # The mark in front lets Excel read UTF-8.
            writer = csv.writer(open_files.enter_context(private(options.csv, encoding="utf-8-sig")))
            writer.writerow(HEADER)
            takers.append(lambda row: writer.writerow([inert(str(each)) for each in row.data().values()]))
        for row in _rows(app, options):
            for take in takers:
                take(row)
        if stream:
            stream.end(unexpected=report.unexpected, totals=report.counts())
    if not options.json:
        _tell(report, options.csv)
    return UNEXPECTED if report.unexpected else AS_EXPECTED


def _rows(app: App, options: argparse.Namespace) -> Iterator[Row]:
    if options.look:
        for name in [options.crm] if options.crm else app.tasks.names:
            with Progress(name, "deals") as progress:
                for number, rows in enumerate(from_both_sides(app.tasks.of(name)), 1):
                    progress.tell("deals", number)
                    yield from rows
    else:
        for name in [options.crm] if options.crm else KNOWN:
            yield from from_ledger(name, app.ledger.of(name))


def _tell(report: Report, path: Path | None) -> None:
    console = Console(width=None if Console().is_terminal else 160)
    if table := report.table():
        console.print(table)
    for crm, counts in report.counts().items():
        say(f"{crm}: {', '.join(f'{count} {kind}' for kind, count in counts.items())}")
    say(
        f"{report.unexpected} differences need somebody."
        if report.unexpected
        else "Every difference is as it should be."
    )
    if path:
        say(f"Written: {path}")


def _parser() -> argparse.ArgumentParser:
    about = (
        "Report what differs between the two sides of the linked deals: as the ledger knows it, or with --look as both "
        "sides hold it now. Writes nothing."
    )
    parser = argparse.ArgumentParser(prog="cosell.py drift", description=about)
    parser.add_argument("--crm", choices=KNOWN, help="only this CRM's deals")
    parser.add_argument("--look", action="store_true", help="read both sides of every deal; takes a while")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write every difference to a CSV file")
    parser.add_argument("--json", action="store_true", help="print every difference for a program")
    local_settings.add_arguments(parser)
    return parser
