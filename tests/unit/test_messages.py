"""The message on the queue: small, complete, and read only when it is one."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.queue.message import MAX_BYTES, PARTNER_CENTER, DealMessage
from tests.support.stand_ins import UNHURRIED

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
ID = st.uuids().map(str)
SCALARS = st.none() | st.booleans() | st.integers() | TEXT
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=5)
MESSAGES = st.builds(
    DealMessage,
    source=st.sampled_from([PARTNER_CENTER, "dynamics365", "salesforce"]),
    reason=TEXT,
    correlation_id=TEXT,
    referral_id=ID,
    record_id=st.none() | ID,
    record_type=st.sampled_from(["opportunity", "lead"]),
    observed=st.none() | st.dictionaries(TEXT, JSON, max_size=4),
)


@UNHURRIED
@given(MESSAGES)
def test_a_message_is_read_back_as_it_was_written(message: DealMessage) -> None:
    assert DealMessage.load(message.dump()) == message


def test_the_message_has_the_members_of_the_contract() -> None:
    message = DealMessage(PARTNER_CENTER, "referral-updated", "c-1", referral_id="r-1", observed={"related": False})
    content = json.loads(message.dump())
    assert content == {
        "source": "partner_center",
        "referral_id": "r-1",
        "record_type": "opportunity",
        "reason": "referral-updated",
        "correlation_id": "c-1",
        "observed": {"related": False},
    }


@pytest.mark.parametrize("letter", ["x", "ü", "\u20ac", "\U0001f600", '"', "\n"])
@pytest.mark.parametrize("length", [10_000, 44_000, 60_000])
def test_every_message_fits_into_the_queue(letter: str, length: int) -> None:
    message = DealMessage("dynamics365", "changed", "c", record_id="1", observed={"notes": letter * length})
    text = message.dump()
    assert len(base64.b64encode(text.encode())) <= 64 * 1024
    read = DealMessage.load(text)
    assert (read.source, read.record_id, read.correlation_id) == ("dynamics365", "1", "c")
    assert read.observed in (None, message.observed)


def test_what_fits_is_kept() -> None:
    message = DealMessage("dynamics365", "changed", "c", record_id="1", observed={"n": "x" * (MAX_BYTES - 500)})
    assert DealMessage.load(message.dump()).observed == message.observed


def test_half_of_an_emoji_in_a_column_does_not_stop_the_deal() -> None:
    # Cutting texts by UTF-16 units, as other programs do, leaves such halves behind.
    message = DealMessage("dynamics365", "changed", "c", record_id="1", observed={"notes": "cut \ud83d"})
    message.dump().encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        "5",
        "null",
        '"text"',
        "{}",
        '{"source": "partner_center"}',
        '{"referral_id": "r"}',
        '{"source": "partner_center", "referral_id": "", "record_id": null}',
    ],
)
def test_what_is_no_message_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - JSON's own error is one
        DealMessage.load(text)


@pytest.mark.parametrize(
    "odd",
    [{"referral_id": 5}, {"referral_id": ["r"]}, {"source": 7}, {"observed": "text"}, {"reason": None}],
)
def test_a_member_of_another_type_is_refused(odd: dict[str, object]) -> None:
    content = {"source": "partner_center", "referral_id": "r", **odd}
    with pytest.raises(ValueError, match="message"):
        DealMessage.load(json.dumps(content))


def test_members_of_a_later_version_are_ignored() -> None:
    read = DealMessage.load('{"source": "dynamics365", "record_id": "1", "priority": 9}')
    assert read == DealMessage("dynamics365", "", "", record_id="1")
