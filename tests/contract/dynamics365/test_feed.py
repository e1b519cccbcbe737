"""The change feed's cursor: whose it is, and for which columns."""

from __future__ import annotations

import pytest

from shared.errors import CursorExpired
from tests.support.stages.crm import DataverseStage


def cursor_of(stage: DataverseStage) -> str:
    """Return the cursor of a full pass: the fingerprint of the columns, and the delta link."""
    pages = list(stage.port.changes(None))
    assert pages[-1].cursor
    return pages[-1].cursor


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/api/data/v9.2/opportunities?$deltatoken=1",
        "https://{host}.evil.example/api/data/v9.2/opportunities?$deltatoken=1",
        "http://{host}/api/data/v9.2/opportunities?$deltatoken=1",
        "",
    ],
)
def test_a_link_of_another_environment_is_never_followed(stage: DataverseStage, link: str) -> None:
    fingerprint, _, held = cursor_of(stage).partition(" ")
    host = held.split("/")[2]
    before = stage.requests()
    with pytest.raises(CursorExpired):
        list(stage.port.changes(f"{fingerprint} {link.format(host=host)}"))
    assert stage.requests() == before


def test_a_link_for_other_columns_is_not_followed(stage: DataverseStage) -> None:
    _, _, link = cursor_of(stage).partition(" ")
    with pytest.raises(CursorExpired):
        list(stage.port.changes(f"{'0' * 12} {link}"))


def test_its_own_link_is_followed(stage: DataverseStage) -> None:
    cursor = cursor_of(stage)
    record_id = stage.add_deal()
    assert [record.id for page in stage.port.changes(cursor) for record in page.records] == [record_id]
