"""Sentences that people stumbled over at first use do not come back; docs/FEATURES.md, "First use", has the story."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("shared", "tools", "docs", "RegisterWebhook", "StatusPage", "README.md", "CHANGELOG.md", "cosell.py")
KINDS = {".py", ".toml", ".html", ".md", ".yaml"}
OLD = (
    "Look at it afresh",
    "lets Partner Center not in",
    "Partner Center could not be asked",
    "asked us to wait",
    "asked us to slow down",
    "send the form again",
    "must name at least one event",
    "The present registration",
    "Registered before",
    "gets no events any more",
    "has not told of any attempt",
    "found by the sweep alone",
    "must not hold blanks",
    "Nothing stands in the way",
    "not looked at: its refresh token",
    "Settle what is refused",
    "only the CRMs that it names",
    "is no JMESPath expression",
    "for being right",
    "by a client secret, as its app's run-as user",
    "is not answering; it is tried again",
    "waiting for an administrator, who",
    "who has been told",
    "cannot be without it",
    "yes cannot be taken back",
    "a person decides by making both equal",
    "a deal is only won with",
    "Microsoft is only invited with",
    "Co-sell sync is well again",
    "None has ever come",
    "cannot be brought to the CRM",
    "about to overwrite",
)
TEXTS = {
    path.relative_to(ROOT): path.read_text(encoding="utf-8")
    for place in PLACES
    for path in ([ROOT / place] if (ROOT / place).is_file() else sorted((ROOT / place).rglob("*")))
    if path.suffix in KINDS and path.name != "FEATURES.md"  # which quotes what was found
}


def test_the_sentences_are_looked_for_where_people_read_them() -> None:
    assert {"shared/messages/en.toml", "README.md", "shared/webhook/pages/registration.html"} <= set(map(str, TEXTS))


@pytest.mark.parametrize("sentence", OLD)
def test_an_old_sentence_does_not_come_back(sentence: str) -> None:
    assert [str(path) for path, text in TEXTS.items() if sentence in text] == []
