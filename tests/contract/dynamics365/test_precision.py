"""Amounts that Dynamics 365 keeps with fewer digits: by the column, the organization, or the row's currency."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import pytest

from shared.crm.dynamics365.records import Dynamics365
from tests.support.crm_words import created, nobody, said, word
from tests.support.stages.crm import DataverseStage


def value(record_columns: object) -> Decimal:
    return Decimal(str(record_columns))


def anew(stage: DataverseStage) -> Dynamics365:
    """Return the client of a process that has just begun: currencies and columns are asked once."""
    assert isinstance(stage.port, Dynamics365)
    return Dynamics365(stage.port._api, stage.port._field_map, stage.clock)


def test_a_record_keeps_as_many_digits_as_the_mapping_wants(stage: DataverseStage) -> None:
    record = created(stage, nobody(), value=42000.55)
    assert record.digits == {}
    assert value(word(stage, record.columns, "value")) == Decimal("42000.55")


def test_a_currency_that_keeps_none_is_told_with_each_record(stage: DataverseStage) -> None:
    stage.simulator.set_currency_precision("EUR", 0)
    stage.port = anew(stage)
    euro = created(stage, nobody(), value=42000.55)
    assert (euro.digits, value(word(stage, euro.columns, "value"))) == ({"estimatedvalue": 0}, Decimal(42001))
    written = stage.port.update(euro, said(stage, value=10.49))
    assert (written.digits, value(word(stage, written.columns, "value"))) == ({"estimatedvalue": 0}, Decimal(10))
    dollar = created(stage, nobody(), value=42000.55, currency="USD")
    assert (dollar.digits, value(word(stage, dollar.columns, "value"))) == ({}, Decimal("42000.55"))


@pytest.mark.parametrize(("source", "digits"), [(0, 1), (1, 1)])
def test_the_column_or_the_organization_may_decide_too(
    stage: DataverseStage, source: Literal[0, 1], digits: int
) -> None:
    stage.simulator.set_precision_source("opportunity", "estimatedvalue", source, precision=digits)
    stage.simulator.set_pricing_precision(digits)
    record_id = stage.add_deal(value=Decimal("42000.55"))
    record = anew(stage).read(record_id)
    assert record.digits == {"estimatedvalue": 1}


def test_it_costs_no_call_per_record(stage: DataverseStage) -> None:
    stage.simulator.set_currency_precision("GBP", 0)
    ids = [stage.add_deal() for _ in range(3)]
    before = stage.requests()
    for each in ids:
        stage.port.read(each)
    assert stage.requests() - before == 3
