"""`cosell.py doctor`: what is wrong with this installation, and who can put it right."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Iterable, Iterator, Mapping

from shared.bootstrap import App
from shared.errors import SettingsError
from shared.settings import load_settings
from tools.admin.doctor.diagnosis import diagnose
from tools.admin.doctor.report import Line, Mark, Owner, bad, good, look
from tools.cli import local_settings

_REFERENCE = "@Microsoft.KeyVault("


def main(args: list[str]) -> int:
    """Look at everything, a line each; 1 when something must be put right."""
    about = "Check settings, storage, certificates, tokens, roles, registration, clocks, the CRM and the mapping."
    argparse.ArgumentParser(prog="cosell.py doctor", description=about).parse_args(args)
    local_settings.into_environment()
    for chatty in ("azure", "msal", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    return show(lines(os.environ))


def lines(environment: Mapping[str, str]) -> Iterator[Line]:
    """Yield the settings' lines; and when they hold, those of everything that they name."""
    references = [name for name, value in environment.items() if value.startswith(_REFERENCE)]
    for name in references:
        text = f"{name} is a Key Vault reference, which only Azure resolves: set the value itself on this machine"
        yield bad("settings", text, Owner.AZURE)
    try:
        settings = load_settings(environment)
    except SettingsError as error:
        for problem in str(error).split("\n- ")[1:]:
            yield bad("settings", problem, Owner.AZURE)
        return
    if references:
        return
    yield good("settings", "complete")
    if settings.dry_run:
        yield look("settings", "DRY_RUN is on: nothing is written to either side", Owner.AZURE)
    yield from diagnose(App(settings))


def show(found: Iterable[Line]) -> int:
    """Print lines as they come, and then whose turn it is; returns the exit code."""
    to_do: dict[Owner | None, int] = {}
    for line in found:
        print(line, flush=True)
        if line.mark is Mark.BAD:
            to_do[line.owner] = to_do.get(line.owner, 0) + 1
    if not to_do:
        print("\nNothing stands in the way.")
        return 0
    whose = ", ".join(f"{owner} ({count})" for owner, count in to_do.items())
    print(f"\n{sum(to_do.values())} to put right: {whose}")
    return 1
