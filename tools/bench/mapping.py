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
from shared.mapping.rows import CompiledRow, get_path, put_path
from tools.bench.rounds import medians
from tools.bench.rows import Row

TARGET = 10.0
"""How many times faster than jmespath (design, quality bars)."""

Json = dict[str, Any]


def run(rounds: int) -> list[Row]:
    """Measure. Raises AssertionError when the two disagree about a single value."""
    field_map = load_mapping("dynamics365", Path(__file__).parent)
    body, columns = sample(field_map)
    ours, theirs = compiled(field_map), peer(field_map)
    assert ours(body, columns) == theirs(body, columns), "jmespath and the mapping disagree"  # noqa: S101
    contenders = {
        "ours": lambda: ours(body, columns),
        "jmespath": lambda: theirs(body, columns),
        "codecs": codecs_alone(field_map, body, columns),
    }
    micros = medians(contenders, rounds)
    name = f"mapping of {len(field_map.rows)} fields, both ways"
    return [
        Row(name, micros["ours"], "µs", TARGET, peer="jmespath", peer_figure=micros["jmespath"]),
        Row(
            "of it the codecs, which both call", micros["codecs"], "µs", peer="jmespath", peer_figure=micros["jmespath"]
        ),
    ]


def compiled(field_map: FieldMap) -> Callable[[Json, Json], tuple[Json, Json]]:
    """Return our way: referral to columns, and columns to referral."""

    def both(body: Json, columns: Json) -> tuple[Json, Json]:
        to_crm = field_map.record_values(field_map.read_referral(body)[0])
        return to_crm, field_map.referral_body(field_map.read_record(columns)[0])

    return both


def codecs_alone(field_map: FieldMap, body: Json, columns: Json) -> Callable[[], None]:
    """Return what passes each value through its codec, without looking for it: no mapping with them takes less."""
    rows = _rows(field_map)
    inward = [(each.codec.from_referral, each.codec.to_record, get_path(body, each.path)) for each in rows]
    outward = [(each.codec.from_record, each.codec.to_referral, columns[each.pair.column]) for each in rows]

    def spell() -> None:
        for read, write, wire in inward:
            write(read(wire))
        for read, spelled, wire in outward:
            spelled(read(wire), None)

    return spell


def peer(field_map: FieldMap) -> Callable[[Json, Json], tuple[Json, Json]]:
    """Return jmespath's way to the same two documents."""
    options = jmespath.Options(custom_functions=_functions(field_map))
    to_crm = jmespath.compile(
        _hash({row.pair.column: f"crm_{row.name}({row.pair.referral})" for row in _rows(field_map)})
    )
    nested: Json = {}
    for row in _rows(field_map):
        if row.name != HELP:
            put_path(nested, row.path, f"pc_{row.name}({row.pair.column})")
    to_referral = jmespath.compile(_hash(nested))

    def both(body: Json, columns: Json) -> tuple[Json, Json]:
        return to_crm.search(body, options=options), to_referral.search(columns, options=options)

    return both


def _rows(field_map: FieldMap) -> list[CompiledRow]:
    return list(field_map.rows.values())


def _hash(members: Json) -> str:
    """Write a multi-select hash; its members are expressions or hashes again."""
    written = (f"{json.dumps(key)}: {_hash(each) if isinstance(each, dict) else each}" for key, each in members.items())
    return f"{{{', '.join(written)}}}"


def _functions(field_map: FieldMap) -> Functions:
    """Return jmespath functions that spell each row's value for one side."""
    members: dict[str, object] = {}
    for row in _rows(field_map):
        codec = row.codec
        members[f"_func_crm_{row.name}"] = signature({"types": []})(
            lambda _self, wire, codec=codec: codec.to_record(codec.from_referral(wire))
        )
        members[f"_func_pc_{row.name}"] = signature({"types": []})(
            lambda _self, wire, codec=codec: codec.to_referral(codec.from_record(wire), None)
        )
    made: Functions = type("CodecFunctions", (Functions,), members)()
    return made


def sample(field_map: FieldMap) -> tuple[Json, Json]:
    """Return a referral in which every mapped field is filled, and the columns that correspond."""
    body: Json = {}
    for name, value in _VALUES.items():
        put_path(body, field_map.rows[name].path, copy.deepcopy(value))
    columns: Json = field_map.record_values(field_map.read_referral(body)[0]) | {"statecode": 0, "statuscode": 1}
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
