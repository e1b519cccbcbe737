"""`cosell.py release`: the held mass changes: list them, let them happen, or forget them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from shared.bootstrap import App
from shared.errors import CosellError
from shared.sync.mass_change import Kind
from tools.admin.asked import QUEUE, STORAGE
from tools.admin.held import Group, groups, guarded, let_go
from tools.cli import local_settings
from tools.cli.configured import KNOWN, app_with_ledger
from tools.cli.terminal import say

NOTHING, HELD, FAILED = 0, 1, 2


def main(args: list[str]) -> int:
    """Do what is asked for; 0 when nothing of it is held any more, 1 when something is, 2 when it cannot be told."""
    options = _parser().parse_args(args)
    try:
        local_settings.into_environment(options, needed=False)
        return run(app_with_ledger([], STORAGE, QUEUE), options)
    except CosellError as error:
        say(f"✖ {error}")
        return FAILED


def run(app: App, options: argparse.Namespace) -> int:
    """List, release or drop; returns the exit code. Raises the families."""
    crms = [options.crm] if options.crm else KNOWN
    kinds = [Kind(options.kind)] if options.kind else list(Kind)
    done = {}
    if options.all or options.drop:
        done = {crm: let_go(app, guarded(app, crm), kinds, drop=options.drop) for crm in crms}
    found = [group for crm in crms for group in groups(guarded(app, crm), kinds)]
    if options.json:
        word = "dropped" if options.drop else "released"
        print(json.dumps({"held": [each.as_data() for each in found], word: sum(done.values())}, indent=2))
    else:
        _tell(found, sum(done.values()), options)
    return HELD if found else NOTHING


def _tell(found: Sequence[Group], count: int, options: argparse.Namespace) -> None:
    if options.all:
        say(f"✔ {count} released: they are on the queue, and so is what more of their kind comes within the next hour.")
    if options.drop:
        say(f"✔ {count} dropped: nothing of them happens. A deal that still differs waits for its next change.")
    for group in found:
        say(group)
    if found and not (options.all or options.drop):
        say("--all lets them happen. --drop forgets them: first put them right by hand.")
    elif not found and not count:
        say("Nothing is held.")


def _parser() -> argparse.ArgumentParser:
    about = "List the changes that are held because too many deals changed at once, let them happen, or forget them."
    parser = argparse.ArgumentParser(prog="cosell.py release", description=about)
    parser.add_argument("--crm", choices=KNOWN, help="only this CRM's")
    parser.add_argument("--kind", choices=[str(kind) for kind in Kind], help="only those that do this to a deal")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--all", action="store_true", help="let them happen")
    what.add_argument("--drop", action="store_true", help="forget them; what they would do does not happen")
    parser.add_argument("--json", action="store_true", help="print what is held, and what was done, for a program")
    local_settings.add_arguments(parser)
    return parser
