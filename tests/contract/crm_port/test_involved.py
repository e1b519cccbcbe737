"""What the sync may expect of a CRM: the sales team's users and the customer's people of a record, in one call."""

from __future__ import annotations

from tests.support.stages.crm import CrmStage


def names(stage: CrmStage, rows: object, of: str) -> list[object]:
    assert isinstance(rows, tuple)
    return [row[stage.dialect.person[f"{of}_first_name"]] for row in rows]


def test_who_is_tied_to_a_record_is_returned_by_kind(stage: CrmStage) -> None:
    record_id, other = stage.add_deal(), stage.add_deal()
    users = [stage.add_user(name, "Ray", f"{name}@partner.example".lower()) for name in ("Kim", "Pat", "Lee")]
    account = stage.add_account(customer="Involved Ltd")
    ana = stage.add_contact(account, "Ana", "Ruiz", "ana@involved.example")
    bo = stage.add_contact(account, "Bo", "Li", "bo@involved.example")
    stage.involve(record_id, users=tuple(users[:2]), contacts=(ana, bo))
    stage.involve(other, users=(users[2],))
    stage.pass_time()
    before = stage.requests()
    found = stage.port.involved(record_id, colleagues=True, contacts=True)
    assert stage.requests() - before == 1
    assert names(stage, found.colleagues, "owner") == ["Kim", "Pat"]
    # In Salesforce the primary contact has a role as well, and comes first.
    assert names(stage, found.contacts, "contact")[-2:] == ["Ana", "Bo"]
    only = stage.port.involved(record_id, colleagues=True, contacts=False)
    assert (only.colleagues, only.contacts) == (found.colleagues, ())
    only = stage.port.involved(record_id, colleagues=False, contacts=True)
    assert (only.colleagues, only.contacts) == ((), found.contacts)


def test_a_record_with_nobody_has_nobody(stage: CrmStage) -> None:
    found = stage.port.involved(stage.add_deal(customer=None), colleagues=True, contacts=True)
    assert (found.colleagues, found.contacts) == ((), ())
