"""local.settings.json: read as Core Tools reads it, and changed without touching anything else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.stand_ins import UNHURRIED
from tools.admin.jsonc import plain, with_values

MARKED = "\ufeff"


@pytest.mark.parametrize(
    "text",
    [
        '{"Values": {"A": "1"}}',
        '{"Values": {"A": "1",}}',
        '{// why\n"Values": {"A": "1" /* because, */}}',
        MARKED + '{"Values": {"A": "1"}}',
        '{"Values": {"A": "1"\n // "A": "2"\n}}',
    ],
)
def test_comments_commas_and_marks_are_forgotten(text: str) -> None:
    assert json.loads(plain(text))["Values"] == {"A": "1"}
    assert len(plain(text)) == len(text)


@pytest.mark.parametrize("value", ["http://a//b", "/* no comment */", 'a \\" // b', "a,}", "\\"])
def test_what_looks_like_a_comment_in_a_string_is_none(value: str) -> None:
    text = json.dumps({"Values": {"A": value}})
    assert json.loads(plain(text)) == {"Values": {"A": value}}


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=5), st.text(max_size=8), st.text(max_size=8))
@UNHURRIED
def test_one_value_changes_and_the_rest_stays(values: dict[str, str], name: str, value: str) -> None:
    text = (
        "// before\n" + json.dumps({"IsEncrypted": False, "Values": values, "Host": {"Port": 1}}, indent=2) + "\n// end"
    )
    changed = with_values(text, {name: value})
    assert json.loads(plain(changed)) == {"IsEncrypted": False, "Values": {**values, name: value}, "Host": {"Port": 1}}
    assert changed.startswith("// before\n")
    assert changed.endswith("\n// end")


def test_a_value_of_another_type_is_replaced_whole() -> None:
    assert json.loads(with_values('{"Values": {"A": {"b": [1]}, "C": null}}', {"A": "x"})) == {
        "Values": {"A": "x", "C": None}
    }


@pytest.mark.parametrize("text", ["[]", "{}", '{"Values": []}', '{"Values": {"A": 1}, "Values": {}}', "{", ""])
def test_what_cannot_be_changed_safely_is_not_changed(text: str) -> None:
    with pytest.raises(ValueError, match=r"Values|Expecting|changed"):
        with_values(text, {"A": "x"})


def test_a_name_elsewhere_in_the_file_is_left_alone() -> None:
    text = '{"A": "outside", "Values": {"B": "1"}, "More": {"A": "after"}}'
    with pytest.raises(ValueError, match="without changing something else"):
        with_values(text, {"A": "x"})
