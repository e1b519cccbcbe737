"""FieldMap a deal of twenty fields both ways: our compiled rows, and JMESPath with the same codecs as functions.

The peer is what one would write with jmespath alone: one compiled expression per direction, a multi-select hash that
follows the same paths and passes each value through a custom function. The functions are our own codecs, so both
sides validate and normalize alike and their outputs are equal; what differs is how a path is followed and a row is
dispatched.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jmespath
from jmespath.functions import Functions, signature

from shared.deal import HELP
from shared.mapping.field_map import FieldMap
from shared.mapping.loading import load_mapping
from shared.mapping.rows import Row, put_path
from tools.bench.rounds import Result, compare

TARGET = 10.0
"""How many times faster than jmespath (design, quality bars)."""

Json = dict[str, Any]


def run(rounds: int) -> Result:
    """Measure. Raises AssertionError when the two disagree about a single value."""
    mapping = load_mapping("dynamics365", Path(__file__).parent)
    body, columns = sample(mapping)
    ours, theirs = compiled(mapping), peer(mapping)
    assert ours(body, columns) == theirs(body, columns), "jmespath and the mapping disagree"  # noqa: S101
    return compare(
        f"mapping of {len(mapping.rows)} fields, both ways",
        {"mapping": lambda: ours(body, columns), "jmespath": lambda: theirs(body, columns)},
        rounds,
        TARGET,
    )


def compiled(mapping: FieldMap) -> Callable[[Json, Json], tuple[Json, Json]]:
    """Return our way: referral to columns, and columns to referral."""

    def both(body: Json, columns: Json) -> tuple[Json, Json]:
        to_crm = mapping.record_values(mapping.read_referral(body)[0])
        return to_crm, mapping.referral_body(mapping.read_record(columns)[0])

    return both


def peer(mapping: FieldMap) -> Callable[[Json, Json], tuple[Json, Json]]:
    """Return jmespath's way to the same two documents."""
    options = jmespath.Options(custom_functions=_functions(mapping))
    to_crm = jmespath.compile(
        _hash({row.pair.column: f"crm_{row.name}({row.pair.referral})" for row in _rows(mapping)})
    )
    nested: Json = {}
    for row in _rows(mapping):
        if row.name != HELP:
            put_path(nested, row.path, f"pc_{row.name}({row.pair.column})")
    to_referral = jmespath.compile(_hash(nested))

    def both(body: Json, columns: Json) -> tuple[Json, Json]:
        return to_crm.search(body, options=options), to_referral.search(columns, options=options)

    return both


def _rows(mapping: FieldMap) -> list[Row]:
    return list(mapping.rows.values())


def _hash(members: Json) -> str:
    """Write a multi-select hash; its members are expressions or hashes again."""
    written = (f"{json.dumps(key)}: {_hash(each) if isinstance(each, dict) else each}" for key, each in members.items())
    return f"{{{', '.join(written)}}}"


def _functions(mapping: FieldMap) -> Functions:
    """Return jmespath functions that spell each row's value for one side."""
    members: dict[str, object] = {}
    for row in _rows(mapping):
        codec = row.codec
        members[f"_func_crm_{row.name}"] = signature({"types": []})(
            lambda _self, wire, codec=codec: codec.to_record(codec.from_referral(wire))
        )
        members[f"_func_pc_{row.name}"] = signature({"types": []})(
            lambda _self, wire, codec=codec: codec.to_referral(codec.from_record(wire), None)
        )
    made: Functions = type("CodecFunctions", (Functions,), members)()
    return made


def sample(mapping: FieldMap) -> tuple[Json, Json]:
    """Return a referral in which every mapped field is filled, and the columns that correspond."""
    body: Json = {}
    for name, value in _VALUES.items():
        put_path(body, mapping.rows[name].path, copy.deepcopy(value))
    columns: Json = mapping.record_values(mapping.read_referral(body)[0]) | {"statecode": 0, "statuscode": 1}
    return body, columns


_VALUES: Json = {
    "name": "Northwind analytics rollout",
    "deal_value": 42000.5,
    "currency": "GBP",
    "closing_date": "2026-03-31T00:00:00Z",
    "notes": "Phase one scoping with R&amp;D\nSecond line",
    "solutions": [{"id": "SOL-20311-QXT", "name": "Insight Hub", "type": "Name"}],
    "visible_to_microsoft": True,
    "help": "ProofOfConceptOrDemo",
    "microsoft_crm_identifier": "6-AB12CD34E",
    "referral_program": "CoSell",
    "crm_id": "crm-000417",
    "campaign": "FY26-Analytics",
    "sales_stage": "Develop",
    "reason": "Budget approved",
    "customer": "Northwind Traders",
    "city": "Leeds",
    "postal_code": "LS1 4DL",
    "country": "GB",
    "may_contact": True,
    "accepted_on": "2026-01-05T09:12:44Z",
}
