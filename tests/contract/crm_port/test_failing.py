"""What the sync may expect of a CRM: failures by family, and what each call costs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from shared.crm.around import Around
from shared.errors import (
    AccessDenied,
    AlreadyExists,
    FatalError,
    RetriableError,
    StaleError,
    Throttled,
    VersionMismatch,
)
from shared.lifecycle import Stage
from tests.support.crm_words import (
    NEW,
    NORTHWIND,
    calls,
    created,
    customer,
    make,
    moving,
    nobody,
    said,
    shows,
    word,
)
from tests.support.stages.crm import CrmStage
from tests.support.stages.outages import Outage

# --- failures --------------------------------------------------------------------------------------------------------


def test_throttling_names_how_long_to_wait(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.break_down(Outage.THROTTLED)
    for call in calls(stage, record):
        with pytest.raises(Throttled) as caught:
            call()
        assert caught.value.retry_after == pytest.approx(stage.asked, abs=5)


@pytest.mark.parametrize("outage", [Outage.UNAVAILABLE, Outage.DROPPED])
def test_an_outage_is_retriable_and_passes(stage: CrmStage, outage: Outage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.break_down(outage)
    for call in calls(stage, record):
        with pytest.raises(RetriableError):
            call()
    stage.heal()
    assert stage.port.read(record.id).version == record.version


@pytest.mark.parametrize(("outage", "error"), [(Outage.DENIED, AccessDenied), (Outage.SIGNED_OUT, FatalError)])
def test_a_refused_identity_is_fatal(stage: CrmStage, outage: Outage, error: type[Exception]) -> None:
    record = stage.port.read(stage.add_deal())
    stage.break_down(outage)
    for call in calls(stage, record):
        with pytest.raises(error):
            call()


def test_a_create_whose_answer_is_lost_is_found(stage: CrmStage) -> None:
    stage.add_account(**NORTHWIND)
    referral_id = nobody()
    stage.break_down(Outage.LOST_ANSWER)
    with contextlib.suppress(StaleError, RetriableError):
        created(stage, referral_id)
    stage.heal()
    with contextlib.suppress(AlreadyExists):
        created(stage, referral_id)
    found = stage.port.find(referral_id)
    assert found is not None
    assert word(stage, found.columns, "name") == "From Partner Center"


def test_an_update_whose_answer_is_lost_took_effect_once(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.break_down(Outage.LOST_ANSWER)
    with pytest.raises((StaleError, RetriableError)):
        stage.port.update(record, said(stage, notes="ours"))
    stage.heal()
    assert word(stage, stage.columns(record.id), "notes") == "ours"


def test_a_close_whose_answer_is_lost_may_be_repeated(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.break_down(Outage.LOST_ANSWER)
    win = moving(stage, Stage.ACTIVE, Stage.WON)
    with contextlib.suppress(StaleError, RetriableError):
        stage.port.update(record, {}, win)
    stage.heal()
    with contextlib.suppress(VersionMismatch):
        stage.port.update(record, {}, win)
    assert shows(stage, stage.columns(record.id), Stage.WON)


# --- cost ------------------------------------------------------------------------------------------------------------


def test_what_a_call_costs(stage: CrmStage) -> None:
    record = stage.port.read(stage.add_deal())
    stage.add_account(**NORTHWIND)
    columns = {**said(stage, **NEW), **stage.dialect.states[Stage.ACTIVE]}
    win, lose = moving(stage, Stage.ACTIVE, Stage.WON), moving(stage, Stage.WON, Stage.LOST)
    acts: dict[str, Callable[[], object]] = {
        "read": lambda: stage.port.read(record.id),
        "find": lambda: stage.port.find(nobody()),
        "related": lambda: stage.port.related(record.id),
        "create": lambda: created(stage, nobody()),
        "create with account": lambda: make(stage, nobody(), columns, Around(customer(stage, customer="New"))),
        "update": lambda: stage.port.update(record, said(stage, notes="x")),
        "update of nothing": lambda: stage.port.update(record, {}),
        "read and win": lambda: stage.port.update(stage.port.read(record.id), {}, win),
        "read and lose": lambda: stage.port.update(stage.port.read(record.id), said(stage, notes="y"), lose),
    }
    costs = {}
    for name, act in acts.items():
        before = stage.requests()
        act()
        costs[name] = stage.requests() - before
    assert costs == stage.dialect.costs
