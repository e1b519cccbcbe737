"""Every decision record has its form and its place in the index."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "decisions"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
HEAD = re.compile(
    r"# (\d+)\. .+\n\nStatus: (proposed|accepted|superseded by \d+)\. Date: \d{4}-\d\d-\d\d\.\n\n## Decision\n"
)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_record_has_its_form(record: Path) -> None:
    text = record.read_text("utf-8")
    head = HEAD.match(text)
    assert head is not None
    assert int(head[1]) == int(record.name[:4])
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Decision", "Alternatives", "Consequences"]
    assert all(re.search(rf"^## {part}\n\n- ", text, re.MULTILINE) for part in ("Alternatives", "Consequences"))


def test_the_index_has_every_record_once_with_its_title() -> None:
    rows = re.findall(r"^\| \[(\d{4})\]\((.+?)\) \| (.+) \|$", (FOLDER / "README.md").read_text("utf-8"), re.MULTILINE)
    assert rows == [(r.name[:4], r.name, r.read_text("utf-8").splitlines()[0].split(". ", 1)[1]) for r in RECORDS]
