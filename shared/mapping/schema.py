"""The JSON Schema of mapping files: what an editor completes and underlines (`mapping.schema.json`)."""

from __future__ import annotations

import copy
import json
from typing import Any

from shared.mapping.model import MappingFile

Schema = dict[str, Any]

_OVERLAY = "Overlay"
_ROWS = ("Pair", "FieldRow")


def json_schema() -> Schema:
    """Return the schema: of a whole file, or of one that says `overlay: true` and names only what differs."""
    whole = MappingFile.model_json_schema()
    parts: Schema = {**whole.pop("$defs"), "MappingFile": whole}
    parts |= {f"{_OVERLAY}{name}": _as_overlay(name, part) for name, part in parts.items() if part["type"] == "object"}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Co-sell synchronization: mapping file",
        "if": {"properties": {"overlay": {"const": True}}, "required": ["overlay"]},
        "then": {"$ref": f"#/$defs/{_OVERLAY}MappingFile"},
        "else": {"$ref": "#/$defs/MappingFile"},
        "$defs": parts,
    }


def dump() -> str:
    """Return the schema as the text of `mapping.schema.json`."""
    return json.dumps(json_schema(), indent=2) + "\n"


def _as_overlay(name: str, part: Schema) -> Schema:
    """Return an object's schema with nothing required but what names it, and null to go back to the default."""
    content = copy.deepcopy(part)
    members = {key: _or_nothing(_renamed(member)) for key, member in content["properties"].items()}
    if name in _ROWS:
        members["remove"] = {"type": "boolean", "description": "Take the row away."}
    needed = {"MappingFile": ["overlay", "version"], **{key: ["field"] for key in _ROWS}}.get(name, [])
    return {**content, "properties": members, "required": needed}


def _or_nothing(member: Schema) -> Schema:
    return {
        "anyOf": [member, {"type": "null"}],
        **({"description": member["description"]} if "description" in member else {}),
    }


def _renamed(node: Any) -> Any:
    """Return a schema whose references lead to the overlay's parts; enumerations have none."""
    if isinstance(node, dict):
        return {key: _target(value) if key == "$ref" else _renamed(value) for key, value in node.items()}
    return [_renamed(each) for each in node] if isinstance(node, list) else node


def _target(reference: str) -> str:
    name = reference.rsplit("/", 1)[1]
    return reference if name == "Policy" else f"#/$defs/{_OVERLAY}{name}"
