"""A win is registered with Microsoft from the CRM: once, by its form, and what became of it comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.errors import OutcomeUnknown, ServiceUnavailable
from shared.ledger.model import DueKind
from shared.lifecycle import Stage
from shared.mapping.loading import load_mapping
from shared.status import StatusKind
from shared.sync.preview import Action, Side, preview
from tests.simulation.deals import HELP, shared
from tests.support.desks import Visitor
from tests.support.fakes.crm_rules import OPPORTUNITY
from tests.support.fakes.partner_center import SOLUTION
from tests.support.fakes.registration_rules import refuse
from tests.support.fakes.world import World
from tests.support.registration import column, filled, section

CRM = "dynamics365"
STATUS = column(CRM, "status")
OTHER = "SOL-40771-ABC"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A CRM whose closed records can be written, as in Salesforce."""
    return configured(tmp_path, closed_rows_are_read_only=False)


def configured(directory: Path, **settings: Any) -> World:
    text = f"overlay: true\nversion: own\n{section(CRM)}"
    (directory / f"{CRM}.yaml").write_text(text, encoding="utf-8")
    world = with_columns(World(**settings))
    world.configure(field_map=load_mapping(CRM, directory))
    return world


def with_columns(world: World) -> World:
    """The table with the form's columns."""
    texts = {column(CRM, name): 100 for name in ("status", "solution")}
    others = [column(CRM, name) for name in ("term", "start", "end", "signed", "value")]
    world.crm.rules = replace(
        OPPORTUNITY,
        lengths={**OPPORTUNITY.lengths, **texts},
        flags=(*OPPORTUNITY.flags, column(CRM, "when")),
        others=(*OPPORTUNITY.others, *others),
    )
    return world


def open_deal(world: World, days: int = 4, **columns: Any) -> tuple[str, str]:
    """A co-sell deal that is old enough to be registered when it is won."""
    deal = shared(world, cosell_howcanmicrosofthelp=HELP, estimatedvalue=90_000, **columns)
    world.clock.advance(timedelta(days=days))
    world.settle()
    return deal


def won(world: World, **columns: Any) -> tuple[str, str]:
    """A win whose form is filled."""
    referral_id, record_id = open_deal(world, **filled(CRM, **columns))
    world.crm.close(record_id, Stage.WON)
    world.settle()
    return referral_id, record_id


def registrations(world: World, referral_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.partner_center.rows[referral_id].get("registrations") or []
    return found


def shown(world: World, record_id: str) -> object:
    return world.crm.row(record_id)[STATUS]


# --- registered, once ------------------------------------------------------------------------------------------------


def test_a_win_is_registered_by_its_form_and_the_deadline_falls_away(world: World) -> None:
    referral_id, record_id = won(world)
    (entry,) = registrations(world, referral_id)
    contract = {
        "value": 90_000,
        "currency": "GBP",
        "startDateTime": "2026-04-01T00:00:00Z",
        "endDateTime": "2027-03-31T00:00:00Z",
        "signDateTime": "2026-03-28T00:00:00Z",
        "term": "Finite",
    }
    solution = {
        "id": SOLUTION,
        "value": 90_000,
        "currency": "GBP",
        "isDeployedOnAzure": True,
        "primaryDeploymentOn": "Customer",
        "pricingModel": "PayAsYouGo",
        "marketplaceTransactionDetails": {"isMarketplaceTransacted": False},
    }
    assert (entry["type"], entry["contract"], entry["solutionDetails"]) == ("AzureIPCoSell", contract, [solution])
    link = world.link()
    assert link.deadline is None
    assert list(world.ledger.of(CRM).agenda.all(DueKind.DEADLINE)) == []
    assert shown(world, record_id) == "Registered; Microsoft reviews it"
    assert link.status
    assert link.status.kind is StatusKind.SYNCHRONIZED
    assert "the win was registered with Microsoft" in world.history()
    assert world.ledger.of(CRM).intents.of(world.task.key(record_id)) is None
    world.recover()
    assert len(registrations(world, referral_id)) == 1


def test_a_registration_costs_a_read_of_each_side_and_two_writes(world: World) -> None:
    referral_id, record_id = open_deal(world, **filled(CRM))
    start = world.mark()
    world.crm.close(record_id, Stage.WON)
    world.settle()
    calls = world.calls(start)
    assert len(registrations(world, referral_id)) == 1
    assert calls["partner_center.update"] == 2, "the win, and its registration"
    assert calls["crm.update"] == 2, "what became of each"


def test_what_the_seller_says_of_the_contract_goes_before_what_the_deal_says(world: World) -> None:
    referral_id, _ = won(world, value=70_000, solution=OTHER, term=1, end=None)
    (entry,) = registrations(world, referral_id)
    assert entry["contract"]["value"] == entry["solutionDetails"][0]["value"] == 70_000
    assert entry["solutionDetails"][0]["id"] == OTHER
    assert "endDateTime" not in entry["contract"]


def test_what_the_mapping_does_not_want_stays_for_people_to_register(world: World) -> None:
    referral_id, record_id = won(world, when=False)
    assert registrations(world, referral_id) == []
    assert world.link().deadline
    world.crm.edit(record_id, **filled(CRM))
    world.settle()
    assert len(registrations(world, referral_id)) == 1


def test_without_the_section_nobody_registers() -> None:
    world = World()
    referral_id, record_id = open_deal(world)
    start = world.mark()
    world.crm.close(record_id, Stage.WON)
    world.settle()
    world.recover()
    assert registrations(world, referral_id) == []
    assert world.calls(start)["partner_center.update"] == 1


@pytest.mark.parametrize("days", [0, 2])
def test_a_win_that_is_too_young_is_not_registered(world: World, days: int) -> None:
    referral_id, record_id = open_deal(world, days, **filled(CRM))
    world.crm.close(record_id, Stage.WON)
    world.settle()
    world.recover()
    assert registrations(world, referral_id) == []


def test_history_is_not_registered_when_the_section_is_added(tmp_path: Path) -> None:
    world = with_columns(World(closed_rows_are_read_only=False))
    referral_id, record_id = open_deal(world, 1, **filled(CRM))
    world.crm.close(record_id, Stage.WON)
    world.settle()
    text = f"overlay: true\nversion: own\n{section(CRM)}"
    (tmp_path / f"{CRM}.yaml").write_text(text, encoding="utf-8")
    world.configure(field_map=load_mapping(CRM, tmp_path))
    world.recover()
    assert registrations(world, referral_id) == []


def test_a_win_that_waits_for_its_registration_is_registered_when_the_section_is_added(tmp_path: Path) -> None:
    world = with_columns(World(closed_rows_are_read_only=False))
    referral_id, record_id = open_deal(world, **filled(CRM))
    world.crm.close(record_id, Stage.WON)
    world.settle()
    assert registrations(world, referral_id) == []
    text = f"overlay: true\nversion: own\n{section(CRM)}"
    (tmp_path / f"{CRM}.yaml").write_text(text, encoding="utf-8")
    world.configure(field_map=load_mapping(CRM, tmp_path))
    world.recover()
    assert len(registrations(world, referral_id)) == 1


def test_a_colleagues_registration_is_shown_and_none_is_sent(world: World) -> None:
    referral_id, record_id = open_deal(world, **filled(CRM, start=None))
    world.crm.close(record_id, Stage.WON)
    world.settle()
    world.partner_center.colleague_registers(referral_id)
    world.crm.edit(record_id, **filled(CRM))
    world.settle()
    world.recover()
    (entry,) = registrations(world, referral_id)
    assert "contract" not in entry
    assert shown(world, record_id) == "Registered; Microsoft reviews it"
    assert world.link().deadline is None


@pytest.mark.parametrize("how", ["lost before", "lost behind"])
def test_an_unanswered_registration_is_looked_for_and_never_sent_twice(world: World, how: str) -> None:
    referral_id, record_id = open_deal(world, **filled(CRM))
    world.crm.close(record_id, Stage.WON)
    world.receive_all()
    world.poll()
    world.pump()
    assert registrations(world, referral_id) == []
    world.tape.fail(OutcomeUnknown("lost"), "partner_center", "update", after=how == "lost behind")
    world.settle()
    world.recover()
    assert len(registrations(world, referral_id)) == 1
    assert world.link().registration is not None
    assert world.ledger.of(CRM).intents.of(world.task.key(record_id)) is None


def test_a_registration_that_shows_late_is_not_sent_again_before_that_is_certain(world: World) -> None:
    """Nobody documents whether a registration shows in every answer at once."""
    referral_id, record_id = open_deal(world, **filled(CRM))
    sent: list[timedelta] = []
    begun = world.clock.now()

    def hide(_row: Mapping[str, Any]) -> Mapping[str, object]:
        sent.append(world.clock.now() - begun)
        return {"/registrations": None, "/registrationStatus": None}

    world.crm.close(record_id, Stage.WON)
    world.poll()
    world.pump()
    assert world.partner_center.rows[referral_id]["substatus"] == "Won"
    world.partner_center.logic.append(hide)
    world.tape.fail(OutcomeUnknown("lost"), "partner_center", "update", after=True)
    while len(sent) < 2:
        world.clock.advance(timedelta(seconds=20))
        world.pump()
        assert world.clock.now() - begun < timedelta(hours=1)
    assert sent[1] - sent[0] >= timedelta(minutes=10)


def test_a_stop_at_any_step_registers_once(tmp_path: Path) -> None:
    point = 0
    while True:
        folder = tmp_path / str(point)
        folder.mkdir()
        world = configured(folder, closed_rows_are_read_only=False)
        referral_id, record_id = open_deal(world, **filled(CRM))
        world.crm.close(record_id, Stage.WON)
        world.tape.crash_at(world.mark() + point // 2, after=bool(point % 2))
        world.settle()
        crashed = world.crashes
        world.recover()
        assert len(registrations(world, referral_id)) == 1, point
        assert world.link().deadline is None, point
        assert shown(world, record_id) == "Registered; Microsoft reviews it", point
        if not crashed:
            break
        point += 1
    assert point > 20


# --- a form that lacks something, or is refused ----------------------------------------------------------------------


def test_what_the_form_lacks_is_said_on_the_record_and_filled_in_it_is_registered(world: World) -> None:
    referral_id, record_id = won(world, start=None)
    assert registrations(world, referral_id) == []
    status = world.link().status
    assert status
    assert status.kind is StatusKind.ATTENTION
    assert status.text == "✖ Fill in contract start (cosell_contractstart); the win is registered then."
    (parked,) = world.parked()
    assert [(each.code, each.field) for each in parked.problems] == [("registration.missing", "contract_start")]
    world.crm.edit(record_id, **filled(CRM))
    world.settle()
    assert len(registrations(world, referral_id)) == 1
    assert world.parked() == []
    assert world.link().status.kind is StatusKind.SYNCHRONIZED  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("columns", "code", "field"),
    [
        ({"end": None}, "registration.missing", "contract_end"),
        ({"end": "2026-01-01"}, "registration.ends_first", "contract_end"),
        ({"value": 0}, "registration.no_value", "contract_value"),
        ({"solution": f"{SOLUTION}, {OTHER}"}, "registration.one_solution", "registered_solution"),
        ({"solution": "sol-1"}, "solutions.malformed", "registered_solution"),
        ({"term": 7}, "value.not_a_choice", "contract_term"),
    ],
)
def test_every_fault_of_the_form_names_its_field(world: World, columns: dict[str, Any], code: str, field: str) -> None:
    referral_id, _ = won(world, **columns)
    assert registrations(world, referral_id) == []
    (parked,) = world.parked()
    assert [(each.code, each.field) for each in parked.problems] == [(code, field)]


def test_of_several_solutions_one_has_to_be_named(world: World) -> None:
    referral_id, record_id = won(world)
    assert len(registrations(world, referral_id)) == 1
    other = configured_deal_with_two_solutions(world)
    assert registrations(world, other) == []
    assert record_id


def configured_deal_with_two_solutions(world: World) -> str:
    referral_id, record_id = open_deal(world, cosell_products=f"{SOLUTION}, {OTHER}", **filled(CRM))
    world.crm.close(record_id, Stage.WON)
    world.settle()
    codes = [each.code for due in world.parked() for each in due.problems]
    assert codes == ["registration.one_solution"]
    return referral_id


def test_a_refusal_names_the_field_of_the_form(world: World) -> None:
    referral_id, record_id = open_deal(world, **filled(CRM))
    world.crm.close(record_id, Stage.WON)
    world.receive_all()
    world.poll()
    world.pump()
    refusal = refuse("registrations/0/contract/signDateTime", "must not be in the future.")
    world.tape.fail(refusal, "partner_center", "update")
    world.settle()
    (parked,) = world.parked()
    assert [(each.code, each.field) for each in parked.problems] == [("partner_center.refused", "contract_signed")]
    assert "must not be in the future" in parked.reason
    world.recover()
    assert len(registrations(world, referral_id)) == 1
    assert world.parked() == []


# --- what became of it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "reason", "text", "news"),
    [
        ("Approved", None, "Approved by Microsoft", "Microsoft approved the registration of a deal."),
        ("Passed", None, "Passed Microsoft's review", "Microsoft approved the registration of a deal."),
        ("Failed", "Not eligible", "Not accepted by Microsoft: Not eligible", "did not accept the registration"),
        ("Closed", None, "Closed by Microsoft", ""),
        ("Escalated", None, "Registered (Escalated)", ""),
    ],
)
def test_microsofts_decision_comes_back(world: World, status: str, reason: str | None, text: str, news: str) -> None:
    referral_id, record_id = won(world)
    told = len(world.news.texts)
    world.partner_center.microsoft_reviews(referral_id, status, reason)
    world.settle()
    assert shown(world, record_id) == text
    assert f"deal registration: {text}" in world.history()
    assert world.link().status.kind is StatusKind.SYNCHRONIZED  # type: ignore[union-attr]
    assert [news in each for each in world.news.texts[told:]] == ([True] if news else [])


def test_action_required_is_said_until_the_form_is_corrected(world: World) -> None:
    referral_id, record_id = won(world)
    world.partner_center.microsoft_reviews(referral_id, "ActionRequired", "Sign date is missing a proof")
    world.settle()
    assert shown(world, record_id) == "Action required: Sign date is missing a proof"
    status = world.link().status
    assert status
    assert status.text.startswith("✖ Correct the form on the record, or answer in Partner Center: Sign date")
    world.recover()
    assert registrations(world, referral_id)[0]["status"] == "ActionRequired", "the same form is not sent again"

    world.crm.edit(record_id, **filled(CRM, signed="2026-03-30", value=80_000))
    world.settle()
    (entry,) = registrations(world, referral_id)
    assert entry["contract"]["signDateTime"] == "2026-03-30T00:00:00Z"
    assert entry["contract"]["value"] == entry["solutionDetails"][0]["value"] == 80_000
    assert entry["status"] == "ReviewPending"
    assert shown(world, record_id) == "Registered; Microsoft reviews it"
    assert "the registration was corrected" in world.history()
    world.recover()
    assert world.link().status.kind is StatusKind.SYNCHRONIZED  # type: ignore[union-attr]
    assert world.parked() == []


def test_a_lost_event_is_found_by_the_sweep(tmp_path: Path) -> None:
    world = configured(tmp_path, closed_rows_are_read_only=False, dull=True)
    referral_id, record_id = won(world)
    world.partner_center.microsoft_reviews(referral_id, "Approved")
    world.recover()
    assert shown(world, record_id) == "Approved by Microsoft"


def test_a_locked_record_is_not_written_and_an_alert_asks_instead(tmp_path: Path) -> None:
    world = configured(tmp_path)
    referral_id, record_id = won(world)
    assert len(registrations(world, referral_id)) == 1
    assert shown(world, record_id) is None
    world.partner_center.microsoft_reviews(referral_id, "ActionRequired", "Which contract?")
    world.settle()
    assert "Action required: Which contract?" in world.history()
    assert any("Which contract?" in each for each in world.chat.texts)


def test_reopened_a_locked_record_shows_what_became_of_it_and_takes_the_correction(tmp_path: Path) -> None:
    world = configured(tmp_path)
    referral_id, record_id = won(world)
    world.partner_center.microsoft_reviews(referral_id, "ActionRequired", "Which contract?")
    world.settle()
    world.crm.reopen(record_id)
    world.settle()
    assert shown(world, record_id) == "Action required: Which contract?"
    world.crm.edit(record_id, **filled(CRM, signed="2026-03-30"))
    world.settle()
    assert registrations(world, referral_id)[0]["contract"]["signDateTime"] == "2026-03-30T00:00:00Z"


def test_a_dry_run_only_notes_that_it_would_register(tmp_path: Path) -> None:
    world = configured(tmp_path, closed_rows_are_read_only=False)
    referral_id, record_id = open_deal(world, **filled(CRM, start=None))
    world.crm.close(record_id, Stage.WON)
    world.settle()
    world.configure(dry_run=True)
    world.crm.edit(record_id, **filled(CRM))
    world.settle()
    assert registrations(world, referral_id) == []
    audit = world.audit_of(referral_id)
    assert any("dry run" in each.text and "the win is registered with Microsoft" in each.text for each in audit)


def test_an_outage_of_partner_center_only_delays_it(world: World) -> None:
    referral_id, record_id = open_deal(world, **filled(CRM))
    world.crm.close(record_id, Stage.WON)
    world.receive_all()
    world.poll()
    world.pump()
    world.tape.fail(ServiceUnavailable("down"), "partner_center", "update", times=3)
    world.settle()
    world.recover()
    assert len(registrations(world, referral_id)) == 1


def test_preview_foretells_a_registration_and_what_its_form_lacks(world: World) -> None:
    referral_id, record_id = open_deal(world, **filled(CRM, start=None))
    world.crm.close(record_id, Stage.WON)
    world.settle()
    (deal,) = preview(world.task, world.links())
    assert [(each.action, each.field) for each in deal.forecasts] == [(Action.FAIL, "contract_start")]
    world.crm.edit(record_id, **filled(CRM))
    (deal,) = preview(world.task, world.links())
    (found,) = deal.forecasts
    assert (found.action, found.side, found.field) == (Action.WRITE, Side.PARTNER_CENTER, "deal_registration")
    assert registrations(world, referral_id) == []


def test_a_person_who_looks_at_a_deal_sees_what_became_of_its_registration(world: World) -> None:
    referral_id, _ = won(world)
    world.partner_center.microsoft_reviews(referral_id, "Failed", "Not eligible")
    world.settle()
    page = Visitor(world).page(deal=referral_id)
    assert "Not accepted by Microsoft: Not eligible" in page.text
