"""`cosell.py provision`: the columns, keys and permissions that the mapping file needs, in each configured CRM."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from shared.bootstrap import App
from shared.errors import AccessDenied, CosellError
from shared.ledger.drawers import crm_cursor
from shared.mapping.field_map import FieldMap
from shared.mapping.loading import load_mapping
from tools.admin.asked import CRM
from tools.admin.crms import CrmAdmin, Provisioner, admin_of
from tools.admin.options import Options
from tools.admin.provision.plan import Action, Item
from tools.cli import local_settings
from tools.cli.configured import app_for
from tools.cli.terminal import say, warn

DEFAULT = Options()

Data = dict[str, object]


def main(args: list[str]) -> int:
    """Show the plans, carry them out when asked to; 1 when something stands in the way. Each CRM is done for itself."""
    options = _parser().parse_args(args)
    try:
        local_settings.into_environment(options)
        app = app_for([], CRM)
    except CosellError as error:
        (warn if options.json else say)(f"✖ {error}")
        return 1
    wanted = Options(options.solution, options.user)
    report: list[Data] = []
    tell = warn if options.json else say
    code = max(_guarded(app, crm, wanted, Told(tell, report), apply=options.apply) for crm in app.settings.crms)
    if options.json:
        print(json.dumps({"crms": report}, indent=2))
    return code


@dataclass(frozen=True)
class Told:
    """Where a person reads how it goes, and what a program is given in the end."""

    say: Callable[[str], None] = say
    report: list[Data] = field(default_factory=list)


def _guarded(app: App, crm: str, options: Options, told: Told, *, apply: bool) -> int:
    try:
        return run(app, crm, options, apply=apply, told=told)
    except AccessDenied as error:
        failure = f"{error}\nThis needs {admin_of(crm).provisioning_right}."
    except CosellError as error:
        failure = str(error)
    told.say(f"✖ {failure}")
    planned = told.report.pop() if told.report and told.report[-1]["crm"] == crm else {"crm": crm, "items": []}
    told.report.append({**planned, "outcome": "failed", "failure": failure})
    return 1


def run(app: App, crm: str, options: Options = DEFAULT, *, apply: bool, told: Told | None = None) -> int:
    """Plan, tell, and apply for one CRM, all of its tables or none; returns the exit code."""
    told = told or Told()
    admin = admin_of(crm)
    field_map = load_mapping(crm, app.settings.mapping_dir)
    steps = _plan(app, admin, field_map, options, told)
    items = [item for step in steps for item in step.items]
    data = [_data(step.table, item) for step in steps for item in step.items]
    planned: Data = {"crm": crm, "table": field_map.table, "items": data}
    told.report.append(planned)
    if any(item.action is Action.REFUSE for item in items):
        planned["outcome"] = "refused"
        told.say("✖ Nothing was changed. Fix the refused columns, or map different ones.")
        return 1
    if not any(step.open for step in steps):
        planned["outcome"] = "nothing to do"
        told.say("✔ Nothing to do.")
        return 0
    if admin.provisioning_voids_cursor:
        _warn_of_cursor(app, crm, told)
    if not apply:
        planned["outcome"] = "planned"
        told.say("Nothing was changed; --apply carries this out.")
        return 0
    for step in steps:
        if step.open:
            step.provisioner.apply(step.items)
    planned["outcome"] = "applied"
    told.say(f"✔ {admin.provisioned}")
    return 0


@dataclass(frozen=True)
class _Step:
    """One table, and what is to be done there."""

    table: str
    provisioner: Provisioner
    items: Sequence[Item]

    @property
    def open(self) -> bool:
        """Whether anything is to be done."""
        return any(item.action is not Action.KEEP for item in self.items)


def _plan(app: App, admin: CrmAdmin, field_map: FieldMap, options: Options, told: Told) -> list[_Step]:
    """Return and tell the plan of the opportunities' table, and of the leads' where the mapping file has it."""
    steps = []
    for each in filter(None, (field_map, field_map.lead)):
        provisioner = admin.provisioner(app, each, lambda line: told.say(f"  {line}"), options)
        step = _Step(each.table, provisioner, provisioner.plan())
        told.say(f"{step.table} in {admin.url(app)}:\n{table(step.items)}")
        steps.append(step)
    return steps


def _data(where: str, item: Item) -> Data:
    return {"table": where, **{name: str(getattr(item, name)) for name in ("action", "name", "type", "note")}}


def table(items: Sequence[Item]) -> str:
    """Return the plan as aligned lines."""
    widths = [max(len(str(getattr(item, name))) for item in items) for name in ("action", "name", "type")]
    lines = [
        f"  {item.action:<{widths[0]}}  {item.name:<{widths[1]}}  {item.type:<{widths[2]}}  {item.note}".rstrip()
        for item in items
    ]
    return "\n".join(lines)


def _warn_of_cursor(app: App, crm: str, told: Told) -> None:
    try:
        started = bool(app.ledger.drawers.read(crm_cursor(crm)).value)
    except CosellError as error:
        told.say(f"⚠ Whether polling has begun cannot be told ({error}).")
        return
    if started:
        told.say("⚠ Polling has begun: after this change the next poll reads every record once. Nothing is lost.")


def _parser() -> argparse.ArgumentParser:
    about = "Create the columns, keys and permissions that the mapping file needs. Removes and changes nothing."
    parser = argparse.ArgumentParser(prog="cosell.py provision", description=about)
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--dry-run", action="store_true", help="show what would be created")
    how.add_argument("--apply", action="store_true", help="create it, and wait until it can be used")
    parser.add_argument("--solution", default="", help="Dynamics 365: unique name of the solution to add it to")
    parser.add_argument("--user", default="", help="Salesforce: name of the app's own user, when another one signs in")
    parser.add_argument("--json", action="store_true", help="print the plan and its outcome for a program")
    local_settings.add_arguments(parser)
    return parser
