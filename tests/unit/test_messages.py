"""The catalogue is whole in every language, and a sentence says in each what the source gives it."""

from __future__ import annotations

import ast
import re
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import pytest

import shared.messages
from shared.messages import ENGLISH, LANGUAGES, Messages, catalogue
from shared.messages.plain import plain, units
from shared.messages.reasons import Reason
from shared.problems import problem
from tests.support.catalogue import calls, of_template, placeholders

ROOT = Path(__file__).resolve().parents[2]
OTHERS = [language for language in LANGUAGES if language != ENGLISH]
SECTIONS = ("labels", "words", "problems", "reasons", "texts")
UNSAID = {"who", "gone", "short"}
"""What need not be said in every language."""
PARTS = {"rule", "remedy", "short"}


def entries(language: str) -> dict[tuple[str, ...], str]:
    """Return every sentence of a language by its place in the file."""
    found: dict[tuple[str, ...], str] = {}
    for section in SECTIONS:
        for key, entry in getattr(catalogue(language), section).items():
            parts = {(): entry} if isinstance(entry, str) else {(name,): text for name, text in entry.items()}
            found |= {
                (section, key, *part): text
                for part, text in parts.items()
                if part not in {("who",), ("gone",), ("short",)}
            }
    return found


ENTRIES = entries(ENGLISH)


# --- the files -------------------------------------------------------------------------------------------------------


def test_there_is_a_file_for_every_language_and_no_other() -> None:
    folder = Path(shared.messages.__file__).parent
    assert {path.stem for path in folder.glob("*.toml")} == set(LANGUAGES)


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_every_sentence_and_no_other(language: str) -> None:
    assert entries(language).keys() == ENTRIES.keys()


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_names_the_same_values(language: str) -> None:
    wrong = {key for key, text in entries(language).items() if of_template(text) != of_template(ENTRIES[key])}
    assert not wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_short_remedy_names_no_other_value(language: str) -> None:
    for code, parts in catalogue(language).problems.items():
        assert of_template(parts.get("short", "")) <= of_template(catalogue(ENGLISH).problems[code]["remedy"]), code


def test_korean_is_korean() -> None:
    hangul = re.compile("[가-힣]")
    names = {"externalReferenceId", "crm", "partner_center"}
    english = {
        key
        for key, text in entries("ko").items()
        if not hangul.search(re.sub(r"{[^}]*}", "", text)) and key[1] not in names and not key[1].startswith("audit.")
    }
    assert english == {("texts", "status.because")}


def test_every_reason_has_a_key_and_every_key_a_reason() -> None:
    assert set(catalogue(ENGLISH).reasons) == set(Reason)


def test_every_cause_that_is_decided_has_the_same_ends() -> None:
    ends = {cause: {key.partition(".")[2] for key in Reason if key.startswith(f"{cause}.")} for cause in CAUSES}
    assert ends["differed"] | {"crm_partial"} == ends["remapped"]
    assert ends["both_changed"] <= ends["differed"]


CAUSES = ("both_changed", "differed", "remapped")


def test_every_problem_has_its_parts_and_somebody_to_put_it_right() -> None:
    for code, parts in catalogue(ENGLISH).problems.items():
        assert {"rule", "remedy", "who", "gone"} <= parts.keys() <= PARTS | {"who", "gone"}, code
        assert Messages().word(parts["who"]), code
        assert re.fullmatch(r"[a-z_]+\.[a-z_]+", code)
        assert not parts["rule"].endswith("."), code
        assert parts["remedy"].endswith("."), code


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_uses_only_format_specs_that_there_are(language: str) -> None:
    specs = set(chain.from_iterable(of_template(text) for text in entries(language).values()))
    assert {spec for _, spec in specs} <= {"", "word", "fields"}


# --- saying something ------------------------------------------------------------------------------------------------


def test_a_language_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'xx'.*en, ko"):
        Messages("xx")


def test_what_a_language_lacks_is_said_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(catalogue("ko").texts, "status.paused")
    monkeypatch.delitem(catalogue("ko").labels, "notes")
    monkeypatch.delitem(catalogue("ko").problems, "deal.value_missing")
    korean = Messages("ko")
    assert korean.text("status.paused") == Messages().text("status.paused")
    assert korean.label("notes") == "Notes"
    assert korean.rule(problem("deal.value_missing", "deal_value")) == "Partner Center requires a deal value"


def test_a_key_that_no_language_has_is_an_error() -> None:
    for say in (Messages("ko").text, Messages("ko").reason, Messages("ko").word):
        with pytest.raises(KeyError, match="no_such"):
            say("no_such")


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(KeyError, match="text"):
        Messages().text("alert.raised")


@pytest.mark.parametrize(
    ("field", "label", "name"),
    [
        ("deal_value", "Deal value", "deal value"),
        ("microsoft_crm_identifier", "Microsoft CRM Identifier", "Microsoft CRM Identifier"),
        ("partner_region", "Partner region", "partner region"),
        ("Amount", "Amount", "Amount"),
        ("Partner_Region__c", "Partner_Region__c", "Partner_Region__c"),
    ],
)
def test_a_field_has_a_name_that_people_know(field: str, label: str, name: str) -> None:
    assert (Messages().label(field), Messages().name(field)) == (label, name)


def test_korean_names_korean_fields_and_keeps_a_customers_own() -> None:
    assert Messages("ko").label("deal_value") == "거래 금액"
    assert Messages("ko").label("partner_region") == "Partner region"


def test_words_and_fields_within_a_sentence_are_translated() -> None:
    found = problem("contact.incomplete", "contact", parts="first_name, phone")
    assert Messages().rule(found) == "to invite Microsoft, Partner Center requires first name, phone"
    assert Messages("ko").rule(found).endswith("이름, 전화번호")
    side = problem("value.not_a_number", "deal_value", side="partner_center")
    assert Messages().remedy(side) == "Correct deal value in Partner Center."
    assert Messages("ko").remedy(side) == "Partner Center에서 거래 금액 값을 수정하세요."


def test_a_value_in_a_text_cannot_begin_a_line() -> None:
    said = Messages().reason(Reason.ANSWERED_OTHERWISE, value="5\n2026-11-28 10:00 UTC  forged")
    assert said == "Partner Center answered with 5 2026-11-28 10:00 UTC forged"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", list(Reason))
def test_every_reason_is_said(language: str, key: Reason) -> None:
    values = dict.fromkeys(placeholders("reasons", key), "crm")
    assert Messages(language).reason(key, **values)


def test_who_puts_a_problem_right() -> None:
    assert Messages().who(problem("crm.row_unreadable", "currency", crm="Dynamics 365")) == "CRM admin"
    assert Messages("ko").who(problem("deal.value_missing", "deal_value")) == "판매 담당자"


def test_every_sentence_that_the_source_asks_for_is_there_with_its_values() -> None:
    asked = {place: call for place, call in calls(ROOT / "shared") if isinstance(call.func, ast.Attribute)}
    for place, call in asked.items():
        key = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
        if getattr(call.func, "attr", "") == "text" and isinstance(key, str):
            assert {keyword.arg for keyword in call.keywords} == placeholders("texts", key), place


# --- plain text ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "limit", "expected"),
    [
        ("a\tb\r\n c", None, "a b c"),
        ("한국어 메모", 4, "한국어…"),
        ("😀" * 10, 5, "😀😀…"),
        ("x" * 80, 80, "x" * 80),
        (None, None, "None"),
    ],
)
def test_plain_text_is_one_line_of_at_most_its_length(value: object, limit: int | None, expected: str) -> None:
    assert plain(value, limit) == expected
    assert limit is None or units(expected) <= limit


def test_the_files_are_read_when_a_sentence_is_needed_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue.cache_clear()
    read: list[str] = []
    load = tomllib.load

    def noted(file: BinaryIO) -> dict[str, Any]:
        read.append(Path(file.name).stem)
        return load(file)

    monkeypatch.setattr(tomllib, "load", noted)
    messages = Messages("ko")
    assert read == []
    for _ in range(3):
        messages.text("status.paused")
        messages.label("partner_region")
    assert sorted(read) == ["en", "ko"]
