"""`cosell.py adopt`: moving in: what the first run would do to every deal, and, once confirmed, exactly that."""

from __future__ import annotations

import argparse
import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from shared.bootstrap import App
from shared.errors import CosellError, SettingsError
from shared.sync.task import Task
from tools.admin.adopt import apply, old_flows
from tools.admin.adopt.apply import Done, Result
from tools.admin.adopt.forecast import Row
from tools.admin.adopt.report import Report, done_data, row_data
from tools.admin.adopt.sheet import Order, SheetRows, read_sheet
from tools.admin.adopt.survey import survey
from tools.admin.asked import CRM, KEEPING, PARTNER_CENTER, QUEUE, STORAGE
from tools.admin.files import check_writable, private
from tools.cli import local_settings
from tools.cli.configured import KNOWN, app_with_ledger
from tools.cli.progress import Progress
from tools.cli.stream import JsonStream
from tools.cli.terminal import say, warn

NOTHING, OPEN, FAILED = 0, 1, 2


def main(args: list[str]) -> int:
    """Forecast or perform; 0 when nothing is left to decide, 1 when something is, 2 when it could not be told."""
    options = _parser().parse_args(args)
    try:
        local_settings.into_environment(options)
        if options.csv:
            check_writable(options.csv)
        asked = [options.crm] if options.crm else []
        app = app_with_ledger(asked, CRM, STORAGE, PARTNER_CENTER, KEEPING, *([QUEUE] if options.apply else []))
        return run(app, options)
    except CosellError as error:
        warn(f"✖ {error}")
        return FAILED


def run(app: App, options: argparse.Namespace) -> int:
    """Forecast, or perform a file; returns the exit code. Raises the families."""
    names = [options.crm] if options.crm else list(app.tasks.names)
    if options.apply:
        return _perform(app, names, options)
    return _forecast(app, names, options)


# --- the forecast ----------------------------------------------------------------------------------------------------


def _forecast(app: App, names: Sequence[str], options: argparse.Namespace) -> int:
    reports = []
    with contextlib.ExitStack() as open_files:
        stream = open_files.enter_context(JsonStream("rows")) if options.json else None
        # The mark in front lets Excel read UTF-8.
        file = open_files.enter_context(private(options.csv, encoding="utf-8-sig")) if options.csv else None
        sheet = SheetRows(file) if file else None
        notes = list(old_flows.registration_notes(app.webhooks))
        for name in names:
            report, task = Report(name), app.tasks.of(name)
            sample: list[str] = []
            for row in _survey(task):
                report.add(row)
                if sheet:
                    sheet.add(row)
                if stream and row.listed:
                    stream.add(row_data(row))
                if row.listed and row.record_id and row.referral_id and len(sample) < old_flows.SAMPLE:
                    sample.append(row.record_id)
            notes += old_flows.audit_notes(task, sample)
            reports.append(report)
        if stream:
            stream.end(notes=notes, totals={each.crm: each.counts() for each in reports})
    if not options.json:
        _tell(reports, notes, options.csv)
    return OPEN if any(each.waiting for each in reports) else NOTHING


def _survey(task: Task) -> Iterator[Row]:
    with Progress(task.name, "deals") as progress:
        yield from survey(task, progress.tell)


def _tell(reports: Sequence[Report], notes: Sequence[str], csv: Path | None) -> None:
    console = Console(width=None if Console().is_terminal else 160)
    for report in reports:
        if table := report.table():
            console.print(table)
        say(f"{report.crm}, at the first run:")
        for line in report.summary() or ["      0  deals"]:
            say(line)
    for note in notes:
        say(f"⚠ {note}")
    if csv:
        say(f"Written: {csv}. Say yes or no in its column decision, then: cosell.py adopt --apply {csv}")
    say("Nothing was written to either side.")


# --- performing ------------------------------------------------------------------------------------------------------


def _perform(app: App, names: Sequence[str], options: argparse.Namespace) -> int:
    if app.settings.dry_run:
        raise SettingsError("DRY_RUN: is on, so nothing would be written. Set it to false for this command.")
    orders = _orders(app, names, options.apply)
    if orders is None:
        return FAILED
    counts: Counter[Result] = Counter()
    with contextlib.ExitStack() as opened:
        stream = opened.enter_context(JsonStream("rows")) if options.json else None
        for name in names:
            own = [each for each in orders if each.crm == name]
            for done in _apply(app.tasks.of(name), own) if own else ():
                counts[done.result] += 1
                if stream:
                    stream.add(done_data(done))
                elif done.open or done.result is Result.REFUSED:
                    say(f"line {done.order.line}: {done.result}: {done.text}")
        if stream:
            stream.end(totals={str(each): counts[each] for each in Result})
    if not options.json:
        say(
            ", ".join(f"{counts[each]} {each}" for each in Result if counts[each])
            or "Nothing is confirmed in the file."
        )
    return OPEN if counts[Result.CHANGED] or counts[Result.FAILED] else NOTHING


def _orders(app: App, names: Sequence[str], path: Path) -> Sequence[Order] | None:
    """Return what was decided; None, with every mistake told, when there is one. Raises SettingsError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}.") from error
    sheet = read_sheet(content)
    mistakes = [*sheet.mistakes, *_of_other_tables(app, names, sheet.orders)]
    for mistake in mistakes:
        warn(f"✖ {path.name}, {mistake}")
    if mistakes:
        warn(f"Nothing was performed: correct {len(mistakes)} of its rows first.")
        return None
    if sheet.undecided:
        warn(f"{sheet.undecided} rows are not decided; nothing is done about them.")
    return sheet.orders


def _of_other_tables(app: App, names: Sequence[str], orders: Sequence[Order]) -> Iterator[str]:
    for each in orders:
        if each.crm not in app.tasks.names:
            yield f"line {each.line}: crm: {each.crm} is not in the setting CRM."
        elif each.crm in names and each.table not in app.tasks.of(each.crm).tables:
            yield f"line {each.line}: table: the mapping has no table {each.table}."


def _apply(task: Task, orders: Sequence[Order]) -> Iterator[Done]:
    with Progress(task.name, "deals", len(orders)) as progress:
        for number, done in enumerate(apply.apply(task, orders), 1):
            progress.tell("deals", number)
            yield done


def _parser() -> argparse.ArgumentParser:
    about = (
        "Forecast, deal by deal, what the app's first run would do to records and referrals that exist already: read "
        "both sides, pair them, and write nothing. A person confirms rows in the CSV file; --apply performs those."
    )
    parser = argparse.ArgumentParser(prog="cosell.py adopt", description=about)
    parser.add_argument("--crm", choices=KNOWN, help="only this CRM; default: all in CRM")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--csv", type=Path, metavar="FILE", help="write every deal to a CSV file, to be edited")
    what.add_argument("--apply", type=Path, metavar="FILE", help="perform what an edited CSV file confirms, no more")
    parser.add_argument("--json", action="store_true", help="print every deal for a program")
    local_settings.add_arguments(parser)
    return parser
