"""`cosell.py provision`: the columns and the alternate key that the mapping file needs, in Dynamics 365."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from shared.bootstrap import App
from shared.errors import AccessDenied, CosellError
from shared.mapping.loading import load_mapping
from shared.settings import load_settings
from tools.admin.dataverse import Dataverse
from tools.admin.provisioning import Action, Item, Provisioner
from tools.cli import local_settings

CRM = "dynamics365"


def main(args: list[str]) -> int:
    """Show the plan, carry it out when asked to; 1 when something stands in the way."""
    options = _parser().parse_args(args)
    local_settings.into_environment()
    try:
        return run(App(load_settings()), apply=options.apply, solution=options.solution)
    except AccessDenied as error:
        print(f"✖ {error}\nThis needs the security role System Customizer in Dynamics 365.")
    except CosellError as error:
        print(f"✖ {error}")
    return 1


def run(app: App, *, apply: bool, solution: str = "") -> int:
    """Plan, print, and apply; returns the exit code."""
    file = load_mapping(CRM, app.settings.mapping_dir).file
    crm = Dataverse(app.dynamics_service, str(app.settings.dynamics_url))
    provisioner = Provisioner(crm, file, app.clock, lambda line: print(f"  {line}", flush=True), solution)
    items = provisioner.plan()
    print(f"{file.table} in {app.settings.dynamics_url}:\n{table(items)}")
    if any(item.action is Action.REFUSE for item in items):
        print("✖ Nothing was changed. Settle what is refused, or name other columns in the mapping file.")
        return 1
    if all(item.action is Action.KEEP for item in items):
        print("✔ Nothing to do.")
        return 0
    _warn_of_cursor(app)
    if not apply:
        print("Nothing was changed; --apply carries this out.")
        return 0
    provisioner.apply(items)
    print("✔ Every column is there, and the alternate key is active.")
    return 0


def table(items: Sequence[Item]) -> str:
    """Return the plan as aligned lines."""
    widths = [max(len(str(getattr(item, name))) for item in items) for name in ("action", "name", "type")]
    lines = [
        f"  {item.action:<{widths[0]}}  {item.name:<{widths[1]}}  {item.type:<{widths[2]}}  {item.note}".rstrip()
        for item in items
    ]
    return "\n".join(lines)


def _warn_of_cursor(app: App) -> None:
    """A change of the table's definition voids the change feed's tokens (use-change-tracking...)."""
    try:
        started = bool(app.ledger.value("cursor", CRM).value)
    except CosellError as error:
        print(f"⚠ Whether polling has begun cannot be told ({error}).")
        return
    if started:
        print("⚠ Polling has begun: after this change the next poll reads every record once. Nothing is lost.")


def _parser() -> argparse.ArgumentParser:
    about = "Create the columns and the alternate key that the mapping file needs. Removes and changes nothing."
    parser = argparse.ArgumentParser(prog="cosell.py provision", description=about)
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--dry-run", action="store_true", help="show what would be created")
    how.add_argument("--apply", action="store_true", help="create it, and wait until it can be used")
    parser.add_argument("--solution", default="", help="unique name of the solution to add it to")
    return parser
