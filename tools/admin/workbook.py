"""infra/workbook.json, made from the queries beside it: one place for each query, readable in a review."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

QUERIES = Path(__file__).resolve().parents[2] / "infra" / "queries"

PARTS = (
    ("runs", "Functions", "timechart"),
    ("freshness", "How long changes take, each way", "timechart"),
    ("backlog", "What waits", "timechart"),
    ("outcomes", "What became of deals", "table"),
    ("failures-by-problem", "What is wrong with deals", "table"),
    ("outgoing-calls", "Outgoing calls", "table"),
    ("quota", "Calls and refusals for being too many", "timechart"),
    ("refusals-by-reason", "Refused events", "table"),
    ("alerts-raised", "Alerts", "table"),
    ("one-deal", "One deal (enter an id above)", "table"),
)
"""File, title and way of showing, from the whole to the single deal."""

INTRODUCTION = (
    "# Co-sell synchronization\n"
    "Log lines hold ids, codes and times, never values of a deal. A query is also a file in `infra/queries`."
)


def workbook() -> str:
    """Return the workbook as Azure Monitor stores it."""
    items = [_text(), _parameters(), *(_query(*part) for part in PARTS)]
    content = {"version": "Notebook/1.0", "items": items, "$schema": SCHEMA}
    return json.dumps(content, indent=2) + "\n"


SCHEMA = "https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json"


def _text() -> dict[str, object]:
    return {"type": 1, "content": {"json": INTRODUCTION}, "name": "introduction"}


def _parameters() -> dict[str, object]:
    time = {
        "id": _id("time"),
        "version": "KqlParameterItem/1.0",
        "name": "TimeRange",
        "label": "Time",
        "type": 4,
        "isRequired": True,
        "value": {"durationMs": 86_400_000},
        "typeSettings": {"selectableValues": [{"durationMs": ms} for ms in (3_600_000, 86_400_000, 604_800_000)]},
    }
    deal = {
        "id": _id("deal"),
        "version": "KqlParameterItem/1.0",
        "name": "Deal",
        "label": "Referral or record id",
        "type": 1,
        "value": "",
    }
    content = {
        "version": "KqlParameterItem/1.0",
        "parameters": [time, deal],
        "style": "pills",
        "queryType": 0,
        "resourceType": WORKSPACE,
    }
    return {"type": 9, "content": content, "name": "parameters"}


WORKSPACE = "microsoft.operationalinsights/workspaces"


def _query(name: str, title: str, shown: str) -> dict[str, object]:
    content = {
        "version": "KqlItem/1.0",
        "query": (QUERIES / f"{name}.kql").read_text(encoding="utf-8"),
        "size": 0,
        "title": title,
        "timeContextFromParameter": "TimeRange",
        "queryType": 0,
        "resourceType": WORKSPACE,
        "visualization": shown,
    }
    shown_when = {"conditionalVisibility": {"parameterName": "Deal", "comparison": "isNotEqualTo", "value": ""}}
    return {"type": 3, "content": content, "name": name, **(shown_when if "{Deal}" in str(content["query"]) else {})}


def _id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"cosell-workbook/{name}"))
