"""`cosell.py export`: a deal or a person out of the ledger, erased where asked, and an audit that shows changes."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from shared import telemetry
from shared.bootstrap import App
from shared.errors import CosellError, SettingsError
from shared.ledger.audit import Stamp
from shared.ledger.model import AuditEntry
from tools.admin.asked import STORAGE
from tools.admin.export import chain, person
from tools.admin.export.deal import of_deal
from tools.admin.export.person import Person, Place
from tools.admin.files import check_writable, private
from tools.cli import local_settings
from tools.cli.configured import KNOWN, app_with_ledger
from tools.cli.progress import Progress
from tools.cli.terminal import say, warn

DONE, NOTHING, FAILED = 0, 1, 2

KEEPERS = (*KNOWN, "security")
"""Whose audit there is: the CRMs', and that of refused requests."""


def main(args: list[str]) -> int:
    """Export, erase or verify; 0 when it was done, 1 when there is nothing of it or it was changed, 2 otherwise."""
    options = _parser().parse_args(args)
    try:
        _check(options)
        if options.verify:
            return _verify(options.verify, options.hash)
        local_settings.into_environment(options)
        return run(app_with_ledger([], STORAGE), options)
    except CosellError as error:
        warn(f"✖ {error}")
        return FAILED


def _check(options: argparse.Namespace) -> None:
    """Raise SettingsError for options that mean nothing together."""
    if options.erase and not options.person:
        raise SettingsError("--erase: erases a person's data, so it goes with --person.")
    if options.dry_run and not options.erase:
        raise SettingsError("--dry-run: goes with --erase; without it nothing is written anyway.")
    if options.hash and not options.verify:
        raise SettingsError("--hash: goes with --verify.")
    if options.person and "@" not in options.person:
        raise SettingsError("--person: must be a mail address.")
    if options.out:
        check_writable(options.out)


def run(app: App, options: argparse.Namespace) -> int:
    """Do what is asked for with the ledger; returns the exit code. Raises the families."""
    if options.deal:
        return _deal(app, options)
    return _person(app, options) if options.person else _audit(app, options)


# --- a deal ----------------------------------------------------------------------------------------------------------


def _deal(app: App, options: argparse.Namespace) -> int:
    found = [
        each for crm in _crms(options) for each in of_deal(crm, app.ledger.of(crm), app.ledger.drawers, options.deal)
    ]
    with _output(options.out) as file:
        json.dump({"deals": found}, file, indent=2)
        file.write("\n")
    if not found:
        warn(f"The ledger holds nothing of {options.deal}.")
    return DONE if found else NOTHING


# --- a person --------------------------------------------------------------------------------------------------------


def _person(app: App, options: argparse.Namespace) -> int:
    who = Person(options.person)
    places = [*_places(app, options, who)]
    with _output(options.out) as file:
        json.dump({"places": [each.data() for each in places]}, file, indent=2)
        file.write("\n")
    deals = len({(each.crm, each.key) for each in places})
    warn(f"{len(places)} places of {deals} deals mention {options.person}, or a name or number that stands beside it.")
    if options.erase and places and not options.dry_run:
        rows = _erase(app, options, who)
        warn(f"✔ Erased from {rows} rows. Correct or delete both sides as well, or the next change brings them back.")
    elif options.erase:
        warn("Nothing was erased.")
    return DONE if places else NOTHING


def _places(app: App, options: argparse.Namespace, who: Person) -> Iterator[Place]:
    for crm in _crms(options):
        person.learn(app.ledger.of(crm), who)
    for crm in _crms(options):
        with Progress(crm, "places") as progress:
            for number, place in enumerate(person.find(crm, app.ledger.of(crm), who), 1):
                progress.tell("places", number)
                yield place
    yield from person.find_drawers(app.ledger.drawers, who)


def _erase(app: App, options: argparse.Namespace, who: Person) -> int:
    stamp = Stamp(app.clock.now(), telemetry.correlation_id())
    rows = sum(person.erase(app.ledger.of(crm), who, stamp) for crm in _crms(options))
    return rows + person.erase_drawers(app.ledger.drawers, who)


# --- the audit -------------------------------------------------------------------------------------------------------


def _audit(app: App, options: argparse.Namespace) -> int:
    line = ""
    with _output(options.out) as file, Progress("audit", "rows") as progress:
        for number, line in enumerate(chain.chained(app.clock.now(), _rows(app, options))):
            file.write(f"{line}\n")
            progress.tell("rows", number)
    warn(f"Final hash, to be noted where nobody can change it: {chain.final_hash(line)}")
    return DONE


def _rows(app: App, options: argparse.Namespace) -> Iterator[tuple[str, str, AuditEntry]]:
    for crm in [options.crm] if options.crm else KEEPERS:
        for key, entry in app.ledger.of(crm).audit.all():
            yield crm, key, entry


def _verify(path: Path, expected: str) -> int:
    try:
        with path.open("rb") as file:
            verdict = chain.verify(file, expected)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}.") from error
    if verdict.wrong:
        say(f"✖ {path.name}, {verdict.wrong}.")
        return NOTHING
    say(f"✔ {verdict.rows} rows, unchanged since they were exported, with the final hash {verdict.hash}.")
    if not expected:
        say("Compare it with the one that was noted: whoever changes the whole file can make hashes anew.")
    return DONE


# --- all of them -----------------------------------------------------------------------------------------------------


def _crms(options: argparse.Namespace) -> Sequence[str]:
    return [options.crm] if options.crm else KNOWN


@contextlib.contextmanager
def _output(path: Path | None) -> Iterator[TextIO]:
    """Yield where the export goes: a file of its owner's alone, or standard output."""
    if path is None:
        yield sys.stdout
        return
    with private(path) as file:
        yield file
    warn(f"Written: {path}")


def _parser() -> argparse.ArgumentParser:
    about = "Take out of the ledger what it holds of a deal or a person, erase a person from it, or export its audit."
    parser = argparse.ArgumentParser(prog="cosell.py export", description=about)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--deal", metavar="ID", help="everything of one deal, by referral id or record id, as JSON")
    what.add_argument("--person", metavar="MAIL", help="every place that mentions this person, as JSON")
    what.add_argument("--audit", action="store_true", help="the whole audit as JSON lines, each with a hash")
    what.add_argument("--verify", type=Path, metavar="FILE", help="check an exported audit; needs no settings")
    parser.add_argument("--crm", choices=KNOWN, help="only this CRM's part of the ledger")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write to a file instead of standard output")
    parser.add_argument("--erase", action="store_true", help="with --person: erase them from the ledger")
    parser.add_argument("--dry-run", action="store_true", help="with --erase: show what would be erased")
    parser.add_argument("--hash", default="", metavar="HASH", help="with --verify: the final hash that was noted")
    local_settings.add_arguments(parser)
    return parser
