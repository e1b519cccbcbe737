"""Paths into JSON documents."""

from __future__ import annotations

import pytest

from shared.mapping.rows import get_path, put_path


def test_paths_are_followed_through_objects_only() -> None:
    assert get_path({"a": {"b": 1}}, ("a", "b")) == 1
    assert get_path({"a": None}, ("a", "b")) is None
    assert get_path({"a": [1]}, ("a", "b")) is None
    assert get_path(None, ("a",)) is None


def test_paths_are_made_on_the_way() -> None:
    body: dict[str, object] = {"a": {"x": 1}}
    put_path(body, ("a", "b", "c"), 2)
    assert body == {"a": {"x": 1, "b": {"c": 2}}}
    with pytest.raises(TypeError):
        put_path(body, ("a", "x", "y"), 3)
