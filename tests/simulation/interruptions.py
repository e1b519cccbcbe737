"""One scenario for every decision, and what is left of a world at rest: the same, whatever interrupted it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory

from shared.errors import CosellError, ServiceUnavailable
from shared.lifecycle import Stage
from shared.mapping.field_map import FieldMap
from shared.mapping.loading import load_mapping
from shared.sync import mass_change
from shared.sync.mass_change import Kind
from tests.oracle.spelling import FIELDS, at
from tests.simulation.deals import HELP, invited, shared
from tests.support.desks import Visitor
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.crm_rules import OPPORTUNITY, SYNC
from tests.support.fakes.partner_center import Event
from tests.support.fakes.queue import Message
from tests.support.fakes.tape import Crash
from tests.support.fakes.world import World
from tests.support.registration import column, filled, section

CRM = "dynamics365"
FOREIGN = "99999999-2222-4333-8444-555555555555"
LEAD = {"type": "Independent", "qualification": "Direct"}

Scenario = Callable[[], tuple[World, Callable[[], object]]]
"""Makes a world in which something is about to happen, and what somebody does then."""


@cache
def _overlaid(text: str) -> FieldMap:
    """The built-in mapping with something else in it."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "dynamics365.yaml").write_text(f"overlay: true\nversion: own\n{text}\n", "utf-8")
        return load_mapping("dynamics365", Path(folder))


class Hosted(World):
    """A world with what host.json and Partner Center do about a function that fails: they try again."""

    def handle(self, message: Message) -> None:
        """Let the message be visible again after half a minute."""
        try:
            super().handle(message)
        except CosellError:
            message.visible_at = self.clock.now() + timedelta(seconds=30)

    def receive(self, event: Event) -> None:
        """Deliver the event again."""
        try:
            super().receive(event)
        except CosellError:
            self.another_receiver()
            self.events.append(event)


def _settle(world: World) -> None:
    """Come to rest, also when the last poll of a first rest failed."""
    world.settle()
    world.settle()


def outbound() -> tuple[World, Callable[[], object]]:
    """A seller shares a deal with Microsoft's help."""
    world = Hosted()
    return world, lambda: world.crm.add_deal(cosell_howcanmicrosofthelp=HELP)


def inbound() -> tuple[World, Callable[[], object]]:
    """Microsoft invites us."""
    world = Hosted()
    return world, world.partner_center.invites_us


def both_edit() -> tuple[World, Callable[[], object]]:
    """Both sides edit, one field twice."""
    world = Hosted()
    referral_id, record_id = shared(world)

    def act() -> None:
        world.crm.edit(record_id, estimatedvalue=4, description="ours")
        world.partner_center.edit(referral_id, {"/details/dealValue": 5, "/name": "theirs"})

    return world, act


def accepted() -> tuple[World, Callable[[], object]]:
    """A seller takes an invitation off hold, and edits it."""
    world = Hosted()
    _, record_id = invited(world)
    return world, lambda: world.crm.edit(record_id, statuscode=1, estimatedvalue=6)


def declined() -> tuple[World, Callable[[], object]]:
    """A seller loses an invitation that nobody accepted, with a reason."""
    world = Hosted(close_delay=timedelta(minutes=5))
    _, record_id = invited(world)

    def act() -> None:
        world.crm.edit(record_id, cosell_closereason=3)
        world.crm.close(record_id, Stage.LOST)

    return world, act


def won_after_the_window() -> tuple[World, Callable[[], object]]:
    """A seller wins a deal; the end waits in its undo window."""
    world = Hosted(close_delay=timedelta(minutes=5))
    _, record_id = shared(world)
    return world, lambda: world.crm.close(record_id, Stage.WON)


def won_and_taken_back() -> tuple[World, Callable[[], object]]:
    """A seller wins a deal, and opens it again within the window."""
    world = Hosted(close_delay=timedelta(minutes=5))
    _, record_id = shared(world)

    def act() -> None:
        world.crm.close(record_id, Stage.WON)
        world.poll()
        world.pump()
        world.crm.reopen(record_id)

    return world, act


def help_later() -> tuple[World, Callable[[], object]]:
    """A seller asks for Microsoft's help with a deal that is shared already."""
    world = Hosted()
    _, record_id = shared(world)
    return world, lambda: world.crm.edit(record_id, cosell_howcanmicrosofthelp=HELP, estimatedvalue=9)


def another_owner() -> tuple[World, Callable[[], object]]:
    """The deal gets another owner."""
    world = Hosted()
    _, record_id = shared(world)
    kim = world.crm.add_user(firstname="Kim", lastname="Ray", mobilephone="+14255550102")
    return world, lambda: world.crm.edit(record_id, ownerid=kim, description="Kim goes on.")


def switched_off_and_on() -> tuple[World, Callable[[], object]]:
    """A seller switches the sync off; somebody edits; it is switched on again."""
    world = Hosted()
    referral_id, record_id = shared(world)

    def act() -> None:
        world.crm.edit(record_id, **{SYNC: False})
        _settle(world)
        world.partner_center.edit(referral_id, {"/details/notes": "meanwhile"})
        _settle(world)
        world.crm.edit(record_id, **{SYNC: True})

    return world, act


def deleted() -> tuple[World, Callable[[], object]]:
    """The record is deleted."""
    world = Hosted()
    _, record_id = shared(world)
    return world, lambda: world.crm.delete(record_id)


def merged() -> tuple[World, Callable[[], object]]:
    """The record is merged into another one, which takes its identifier."""
    world = Hosted()
    world.crm.keyed = False
    _, record_id = shared(world)
    other = world.crm.add_deal(**{SYNC: False})
    return world, lambda: world.crm.merge(record_id, other, keep=(IDENTIFIER, SYNC))


def copied() -> tuple[World, Callable[[], object]]:
    """The record is copied, with its identifier and without; that copy's sync is switched off, and on again."""
    world = Hosted()
    world.crm.keyed = False
    _, record_id = shared(world)

    def act() -> None:
        copy = world.crm.clone(record_id, **{IDENTIFIER: None})
        world.crm.clone(record_id)
        _settle(world)
        world.crm.edit(copy, **{SYNC: False})
        _settle(world)
        world.crm.edit(copy, **{SYNC: True})

    return world, act


def adopted() -> tuple[World, Callable[[], object]]:
    """A seller types the identifier of a referral that has no record yet."""
    world = Hosted()
    referral_id = world.partner_center.registers()
    world.events.clear()
    return world, lambda: world.crm.add_deal(cosell_referralidentifier=referral_id, estimatedvalue=8)


def incomplete() -> tuple[World, Callable[[], object]]:
    """A seller shares a deal that lacks what Partner Center wants, and completes it."""
    world = Hosted()

    def act() -> None:
        record_id = world.crm.add_deal(cosell_products=None)
        _settle(world)
        world.crm.edit(record_id, cosell_products="SOL-20311-QXT")

    return world, act


def not_shared() -> tuple[World, Callable[[], object]]:
    """A lead arrives at an app without leads, another partner joins a deal, and an event is about nobody's row."""
    world = Hosted()
    world.configure(field_map=_overlaid("lead:"))
    referral_id, _ = shared(world)

    def act() -> None:
        world.partner_center.partner_joins(str(world.partner_center.rows[referral_id]["engagementId"]))
        world.partner_center.invites_us(**LEAD)
        world.events.append(Event(FOREIGN, created=False, ours=True, at=world.theirs.now()))

    return world, act


def registered() -> tuple[World, Callable[[], object]]:
    """A win is registered with Microsoft by its form."""
    world = Hosted(closed_rows_are_read_only=False)
    names = [column(CRM, each) for each in ("term", "start", "end", "signed", "value")]
    texts = {column(CRM, name): 100 for name in ("status", "solution")}
    world.crm.rules = replace(
        OPPORTUNITY,
        lengths={**OPPORTUNITY.lengths, **texts},
        flags=(*OPPORTUNITY.flags, column(CRM, "when")),
        others=(*OPPORTUNITY.others, *names),
    )
    world.configure(field_map=_overlaid(section(CRM)))
    _, record_id = shared(world, cosell_howcanmicrosofthelp=HELP, estimatedvalue=90_000, **filled(CRM))
    world.clock.advance(timedelta(days=4))
    world.settle()
    return world, lambda: world.crm.close(record_id, Stage.WON)


def lead_qualified() -> tuple[World, Callable[[], object]]:
    """A lead arrives, is edited on both sides, and is qualified."""
    world = Hosted()

    def act() -> None:
        referral_id = world.partner_center.invites_us(**LEAD)
        _settle(world)
        assert world.leads
        (lead_id,) = world.leads.rows()
        world.partner_center.edit(referral_id, {"/details/notes": "a lead's"})
        _settle(world)
        world.leads.qualify(lead_id, world.crm, estimatedvalue=77)

    return world, act


def lead_disqualified() -> tuple[World, Callable[[], object]]:
    """A lead arrives, and is disqualified."""
    world = Hosted()

    def act() -> None:
        world.partner_center.invites_us(**LEAD)
        _settle(world)
        assert world.leads
        (lead_id,) = world.leads.rows()
        world.leads.disqualify(lead_id)

    return world, act


def held_and_released() -> tuple[World, Callable[[], object]]:
    """Two deals are lost at once where one is a mass; a person lets it happen."""
    world = Hosted()
    world.configure(mass_deals=1)
    pairs = [shared(world)[1], world.crm.add_deal(name="another")]
    world.settle()

    def act() -> None:
        for record_id in pairs:
            world.crm.close(record_id, Stage.LOST)
        _settle(world)
        _until_it_is_done(world, lambda: mass_change.release(world.task, Kind.CLOSE))

    return world, act


def _order(world: World, action: str, deal: str) -> None:
    status, answer = Visitor(world).order({"action": action, "deal": deal})
    if status != HTTPStatus.ACCEPTED:
        raise ServiceUnavailable(str(answer))


def _until_it_is_done(world: World, act: Callable[[], object]) -> None:
    """Let a person do something, and do it again when it failed or the process died of it."""
    while True:
        try:
            act()
        except Crash:
            world.crashes += 1
        except CosellError:
            world.clock.advance(timedelta(minutes=1))
        else:
            return


def _ordered(*actions: str) -> Scenario:
    """A person gives orders about a deal, and the seller edits it after each."""

    def scenario() -> tuple[World, Callable[[], object]]:
        world = Hosted()
        referral_id, record_id = shared(world)

        def act() -> None:
            for action in actions:
                _until_it_is_done(world, lambda action=action: _order(world, action, referral_id))  # type: ignore[misc]
                _settle(world)
                world.crm.edit(record_id, estimatedvalue=12)
                _settle(world)

        return world, act

    scenario.__name__ = "ordered_to_" + "_and_".join(actions).replace("-", "_")
    return scenario


SCENARIOS: tuple[Scenario, ...] = (
    outbound,
    inbound,
    both_edit,
    accepted,
    declined,
    won_after_the_window,
    won_and_taken_back,
    help_later,
    another_owner,
    switched_off_and_on,
    deleted,
    merged,
    copied,
    adopted,
    incomplete,
    not_shared,
    registered,
    lead_qualified,
    lead_disqualified,
    held_and_released,
    _ordered("pause", "resume"),
    _ordered("unlink"),
    _ordered("retry"),
)


def at_rest(world: World) -> str:
    """Return what people see of a world, and how its links stand; ids by what they belong to."""
    labels: dict[str, str] = {}
    told: list[str] = []
    rows = [*world.crm.rows().items(), *(world.leads.rows().items() if world.leads else ())]
    for number, (record_id, _) in enumerate(rows):
        labels[record_id] = f"record {number}"
    for number, referral_id in enumerate(world.partner_center.rows):
        labels[referral_id] = f"referral {number}"
    for row in world.partner_center.rows.values():
        values = {each.name: each.there(at(row, each.path)) for each in FIELDS}
        team = [member["email"] for member in row["team"]]
        entries = len(row.get("registrations") or ())
        stands = (
            entries,
            row["status"],
            row["substatus"],
            row.get("statusReason"),
            row["type"],
            row["externalReferenceId"],
        )
        told.append(f"{row['id']} of {row['organizationName']}: {stands} {values} {team}")
    for record_id, columns in rows:
        shown = {name: value for name, value in columns.items() if name not in _TOLD and not name.endswith("id")}
        shown |= {IDENTIFIER: columns[IDENTIFIER], "status": str(columns["cosell_syncstatus"] or "")[:1]}
        told.append(f"{record_id}: {shown}")
    told += [f"{link.referral_id} {link.record_id} {link.state} {sorted(link.differences)}" for link in world.links()]
    told += [f"parked: {due.reason}" for due in world.parked()]
    told += [f"{len(world.queue.messages)} messages, {len(world.queue.poisoned)} poisoned"]
    text = "\n".join(sorted(told))
    for name, label in labels.items():
        text = text.replace(name, label)
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "an id", text)


_TOLD = ("cosell_audit", "cosell_syncstatus", "cosell_referrallink")
"""Columns whose texts depend on how often the app had to begin."""
