"""A status is a complete sentence of at most 100 characters, with what to do first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.messages import ENGLISH, LANGUAGES, Messages, catalogue
from shared.messages.plain import units
from shared.messages.reasons import Reason
from shared.messages.waiting import Waiting
from shared.problems import Problem, problem
from shared.status import GLYPHS, LONGEST, Status, StatusKind, attention, differs, paused, pending, synchronized
from tests.support.catalogue import placeholders

AT = datetime(2026, 11, 28, 21, 5, tzinfo=UTC)
ENGLISH_MESSAGES = Messages()
PROBLEMS = catalogue(ENGLISH).problems
FIELDS = sorted(catalogue(ENGLISH).labels)
LONG_FIELDS = (*FIELDS, "a_field_of_the_customers_own_with_a_name_that_is_far_longer_than_any_label_should_be")
WORDS = {"side", "stage", "referral", "record"}


def fits(status: Status, kind: StatusKind) -> bool:
    """Whether the status is one line that begins with its glyph, has no gap, and the column holds it."""
    return (
        status.kind is kind
        and status.text.startswith(f"{GLYPHS[kind]} ")
        and units(status.text) <= LONGEST
        and status.text.isprintable()
        and "{" not in status.text
    )


def values_for(section: str, key: str, long: str) -> dict[str, object]:
    """Return a value for every placeholder; words of the catalogue where it may expect one."""
    return {name: "partner_center" if name in WORDS else long for name in placeholders(section, key)}


def made(code: str, field: str, long: str) -> Problem:
    """Return a problem with every value as long as they get."""
    values = values_for("problems", code, long)
    values.pop("field", None)
    if "parts" in values:
        values["parts"] = "first_name, last_name, phone, email"
    return problem(code, field, **values)


# --- synchronized ----------------------------------------------------------------------------------------------------


def test_synchronized_says_since_when() -> None:
    assert synchronized(ENGLISH_MESSAGES, AT) == Status(StatusKind.SYNCHRONIZED, "✔ Synchronized 2026-11-28 21:05 UTC")


def test_a_moment_is_shown_in_utc() -> None:
    local = AT.astimezone(timezone(timedelta(hours=9)))
    assert synchronized(ENGLISH_MESSAGES, local) == synchronized(ENGLISH_MESSAGES, AT)


def test_kept_differences_are_named_while_there_is_room_and_then_counted() -> None:
    assert synchronized(ENGLISH_MESSAGES, AT, ("name",)).text == "✔ Synchronized 2026-11-28 21:05 UTC; kept: name"
    two = synchronized(ENGLISH_MESSAGES, AT, ("name", "deal_value"))
    assert two.text == "✔ Synchronized 2026-11-28 21:05 UTC; kept: name, deal value"
    many = synchronized(ENGLISH_MESSAGES, AT, FIELDS)
    assert many.text == f"✔ Synchronized 2026-11-28 21:05 UTC; kept: {len(FIELDS)} fields, see Audit"


# --- differs ---------------------------------------------------------------------------------------------------------


def test_a_difference_says_what_to_do_first() -> None:
    found = differs(ENGLISH_MESSAGES, Reason.BOTH_CHANGED_HELD, ("deal_value", "notes"))
    assert found == Status(StatusKind.DIFFERS, "◐ Set the same value on both sides: deal value, notes")


def test_a_difference_without_a_sentence_of_its_own_repeats_the_reason() -> None:
    found = differs(ENGLISH_MESSAGES, Reason.COPY_REFUSED, ("notes",), record="hello")
    assert found.text == "◐ notes: not shared: it is a copy of the record hello"


def test_a_reason_that_is_too_long_gives_way_to_the_fields_and_these_to_their_number() -> None:
    found = differs(ENGLISH_MESSAGES, Reason.COPY_REFUSED, ("notes",), record="x" * 90)
    assert found.text == "◐ Not the same on both sides: notes. See Audit."
    many = differs(ENGLISH_MESSAGES, Reason.COPY_REFUSED, FIELDS, record="x" * 90)
    assert many.text == f"◐ {len(FIELDS)} fields are not the same on both sides. See Audit."


# --- pending, paused -------------------------------------------------------------------------------------------------


def test_the_undo_window_says_how_to_cancel() -> None:
    found = pending(ENGLISH_MESSAGES, Waiting.CLOSE, stage="won", at="14:20")
    assert found == Status(StatusKind.PENDING, "⏳ Won goes to Microsoft at 14:20 UTC; reopen to cancel")


def test_every_wait_of_the_catalogue_has_a_key() -> None:
    keys = {key.partition(".")[2] for key in catalogue(ENGLISH).texts if key.startswith("pending.")}
    assert keys == set(Waiting)


USUAL = {"stage": "won", "at": "2026-11-28 14:20", "hours": 72, "dollars": 25_000}
"""What the sentences about waiting name."""


def test_nobody_is_said_to_be_notified_but_by_the_one_key_for_it() -> None:
    told = {each for each in Waiting if "notified" in pending(ENGLISH_MESSAGES, each, **USUAL).text}
    assert told == {Waiting.ADMINISTRATOR_NOTIFIED}


def test_paused() -> None:
    assert paused(ENGLISH_MESSAGES) == Status(StatusKind.PAUSED, "⏸ Paused: Sync with Partner Center is off")


# --- attention -------------------------------------------------------------------------------------------------------

VALUE = problem("deal.value_missing", "deal_value")
SOLUTIONS = problem("deal.solutions_missing", "solutions")


def test_what_to_do_comes_first() -> None:
    assert attention(ENGLISH_MESSAGES, (VALUE,)) == Status(StatusKind.ATTENTION, "✖ Enter the estimated value.")


def test_more_problems_are_counted_where_there_is_room() -> None:
    found = attention(ENGLISH_MESSAGES, (VALUE, SOLUTIONS, VALUE))
    assert found.text == "✖ Enter the estimated value. + 2 more: see Audit"


def test_a_remedy_that_leaves_no_room_for_the_number_stands_alone() -> None:
    crowded = problem("crm.row_missing", "currency", crm="y" * 24, key="z" * 24)
    found = attention(ENGLISH_MESSAGES, (crowded, VALUE))
    assert found.text == f"✖ {ENGLISH_MESSAGES.remedy(crowded)}"


def test_a_long_remedy_gives_way_to_its_short_form() -> None:
    contact = problem("contact.incomplete", "contact", parts="first_name, last_name, phone, email")
    assert len(ENGLISH_MESSAGES.remedy(contact)) < LONGEST
    assert attention(ENGLISH_MESSAGES, (contact,)).text == f"✖ {ENGLISH_MESSAGES.remedy(contact)}"
    owner = problem("owner.incomplete", "owner", parts="first_name, last_name")
    assert attention(ENGLISH_MESSAGES, (owner,)).text == (
        "✖ Complete the record owner's user. It is checked again by itself, or once you save the record."
    )


def test_no_problem_still_says_that_somebody_is_needed() -> None:
    assert attention(ENGLISH_MESSAGES, ()).text == "✖ See Audit: this deal needs you."


# --- whatever comes --------------------------------------------------------------------------------------------------

LONG = ["v" * 300, "가" * 300, "😀" * 300, "a b\n" * 80]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("long", LONG, ids=["ascii", "hangul", "emoji", "lines"])
@pytest.mark.parametrize("code", PROBLEMS)
def test_every_problem_says_what_to_do_in_a_status_however_long_its_values(code: str, long: str, language: str) -> None:
    messages = Messages(language)
    for field in ("deal_value", long):
        found = made(code, field, long)
        for others in ((), (VALUE, SOLUTIONS)):
            status = attention(messages, (found, *others))
            assert fits(status, StatusKind.ATTENTION)
            remedies = (messages.remedy(found), messages.short_remedy(found))
            assert status.text.removeprefix("✖ ").startswith(remedies), "the remedy is whole"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("long", LONG, ids=["ascii", "hangul", "emoji", "lines"])
@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_fits_into_a_status(reason: Reason, long: str, language: str) -> None:
    for fields in (("name",), LONG_FIELDS):
        status = differs(Messages(language), reason, fields, **values_for("reasons", reason, long))
        assert fits(status, StatusKind.DIFFERS)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", list(Waiting))
def test_every_wait_fits_into_a_status(key: Waiting, language: str) -> None:
    for long in LONG:
        status = pending(Messages(language), key, **values_for("texts", f"pending.{key}", long))
        assert fits(status, StatusKind.PENDING)
    usual = pending(Messages(language), key, **USUAL)
    assert usual.text != f"⏳ {Messages(language).text('status.wait')}", "its own sentence has room"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_other_statuses_fit(language: str) -> None:
    messages = Messages(language)
    assert fits(paused(messages), StatusKind.PAUSED)
    for kept in ((), ("name",), LONG_FIELDS, LONG_FIELDS * 100):
        assert fits(synchronized(messages, AT, kept), StatusKind.SYNCHRONIZED)


def test_every_difference_with_a_sentence_of_its_own_has_a_reason() -> None:
    own = {key.removeprefix("differs.") for key in catalogue(ENGLISH).texts if key.startswith("differs.")}
    assert own <= set(Reason)
