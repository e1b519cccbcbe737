"""One deal in two CRMs at once: each CRM has its own link, and they meet in Partner Center only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from shared.errors import AccessDenied, CosellError, DataError, ServiceUnavailable, Throttled
from shared.lifecycle import Stage
from shared.link import Link, LinkState
from shared.mapping.loading import load_mapping
from shared.problems import problem
from tests.simulation.agreement import disagreements
from tests.simulation.deals import HELP
from tests.support.fakes.crm import FakeCrm
from tests.support.fakes.tape import Step, where_to_die
from tests.support.fakes.two_crms import TwoCrms

VALUE = "/details/dealValue"


@pytest.fixture
def world() -> TwoCrms:
    return TwoCrms()


def pair(world: TwoCrms) -> tuple[Link, Link]:
    """The two links of the only deal: of the first CRM, and of the second."""
    first, second = world.links()
    assert (first.crm, second.crm) == ("dynamics365", "salesforce")
    assert first.referral_id == second.referral_id
    return first, second


def check_agreed(world: TwoCrms, *, first: Callable[[TwoCrms], FakeCrm] | None = None) -> None:
    """One referral, one linked record in each CRM, equal values, and nothing waits."""
    links = pair(world)
    assert len(world.partner_center.ours()) == len(world.crm.rows()) == len(world.other.rows()) == 1
    for link in links:
        assert link.state is LinkState.LINKED
        assert disagreements(world, link) == []
        assert list(world.parked(link.crm)) == []
    assert world.queue.messages == []
    assert world.queue.poisoned == []
    named = world.partner_center.rows[links[0].referral_id]["externalReferenceId"]
    assert named in {link.record_id for link in links}
    if first:
        assert named in first(world).rows()


def invited(world: TwoCrms) -> str:
    referral_id = world.partner_center.invites_us()
    world.settle()
    return referral_id


def accepted(world: TwoCrms) -> str:
    referral_id = invited(world)
    world.partner_center.accept(referral_id)
    world.settle()
    return referral_id


def writes(world: TwoCrms, since: int) -> dict[str, int]:
    """Every write to a vendor since a mark."""
    return {name: count for name, count in world.calls(since).items() if "update" in name or "create" in name}


def test_a_referral_becomes_a_record_in_each_and_names_the_one_of_the_first(world: TwoCrms) -> None:
    invited(world)
    check_agreed(world, first=lambda world: world.crm)


@pytest.mark.parametrize("seller", ["crm", "other"])
def test_a_deal_that_one_crm_shares_arrives_in_the_other(world: TwoCrms, seller: str) -> None:
    getattr(world, seller).add_deal(cosell_howcanmicrosofthelp=HELP)
    world.settle()
    check_agreed(world, first=lambda world: getattr(world, seller))


@pytest.mark.parametrize("seller", ["crm", "other"])
def test_an_edit_in_one_reaches_the_other_with_one_write_each(world: TwoCrms, seller: str) -> None:
    accepted(world)
    ours, theirs = (world.crm, world.other) if seller == "crm" else (world.other, world.crm)
    (record_id,) = ours.rows()
    world.clock.advance(timedelta(minutes=1))
    mark = world.mark()
    ours.edit(record_id, estimatedvalue=7)
    world.settle()
    world.recover()
    assert [row["estimatedvalue"] for row in theirs.rows().values()] == [7]
    assert writes(world, mark) == {"partner_center.update": 1, "crm.update": 1, "other_crm.update": 1}
    check_agreed(world)


def test_without_events_about_our_own_writes_the_other_hears_of_them_all_the_same() -> None:
    world = TwoCrms(dull=True)
    record_id = world.crm.add_deal()
    world.settle()
    check_agreed(world)
    world.crm.edit(record_id, estimatedvalue=7)
    world.settle()
    check_agreed(world)


def test_a_condition_routes_referrals_to_one_of_them(world: TwoCrms, tmp_path: Path) -> None:
    text = "overlay: true\nversion: german\nsync_when: {referral: customerProfile.address.country == 'DE'}\n"
    (tmp_path / "dynamics365.yaml").write_text(text, encoding="utf-8")
    world.configure_other(load_mapping("dynamics365", tmp_path))
    world.partner_center.invites_us()
    world.crm.add_deal()
    world.settle()
    assert (len(world.crm.rows()), world.other.rows()) == (2, {})
    assert {link.state for link in world.links() if link.crm == "salesforce"} == {LinkState.IGNORED}
    record_id = world.other.add_deal()
    world.settle()
    assert list(world.other.rows()) == [record_id], "what its own sellers share is linked whatever the condition"
    assert len(world.crm.rows()) == 3


def test_the_two_crms_disagree_and_the_later_one_wins_with_both_values_in_its_audit(world: TwoCrms) -> None:
    accepted(world)
    first, second = pair(world)
    mark = world.mark()
    world.crm.edit(first.record_id, estimatedvalue=7)
    world.other.edit(second.record_id, estimatedvalue=8, description="of the other")
    world.settle()
    assert [row["estimatedvalue"] for row in (*world.crm.rows().values(), *world.other.rows().values())] == [8, 8]
    told = "\n".join(entry.text for entry in world.audit_of(second.referral_id, "salesforce"))
    assert "deal_value: 7 → 8 (both sides changed; the CRM wins)" in told
    assert sum(writes(world, mark).values()) <= 7
    check_agreed(world)


@pytest.mark.parametrize("stage", [Stage.WON, Stage.LOST])
def test_closing_in_one_closes_all(world: TwoCrms, stage: Stage) -> None:
    world.crm.add_deal()
    world.settle()
    _, second = pair(world)
    world.other.close(second.record_id, stage)
    world.settle()
    assert {row["statecode"] for row in world.crm.rows().values()} == {1 if stage is Stage.WON else 2}
    check_agreed(world)


def test_one_wins_what_the_other_loses(world: TwoCrms) -> None:
    world.crm.add_deal()
    world.settle()
    first, second = pair(world)
    world.crm.close(first.record_id, Stage.WON)
    world.other.close(second.record_id, Stage.LOST)
    world.settle()
    world.recover()
    (row,) = world.partner_center.ours()
    assert row["substatus"] == "Won", "Partner Center took the first, and what is closed there is final"
    assert world.other.row(second.record_id)["statecode"] == 2, "what was lost there is left to a person"
    links = {link.crm: link for link in world.links()}
    assert links[world.crm.name].differences == {}
    assert list(links[world.other.name].differences) == ["status"]


@pytest.mark.parametrize("error", [ServiceUnavailable("down"), Throttled("slow", retry_after=60), AccessDenied("no")])
def test_one_that_cannot_be_reached_does_not_hold_up_the_other(world: TwoCrms, error: CosellError) -> None:
    referral_id = invited(world)
    world.tape.fail(error, "crm", times=None)
    world.partner_center.edit(referral_id, {VALUE: 5})
    arrived = world.partner_center.invites_us()
    world.receive_all()
    world.poll()
    world.pump()
    assert [row["estimatedvalue"] for row in world.other.rows().values()] == [5, 42000]
    assert world.partner_center.rows[arrived]["externalReferenceId"] in world.other.rows()
    world.tape.faults.clear()
    world.recover()
    assert [row["estimatedvalue"] for row in world.crm.rows().values()] == [5, 42000]
    assert len(world.links()) == 4


def test_while_partner_center_is_down_work_does_not_multiply(world: TwoCrms) -> None:
    referral_id = invited(world)
    world.tape.fail(ServiceUnavailable("down"), "partner_center", times=None)
    world.partner_center.edit(referral_id, {VALUE: 5})
    world.receive_all()
    for _ in range(6):
        world.pump()
        assert len(world.queue.messages) <= 2, "each CRM waits for itself"
        world.clock.advance(timedelta(hours=1))
    world.tape.faults.clear()
    world.recover()
    check_agreed(world)


def test_a_deal_parked_in_one_goes_on_in_the_other(world: TwoCrms) -> None:
    def refuse(_row: dict[str, object]) -> dict[str, object]:
        raise DataError(problem("crm.refused", "record", crm="Salesforce", message="a rule of the customer's"))

    referral_id = invited(world)
    world.other.logic.append(refuse)
    world.partner_center.edit(referral_id, {VALUE: 5})
    world.settle()
    assert [row["estimatedvalue"] for row in world.crm.rows().values()] == [5]
    assert list(world.parked()) == []
    (parked,) = world.parked("salesforce")
    mark = world.mark()
    world.clock.advance(timedelta(hours=25))
    world.reconcile()
    world.settle()
    assert not [step for step in world.tape.steps[mark:] if step.port == "crm" and step.name != "changes"]
    world.other.logic.clear()
    world.recover()
    check_agreed(world)
    assert parked.key == referral_id


def test_each_crm_has_its_own_alert(world: TwoCrms) -> None:
    world.tape.fail(AccessDenied("the first refuses"), "crm", times=None)
    world.tape.fail(AccessDenied("the second refuses"), "other_crm", times=None)
    world.partner_center.invites_us()
    world.receive_all()
    world.pump()
    assert len(world.chat.texts) == 2
    del world.tape.faults[0]
    world.recover()
    assert sum("Resolved:" in text and "the first refuses" in text for text in world.chat.texts) == 1
    assert not any("Resolved:" in text and "the second refuses" in text for text in world.chat.texts)
    world.tape.faults.clear()
    world.recover()
    assert sum("Resolved:" in text and "the second refuses" in text for text in world.chat.texts) == 1
    check_agreed(world)


@pytest.mark.parametrize("gone", ["crm", "other"])
def test_a_deleted_record_orphans_its_own_link(world: TwoCrms, gone: str) -> None:
    referral_id = accepted(world)
    emptied, kept = (world.crm, world.other) if gone == "crm" else (world.other, world.crm)
    (record_id,) = emptied.rows()
    emptied.delete(record_id)
    world.settle()
    (kept_id,) = kept.rows()
    kept.edit(kept_id, estimatedvalue=9)
    world.partner_center.edit(referral_id, {"/details/notes": "goes on"})
    world.settle()
    world.recover()
    states = {link.crm: link.state for link in world.links()}
    assert states == {emptied.name: LinkState.ORPHANED, kept.name: LinkState.LINKED}
    assert emptied.rows() == {}
    assert world.partner_center.rows[referral_id]["details"]["dealValue"] == 9
    assert kept.row(kept_id)["description"] == "goes on"


def test_a_pause_in_one_is_none_in_the_other(world: TwoCrms) -> None:
    referral_id = invited(world)
    first, _ = pair(world)
    world.crm.edit(first.record_id, cosell_syncwithpartnercenter=False)
    world.settle()
    world.partner_center.edit(referral_id, {VALUE: 5})
    world.settle()
    assert [row["estimatedvalue"] for row in world.other.rows().values()] == [5]
    assert [row["estimatedvalue"] for row in world.crm.rows().values()] == [42000]


@pytest.mark.parametrize("seller", ["crm", "other"])
def test_a_lost_ledger_ties_each_record_again(world: TwoCrms, seller: str) -> None:
    getattr(world, seller).add_deal()
    world.settle()
    forget(world)
    world.settle()
    world.recover()
    check_agreed(world, first=lambda world: getattr(world, seller))


def forget(world: TwoCrms) -> None:
    """Lose the storage account."""
    world.lose_the_ledger()


def test_an_id_that_no_crm_knows_is_left_as_it_is(world: TwoCrms) -> None:
    referral_id = world.partner_center.invites_us(externalReferenceId="PO-4711")
    world.settle()
    assert world.partner_center.rows[referral_id]["externalReferenceId"] == "PO-4711"
    assert len(world.crm.rows()) == len(world.other.rows()) == 1


Start = Callable[[TwoCrms], object]

STARTS: dict[str, Start] = {
    "invited": lambda world: world.partner_center.invites_us(),
    "shared by the first": lambda world: world.crm.add_deal(cosell_howcanmicrosofthelp=HELP),
    "shared by the second": lambda world: world.other.add_deal(cosell_howcanmicrosofthelp=HELP),
}


def steps(start: Start) -> list[Step]:
    world = TwoCrms()
    start(world)
    world.settle()
    return world.tape.steps


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_a_crash_at_any_step_of_the_creation(start: Start) -> None:
    for number in where_to_die(steps(start)):
        world = TwoCrms()
        start(world)
        world.tape.crash_at(number, after=True)
        world.settle()
        world.recover()
        check_agreed(world)


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_a_second_worker_at_any_step_of_the_creation(start: Start) -> None:
    for number in range(len(steps(start))):
        world = TwoCrms()
        start(world)
        world.tape.before.append(_interference(world, number))
        world.settle()
        world.recover()
        check_agreed(world)


def _interference(world: TwoCrms, number: int) -> Callable[[Step], None]:
    """Another instance takes what is on the queue, the first one's message included, and polls."""

    def interfere(step: Step) -> None:
        if step.number == number:
            world.tape.before.remove(interfere)
            world.another_receiver()
            world.receive_all()
            world.poll()
            for message in list(world.queue.due()):
                world.worker.run(message.text)

    return interfere


def act(world: TwoCrms, what: str, number: int) -> None:
    first, second = pair(world)
    acts: dict[str, Callable[[], object]] = {
        "first": lambda: world.crm.edit(first.record_id, estimatedvalue=number + 1),
        "second": lambda: world.other.edit(second.record_id, estimatedvalue=number + 1),
        "note": lambda: world.other.edit(second.record_id, description=f"note {number}"),
        "portal": lambda: world.partner_center.edit(first.referral_id, {VALUE: number + 1}),
        "events": world.receive_all,
        "poll": world.poll,
        "work": world.pump,
    }
    acts[what]()


def test_edits_everywhere_come_to_rest_in_agreement() -> None:
    for seed in range(40):
        world, chance = TwoCrms(seed), Random(seed)
        world.crm.add_deal()
        world.settle()
        mark, edits = world.mark(), 12
        for number in range(edits):
            act(world, chance.choice(["first", "second", "note", "portal", "events", "poll", "work"]), number)
        world.settle()
        world.recover()
        check_agreed(world)
        # An edit is written to the other two sides, and shown on its own record; a conflict repeats some of it.
        assert sum(writes(world, mark).values()) <= 5 * edits
        quiet = world.mark()
        world.settle()
        world.recover()
        assert writes(world, quiet) == {}
