"""The words of the contract: what a test says and sees, in the language of the CRM on the stage."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from shared.crm.around import AccountWanted, Around, Columns
from shared.crm.port import Record, StageChange
from shared.lifecycle import Stage
from tests.support.stages.crm import CrmStage

NEW = {"name": "From Partner Center", "value": 10.5, "currency": "EUR", "closing": "2027-03-31", "sync": True}
NORTHWIND = {"customer": "Northwind Traders", "postal_code": "LS1 4DL"}


def nobody() -> str:
    return str(uuid.uuid4())


def said(stage: CrmStage, **words: object) -> dict[str, object]:
    """Return the deal's words as the CRM's columns."""
    return {stage.dialect.record[word]: value for word, value in words.items()}


def word(stage: CrmStage, columns: Columns, name: str) -> object:
    """Return what the CRM's columns hold for one of the deal's words."""
    return columns[stage.dialect.record[name]]


def shows(stage: CrmStage, columns: Columns, state: Stage) -> bool:
    """Whether the columns are those that are written for a stage."""
    wanted = stage.dialect.states[state]
    return {name: columns[name] for name in wanted} == wanted


def moving(stage: CrmStage, before: Stage, after: Stage) -> StageChange:
    return StageChange(before, after, stage.dialect.states[after])


def customer(stage: CrmStage, **replaced: object) -> AccountWanted:
    """Return the wish for an account: Northwind's, but for what is replaced."""
    names = stage.dialect.account
    match = {names[name]: value for name, value in {**NORTHWIND, **replaced}.items()}
    return AccountWanted(match, {**match, names["city"]: "Leeds", names["state"]: None})


def created(stage: CrmStage, referral_id: str, *, state: Stage = Stage.ACTIVE, **words: object) -> Record:
    columns = {**said(stage, **{**NEW, **words}), **stage.dialect.states[state]}
    return make(stage, referral_id, columns, Around(customer(stage)))


def make(stage: CrmStage, referral_id: str, columns: Columns, around: Around) -> Record:
    """Look for what is around the record, and create it."""
    return stage.port.create(referral_id, columns, around, stage.port.look_around(referral_id, around))


def follow(stage: CrmStage, cursor: str | None) -> tuple[list[Record], list[str], str]:
    """Read the feed to its end; returns records, deleted ids, and the next cursor."""
    pages = list(stage.port.changes(cursor))
    assert all(page.cursor is None for page in pages[:-1])
    assert pages[-1].cursor
    records = [record for page in pages for record in page.records]
    return records, [each for page in pages for each in page.deleted_ids], str(pages[-1].cursor)


def calls(stage: CrmStage, record: Record) -> list[Callable[[], object]]:
    return [
        lambda: stage.port.read(record.id),
        lambda: list(stage.port.changes(None)),
        lambda: stage.port.find(nobody()),
        lambda: stage.port.related(record.id),
        lambda: stage.port.update(record, said(stage, notes="x")),
        lambda: created(stage, nobody()),
    ]
