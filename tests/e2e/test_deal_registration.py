"""A win is registered with Microsoft by the running app, from columns that `provision` made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.e2e.administrator import command, provision
from tests.e2e.deals import shared_deal, until, until_record
from tests.support.registration import column, filled, section
from tools.local.stack import Stack


def column_of(stack: Stack, record_id: str) -> str:
    """What the record shows of its registration."""
    simulator = stack.crm.simulator  # type: ignore[attr-defined]
    name = column(stack.crm.name, "status")
    table = {"dynamics365": "opportunity", "salesforce": "Opportunity"}[stack.crm.name]
    return str(simulator.seller.row(table, record_id)[name] or "")


def registrations(stack: Stack, referral_id: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = stack.partner_center.referral(referral_id)["registrations"]
    return found


def fill(stack: Stack, record_id: str, **changes: object) -> None:
    """Let the seller fill the form."""
    columns = {name: value for name, value in filled(stack.crm.name, **changes).items() if "egister" not in name}
    stack.crm.simulator.seller.edit(record_id, **columns)  # type: ignore[attr-defined]


def test_a_win_is_registered_its_review_comes_back_and_its_form_is_corrected(
    crm: str, storage: str, tmp_path: Path
) -> None:
    text = f"overlay: true\nversion: with registration\n{section(crm, when='signed')}"
    (tmp_path / f"{crm}.yaml").write_text(text, encoding="utf-8")
    with Stack(crms=(crm,), storage=storage, settings={"MAPPING_DIR": str(tmp_path)}) as stack:
        assert "contractstart" in provision(stack).replace("_", "").casefold()
        command(stack, "lint", "--live")
        stack.restart()
        assert stack.register().status_code == 200
        referral_id, record_id = shared_deal(stack)
        fill(stack, record_id)
        with stack.partner_center.store.update(referral_id, "service") as row:
            row["createdDateTime"] = f"{datetime.now(UTC) - timedelta(days=4):%Y-%m-%dT%H:%M:%S}Z"
        stack.quiet()
        stack.crm.win(record_id)
        stack.run("CrmPoller")
        (entry,) = until(stack, lambda: registrations(stack, referral_id))
        stack.quiet()
        assert entry["status"] == "ReviewPending"
        assert stack.partner_center.referral(referral_id)["registrationStatus"] == "ReviewPending"

        stack.partner_center.microsoft.review(referral_id, "ActionRequired", "Which contract?")
        stack.quiet()
        if crm == "dynamics365":  # A closed opportunity takes nothing: it shows what became of it once it is open.
            assert column_of(stack, record_id) == ""
            stack.crm.reopen(record_id)
            stack.run("CrmPoller")
        until(stack, lambda: column_of(stack, record_id) == "Action required: Which contract?")
        until_record(stack, record_id, lambda deal: deal.sync_status.startswith("✖ Correct the form"))
        stack.quiet()
        fill(stack, record_id, signed="2026-03-30")
        stack.run("CrmPoller")
        until(stack, lambda: column_of(stack, record_id) == "Registered; Microsoft reviews it")
        (entry,) = registrations(stack, referral_id)
        assert entry["contract"]["signDateTime"] == "2026-03-30T00:00:00Z"  # type: ignore[index]
        assert entry["status"] == "ReviewPending"
