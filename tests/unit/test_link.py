"""The link between a referral and a record."""

from __future__ import annotations

from shared.deal import RecordKey
from shared.lifecycle import Stage
from shared.link import RESTING, Link, LinkState
from shared.merge import Policy, Stays


def test_a_referral_without_a_record_has_an_empty_record_id() -> None:
    assert Link("dynamics365", "referral", None).record_id == ""
    assert Link("dynamics365", "referral", RecordKey("dynamics365", "opportunity", "7")).record_id == "7"


def test_what_is_stored_or_written_in_a_mapping_file_keeps_its_spelling() -> None:
    """Rows of the ledger and files of yesterday are read by these texts."""
    assert [str(each) for each in LinkState] == ["linked", "paused", "ignored", "stopped", "unlinked", "orphaned"]
    assert {str(each) for each in RESTING} == {"stopped", "unlinked"}
    assert [str(each) for each in Policy] == ["crm", "partner_center", "hold"]
    assert [str(each) for each in Stays] == ["kept", "asked", "held", "decide", "waiting"]
    assert [str(each) for each in Stage] == ["on_hold", "active", "won", "lost", "declined", "expired", "error"]


def test_a_new_link_is_neither_settled_nor_unshown() -> None:
    link = Link("dynamics365", "referral", None)
    assert (link.state, link.settled, link.unshown, link.etag) == (LinkState.LINKED, False, False, None)
    assert (link.owner, link.owner_mark, link.engagement_id) == ("", "", "")
