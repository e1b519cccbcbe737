"""`cosell.py doctor`: what is wrong with this installation, and who can put it right."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from shared.errors import SettingsError
from shared.settings import Mistakes, load_settings
from shared.settings.loading import REFERENCE
from tools.admin.doctor.diagnosis import diagnose
from tools.admin.doctor.installation import diagnose_installation
from tools.admin.doctor.report import CORRECT, Line, Mark, Owner, bad, good, guarded, look, note
from tools.admin.operator import OperatorApp
from tools.cli import local_settings
from tools.cli.terminal import say

ROOT = Path(__file__).resolve().parents[2]
HEALTHY, FINDINGS, WRONG_USE = 0, 1, 2

_FOLLOWED = "set the value itself on this machine, or use --from-app, which follows references as you"


def main(args: list[str]) -> int:
    """Look at everything, a line each; 1 when something must be put right, 2 when there are no settings to look at."""
    options = _parser().parse_args(args)
    try:
        local_settings.into_environment(options)
    except SettingsError as error:
        print(f"✖ {error}", file=sys.stderr)
        return WRONG_USE
    return show_data(lines(os.environ)) if options.json else show(lines(os.environ))


def lines(environment: Mapping[str, str]) -> Iterator[Line]:
    """Yield the settings' lines; and when they hold, those of everything that they name."""
    yield from diagnose_installation(ROOT)
    try:
        settings = load_settings(environment)
    except Mistakes as error:
        for mistake in error.mistakes:
            reference = environment.get(mistake.name, "").startswith(REFERENCE)
            yield bad("settings", str(mistake), Owner.AZURE, _FOLLOWED if reference else CORRECT)
        return
    yield good("settings", "complete")
    if settings.dry_run:
        remedy = "when `preview` shows what you want, set DRY_RUN to false"
        yield look("settings", "DRY_RUN is on: nothing is written to either side", Owner.AZURE, remedy)
    app = OperatorApp(settings)
    if app.by_operator:
        yield from guarded("identity", Owner.AZURE, lambda: _identity(app))
    yield from diagnose(app)


def _identity(app: OperatorApp) -> Iterator[Line]:
    app.check_operator()
    yield note("identity", "Azure is asked as you (az or azd), not as the app: its own roles are not tried")


def show(found: Iterable[Line]) -> int:
    """Print lines as they come, and then whose turn it is; returns the exit code."""
    seen = []
    for line in found:
        say(line)
        seen.append(line)
    print(f"\n{_summary(seen)}")
    return _code(seen)


def show_data(found: Iterable[Line]) -> int:
    """Print everything as one JSON object; returns the exit code."""
    seen = list(found)
    told = {"healthy": _code(seen) == HEALTHY, "summary": _summary(seen), "findings": [each.as_data() for each in seen]}
    print(json.dumps(told, indent=2, ensure_ascii=False))
    return _code(seen)


def _code(seen: Iterable[Line]) -> int:
    return FINDINGS if any(line.mark is Mark.BAD for line in seen) else HEALTHY


def _summary(seen: Iterable[Line]) -> str:
    to_do: dict[Owner | None, int] = {}
    notes = 0
    for line in seen:
        notes += line.mark is Mark.LOOK
        if line.mark is Mark.BAD:
            to_do[line.owner] = to_do.get(line.owner, 0) + 1
    if to_do:
        whose = ", ".join(f"{owner} {count}" for owner, count in to_do.items())
        total = sum(to_do.values())
        return f"{total} problem{'s' if total > 1 else ''}: {whose}"
    return f"All checks passed; {notes} of them with a remark." if notes else "All checks passed."


def _parser() -> argparse.ArgumentParser:
    about = (
        "Check the functions' settings, storage, certificates, sign-in, roles, registration, clocks, the CRM, the "
        "mapping, and what waits for a person."
    )
    parser = argparse.ArgumentParser(prog="cosell.py doctor", description=about)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    local_settings.add_arguments(parser)
    return parser
