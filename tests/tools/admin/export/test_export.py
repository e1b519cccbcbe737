"""A deal and a person are taken out of the ledger whole, and a person is erased wherever they stand."""

from __future__ import annotations

import argparse
import json
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from shared.deal import RecordKey
from shared.errors import SettingsError
from shared.ledger.audit import Stamp
from shared.ledger.drawers import made_of, own_half, text
from shared.ledger.memory import MemoryLedger
from shared.ledger.model import AuditEntry, Due, DueKind, Intent
from shared.lifecycle import Stage
from shared.link import Link
from shared.microsoft import MicrosoftsHalf, Seller
from shared.problems import problem
from shared.queue.message import DealMessage
from shared.status import Status, StatusKind
from tools.admin.export.person import ERASED, Person, erase, find, learn
from tools.cli import export

if TYPE_CHECKING:
    from shared.bootstrap import App

CRM, MAIL = "dynamics365", "olive@contoso.example"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLIVE = f"Marsh, Olive <{MAIL}> +44 117 000 0000"
ANA = "Ruiz, Ana <ana@northwind.example> +44 113 000 0000"
RECORD = RecordKey(CRM, "opportunity", "6a3f0f9e-2f0a-4c0e-9d53-5d1d7f3f6b1a")
OTHER = RecordKey(CRM, "opportunity", "7b4f0f9e-2f0a-4c0e-9d53-5d1d7f3f6b1b")
HEAD = "2026-03-01 12:00:00 UTC  CRM → Partner Center  "


def filled() -> MemoryLedger:
    """A ledger with two deals: Olive is everywhere in the first, and nowhere in the second."""
    ledger = MemoryLedger()
    part = ledger.of(CRM)
    link = Link(
        CRM,
        "r1",
        RECORD,
        base={"contacts": (OLIVE, ANA), "notes": "call OLIVE MARSH", "name": "Store"},
        fingerprints={"contacts": "1", "notes": "2", "name": "3"},
        settled=True,
        differences={"notes": f"notes differs: Partner Center {MAIL}, CRM x (held)"},
        status=Status(StatusKind.ATTENTION, f"✖ Ask {MAIL}"),
        recent_audit=(f"{HEAD}contacts: (empty) → {OLIVE}", f"{HEAD}name: A → B"),
        earlier_audit=f"2025-01-01 sync success\nmailed {MAIL}",
        microsoft=MicrosoftsHalf(
            "m1",
            Stage.ACTIVE,
            team=(Seller("Olive Marsh", MAIL, "+44 117 000 0000"), Seller("Ines Field", "ines@microsoft.example")),
            told={"microsoft_team": f"Olive Marsh, {MAIL}", "microsoft_status": "Accepted"},
        ),
    )
    said = AuditEntry(
        "a", NOW, "d", f"contacts: (empty) → {OLIVE}", (("contacts", "(empty)", OLIVE), ("name", "A", "B"))
    )
    named = AuditEntry("b", NOW + timedelta(minutes=1), "d", "notes: x → call Olive Marsh", (("notes", "x", "y"),))
    other = AuditEntry("c", NOW, "d", f"contacts: (empty) → {ANA}", (("contacts", "(empty)", ANA),))
    part.links.commit(link, [said, named])
    part.links.commit(Link(CRM, "r2", OTHER, base={"contacts": (ANA,)}, settled=True), [other])
    part.intents.begin(Intent(RECORD, NOW, NOW, "worker"))
    message = DealMessage.of_record(RECORD, "retry", "c", {"columns": {"description": MAIL}, "version": "1"})
    asked = problem("crm.refused", "contacts", crm="Dynamics 365", message=f"{MAIL} is unknown")
    part.agenda.put(Due(DueKind.PARKED, "r1", NOW, NOW, message.dump(), "data", f"refused: {MAIL}", (asked,)))
    part.audit.add("opportunity:9c", AuditEntry("d", NOW, "d", f"failed: {MAIL}"))
    ledger.drawers.change(own_half("m1"), lambda _held: "r1")
    ledger.drawers.fill(made_of(RECORD), ("r1", {"notes": "0123456789ab"}))
    ledger.drawers.change(text("alert", "deal r1"), lambda _held: json.dumps({"reason": f"{MAIL} is unknown"}))
    ledger.drawers.change(text("token", "partner_center"), lambda _held: "SECRET")
    return ledger


def everything(ledger: MemoryLedger) -> str:
    part = ledger.of(CRM)
    return repr([*part.links.all(), *part.audit.all(), *part.agenda.all(DueKind.PARKED), ledger.values.texts])


def run(ledger: MemoryLedger, **options: object) -> int:
    given: dict[str, Any] = dict.fromkeys(("deal", "person", "crm", "out"))
    given |= {"audit": False, "erase": False, "dry_run": False, "verify": None, "hash": "", **options}
    app = SimpleNamespace(ledger=ledger, clock=SimpleNamespace(now=lambda: NOW + timedelta(hours=1)))
    return export.run(cast("App", app), argparse.Namespace(**given))


@pytest.mark.parametrize("wanted", ["r1", RECORD.id, RECORD.id.upper()])
def test_a_deal_is_whole(wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(filled(), deal=wanted) == export.DONE
    (deal,) = json.loads(capsys.readouterr().out)["deals"]
    assert (deal["crm"], deal["key"], deal["link"]["base"]["name"]) == (CRM, "r1", "Store")
    assert [each["id"] for each in deal["audit"]] == ["b", "a"]
    assert [each["kind"] for each in deal["agenda"]] == ["parked"]
    assert deal["intent"]["owner"] == "worker"
    assert deal["drawers"] == {"made": '["r1", {"notes": "0123456789ab"}]', "related:m1": "r1"}


def test_a_record_that_never_became_a_deal_is_found_by_its_audit(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(filled(), deal="9C") == export.DONE
    (deal,) = json.loads(capsys.readouterr().out)["deals"]
    assert (deal["key"], deal["link"], len(deal["audit"])) == ("opportunity:9c", None, 1)


def test_what_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(filled(), deal="nothing") == run(filled(), person="no@body.example") == export.NOTHING
    assert "The ledger holds nothing of nothing." in capsys.readouterr().err


def test_a_person_is_found_by_mail_name_and_number_and_no_secret_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, ledger = tmp_path / "olive.json", filled()
    before = everything(ledger)
    assert run(ledger, person="Olive@Contoso.example", out=path, erase=True, dry_run=True) == export.DONE
    places = json.loads(path.read_text())["places"]
    where = {(each["key"], each["where"].split(".")[0].split("[")[0].split(" ")[0]) for each in places}
    assert where == {
        ("r1", "link"),
        ("r1", "audit"),
        ("r1", "agenda"),
        ("opportunity:9c", "audit"),
        ("deal r1", "alert"),
    }
    assert "call OLIVE MARSH" in {each["value"] for each in places}
    assert "SECRET" not in path.read_text()
    assert "northwind" not in json.dumps([each for each in places if OLIVE not in each["value"]])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "Nothing was erased." in capsys.readouterr().err
    assert everything(ledger) == before


def test_a_person_is_erased_wherever_they_stand_and_the_rest_stays(capsys: pytest.CaptureFixture[str]) -> None:
    ledger = filled()
    untouched = ledger.of(CRM).links.of_referral("r2")
    assert run(ledger, person=MAIL, erase=True) == export.DONE
    left = everything(ledger).casefold()
    for term in (MAIL, "marsh", "+44 117 000 0000"):
        assert term not in left
    part = ledger.of(CRM)
    link = part.links.of_referral("r1")
    assert link
    assert link.base == {"name": "Store"}
    assert not link.settled
    assert link.recent_audit == (f"{HEAD}{ERASED}", f"{HEAD}name: A → B")
    assert link.status == Status(StatusKind.ATTENTION, f"✖ {ERASED}")
    assert link.earlier_audit == f"2025-01-01 sync success\n{ERASED}"
    assert link.microsoft
    assert link.microsoft.team == (Seller("Ines Field", "ines@microsoft.example"),)
    assert link.microsoft.told == {"microsoft_status": "Accepted"}
    newest, named, said = part.audit.of("r1")
    assert newest.text == "a person's data were erased from the ledger on request"
    assert newest.at == NOW + timedelta(hours=1)
    assert (said.id, said.text, said.changes) == ("a", ERASED, (("contacts", "(empty)", ERASED), ("name", "A", "B")))
    assert (named.id, named.text) == ("b", ERASED)
    assert [each.text for each in part.audit.of("opportunity:9c")] == [newest.text, ERASED]
    assert part.links.of_referral("r2") == untouched
    (due,) = part.agenda.all(DueKind.PARKED)
    assert DealMessage.load(due.message).record_id == RECORD.id
    assert "Correct or delete both sides as well" in capsys.readouterr().err
    assert run(ledger, person=MAIL) == export.NOTHING


def test_a_deal_that_changes_meanwhile_is_erased_as_it_is_then() -> None:
    ledger = filled()
    part = ledger.of(CRM)
    who = Person(MAIL)
    learn(part, who)
    read, changed = part.links.of_referral, False

    def change_first(referral_id: str) -> Link | None:
        nonlocal changed
        found = read(referral_id)
        if found and not changed:
            changed = True
            part.links.commit(replace(found, differences={}), [])
        return found

    part.links.of_referral = change_first  # type: ignore[method-assign]
    erase(part, who, Stamp(NOW))
    part.links.of_referral = read  # type: ignore[method-assign]
    assert list(find(CRM, part, who)) == []


def test_the_audit_is_exported_and_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "audit.jsonl"
    ledger = filled()
    ledger.of("security").audit.add("refused", AuditEntry("s", NOW, "d", "refused"))
    assert run(ledger, audit=True, out=path) == export.DONE
    final = capsys.readouterr().err.rsplit(" ", 1)[1].strip()
    assert export.main(["--verify", str(path), "--hash", final]) == export.DONE
    assert f"✔ 5 rows, unchanged since they were exported, with the final hash {final}." in capsys.readouterr().out
    path.write_bytes(path.read_bytes().replace(b'"B"', b'"C"'))
    assert export.main(["--verify", str(path)]) == export.NOTHING
    assert "it was changed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--audit", "--erase"], "--erase: erases a person's data, so it goes with --person."),
        (["--person", MAIL, "--dry-run"], "--dry-run: goes with --erase"),
        (["--audit", "--hash", "x"], "--hash: goes with --verify."),
        (["--person", "olive"], "--person: must be a mail address."),
        (["--audit", "--out", "none/x"], "the folder none does not exist."),
        (["--verify", "none.jsonl"], "none.jsonl: cannot be read: No such file or directory."),
    ],
)
def test_wrong_use_is_told_in_a_line(args: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert export.main(args) == export.FAILED
    seen = capsys.readouterr()
    assert told in seen.err
    assert seen.out == ""
    assert SettingsError.__name__ not in seen.err
