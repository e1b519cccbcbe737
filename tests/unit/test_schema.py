"""The published schema says what the loader says: of whole files, and of overlays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from shared.errors import MappingError
from shared.mapping.loading import BUILT_IN, load_mapping
from shared.mapping.schema import dump, json_schema

SCHEMA = Draft7Validator(json_schema())
FILES = sorted(BUILT_IN.glob("*.yaml"))


def errors(text: str) -> list[str]:
    return [error.message for error in SCHEMA.iter_errors(yaml.safe_load(text))]


def test_what_is_published_is_what_the_model_says() -> None:
    published = (BUILT_IN / "mapping.schema.json").read_text(encoding="utf-8")
    assert published == dump(), "write it anew: python3 cosell.py lint --schema > shared/mapping/mapping.schema.json"


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(json_schema())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_built_in_files_are_valid_and_name_it(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.splitlines()[0] == "# yaml-language-server: $schema=mapping.schema.json"
    assert errors(text) == []


OVERLAYS = {
    "a row of one's own": """
fields:
  - {field: campaign, referral: campaignId, column: new_campaign, codec: text, to_crm: [create], to_partner_center: [],
     conflict: crm}""",
    "one key of a row": "fields: [{field: notes, to_partner_center: [create]}]",
    "a row taken away": "fields: [{field: referral_program, remove: true}]",
    "a key back to its default": "fields: [{field: notes, default: }]",
    "other columns": "columns: {sync: msft_syncwithpartnercenter}",
    "a condition": "sync_when: {record: estimatedvalue >= `10000`}",
    "a stage": "status: {won: [{statecode: 1, statuscode: 100000}]}",
    "an account's column": "account: {fields: [{field: country, column: new_countrycode}]}",
}


@pytest.mark.parametrize("body", OVERLAYS.values(), ids=OVERLAYS.keys())
def test_overlays_are_valid_for_the_schema_and_for_the_loader(body: str, tmp_path: Path) -> None:
    text = f"overlay: true\nversion: mine\n{body}\n"
    assert errors(text) == []
    (tmp_path / "dynamics365.yaml").write_text(text, encoding="utf-8")
    load_mapping("dynamics365", tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("overlay: true\nversion: v\nfields: [{column: x}]", "'field' is a required property"),
        ("overlay: true\nversion: v\nfields: [{field: notes, colum: x}]", "colum"),
        ("overlay: true\ncolumns: {}", "'version' is a required property"),
        ("overlay: true\nversion: v\nfields: [{field: notes, codec: txt}]", "txt"),
        ("version: v\ntable: opportunity", "'fields' is a required property"),
    ],
)
def test_a_mistake_is_one_for_the_schema_and_for_the_loader(text: str, told: str, tmp_path: Path) -> None:
    assert told in " ".join(_deep(text))
    (tmp_path / "dynamics365.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(MappingError):
        load_mapping("dynamics365", tmp_path)


def _deep(text: str) -> list[str]:
    """Every message, also of the branches that an `anyOf` tried."""
    found: list[str] = []

    def walk(error: Any) -> None:
        found.append(error.message)
        for inner in error.context or ():
            walk(inner)

    for error in SCHEMA.iter_errors(yaml.safe_load(text)):
        walk(error)
    return found
