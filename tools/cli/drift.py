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
from shared.messages import Messages
from tools.admin.asked import CRM, KEEPING, PARTNER_CENTER, STORAGE
from tools.admin.drift import rows, shadow
from tools.admin.drift.ledger import from_ledger
from tools.admin.drift.look import from_both_sides
from tools.admin.drift.report import Line, Report
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
    header, columns = (shadow.HEADER, shadow.COLUMNS) if options.shadow else (rows.HEADER, rows.COLUMNS)
    report, deals = Report(columns), shadow.Deals()
    with contextlib.ExitStack() as open_files:
        takers: list[Callable[[Line], object]] = [report.add]
        stream = open_files.enter_context(JsonStream("rows")) if options.json else None
        if stream:
            takers.append(lambda line: stream.add(line.data()))
        if options.csv:
            # The mark in front lets Excel read UTF-8.
            writer = csv.writer(open_files.enter_context(private(options.csv, encoding="utf-8-sig")))
            writer.writerow(header)
            takers.append(lambda line: writer.writerow([inert(str(each)) for each in line.data().values()]))
        for line in _shadows(app, options, deals) if options.shadow else _rows(app, options):
            for take in takers:
                take(line)
        if stream:
            counted = {"deals": deals.counts()} if options.shadow else {}
            stream.end(unexpected=report.unexpected, totals=report.counts(), **counted)
    if not options.json:
        _tell(report, deals, options)
    return UNEXPECTED if report.unexpected else AS_EXPECTED


def _rows(app: App, options: argparse.Namespace) -> Iterator[Line]:
    if options.look:
        for name in [options.crm] if options.crm else app.tasks.names:
            with Progress(name, "deals") as progress:
                for number, found in enumerate(from_both_sides(app.tasks.of(name)), 1):
                    progress.tell("deals", number)
                    yield from found
    else:
        for name in [options.crm] if options.crm else KNOWN:
            yield from from_ledger(name, app.ledger.of(name))


def _shadows(app: App, options: argparse.Namespace, deals: shadow.Deals) -> Iterator[Line]:
    for name in [options.crm] if options.crm else KNOWN:
        agenda, now = app.ledger.of(name).agenda, app.clock.now()
        for found in shadow.from_shadow(name, app.ledger.drawers, agenda, Messages(), now):
            deals.add(name, found)
            yield from found


def _tell(report: Report, deals: shadow.Deals, options: argparse.Namespace) -> None:
    console = Console(width=None if Console().is_terminal else 160)
    if table := report.table():
        console.print(table)
    for crm, counts in report.counts().items():
        say(f"{crm}: {', '.join(f'{count} {kind}' for kind, count in counts.items())}")
    for crm, counts in deals.counts().items():
        say(f"{crm}: {counts['deals']} deals were looked at; {counts['alike']} went as the app would have done it.")
    say(
        f"{report.unexpected} differences need somebody."
        if report.unexpected
        else "Every difference is as it should be."
    )
    if options.csv:
        say(f"Written: {options.csv}")


def _parser() -> argparse.ArgumentParser:
    about = (
        "Report what differs between the two sides of the linked deals: as the ledger knows it, or with --look as both "
        "sides hold it now. With --shadow, beside another product: what a dry run would have written, and what the "
        "other made of it. Writes nothing."
    )
    parser = argparse.ArgumentParser(prog="cosell.py drift", description=about)
    parser.add_argument("--crm", choices=KNOWN, help="only this CRM's deals")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--look", action="store_true", help="read both sides of every deal; takes a while")
    what.add_argument("--shadow", action="store_true", help="compare a dry run with what was done beside it; no call")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write every difference to a CSV file")
    parser.add_argument("--json", action="store_true", help="print every difference for a program")
    local_settings.add_arguments(parser)
    return parser
