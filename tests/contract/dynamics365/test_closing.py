"""What Dynamics 365 keeps of an end: the close activity with the revenue, the day, and the reason."""

from __future__ import annotations

import pytest

from shared.crm.port import StageChange
from shared.lifecycle import Stage
from tests.support.crm_words import created, nobody
from tests.support.stages.crm import DataverseStage


@pytest.mark.parametrize(
    ("end", "revenue", "description"), [(Stage.WON, 51500.5, None), (Stage.LOST, None, "Chose another vendor")]
)
def test_the_close_activity_tells_what_was_won_or_why_it_was_lost(
    stage: DataverseStage, end: Stage, revenue: float | None, description: str | None
) -> None:
    record = created(stage, nobody())
    columns = stage.port._field_map.status_columns(end)  # type: ignore[attr-defined]
    stage.port.update(record, {}, StageChange(Stage.ACTIVE, end, columns, 51500.5, description or ""))
    (activity,) = stage.simulator.seller.rows("opportunityclose")
    assert activity["actualrevenue"] == revenue
    assert activity["description"] == description
    assert str(activity["actualend"])[:10] == f"{stage.clock.now():%Y-%m-%d}"
