"""The REST API's routes: which call is answered by what."""

from __future__ import annotations

from collections.abc import Callable

from tools.simulators.salesforce.collections_api import Collections
from tools.simulators.salesforce.composite import Composite
from tools.simulators.salesforce.describes import describe, describe_basic, describe_global
from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.exchange import Answer, Call
from tools.simulators.salesforce.fields import SObjectType
from tools.simulators.salesforce.queries import QueryResource
from tools.simulators.salesforce.replication import Replication
from tools.simulators.salesforce.sobjects import SeveralFound, SObjectRows, key_value
from tools.simulators.salesforce.soql_run import OrgSource
from tools.simulators.salesforce.tooling import Tooling

Handler = Callable[[], Answer]
Handlers = dict[str, Handler]


def dispatch(call: Call) -> Answer:
    """Answer a call; RefusedError says why not."""
    handlers = _handlers(call)
    handler = handlers.get("GET" if call.method == "HEAD" else call.method)
    if handler is None:
        raise RefusedError(Rule.METHOD_NOT_ALLOWED, method=call.method, allowed=",".join(handlers))
    try:
        return handler()
    except SeveralFound as several:
        return Answer(300, several.addresses)


def _handlers(call: Call) -> Handlers:
    match call.segments:
        case [""]:
            return {"GET": lambda: Answer(200, _resources(call))}
        case ["limits"]:
            return {"GET": lambda: Answer(200, call.org.usage.limits(call.org.now()))}
        case ["query" | "queryAll" as path, *rest] if len(rest) <= 1:
            return _query(call, path, rest)
        case ["composite"]:
            return {"POST": Composite(call, dispatch).answer}
        case ["composite", "sobjects", *rest] if len(rest) <= 2:
            return _collections(call, rest)
        case ["tooling", "query", *rest] if len(rest) <= 1:
            return {"GET": lambda: Tooling(call).query(*rest)}
        case ["tooling", "sobjects", name, *rest] if len(rest) <= 1:
            return _tooling(call, name, rest)
        case ["sobjects"]:
            return {"GET": lambda: Answer(200, describe_global(call))}
        case ["sobjects", name, *rest] if len(rest) <= 2:
            return _rows(call, call.sobject(name), rest)
    raise RefusedError(Rule.NO_RESOURCE)


def _resources(call: Call) -> dict[str, str]:
    names = ("sobjects", "query", "queryAll", "composite", "limits", "tooling")
    return {name: f"{call.root}/{name}" for name in names}


def _query(call: Call, path: str, rest: list[str]) -> Handlers:
    resource = QueryResource(call, OrgSource(call.org, call.caller), path, deleted=path == "queryAll")
    if rest:
        return {"GET": lambda: resource.follow(rest[0])}
    return {"GET": resource.run}


def _collections(call: Call, rest: list[str]) -> Handlers:
    collections = Collections(call)
    match rest:
        case []:
            return {"POST": collections.create, "PATCH": collections.update, "DELETE": collections.delete}
        case [name]:
            return {"GET": lambda: collections.read(name), "POST": lambda: collections.read(name)}
        case [name, key]:
            return {"PATCH": lambda: collections.upsert(name, key)}
    raise RefusedError(Rule.NO_RESOURCE)


def _tooling(call: Call, name: str, rest: list[str]) -> Handlers:
    tooling = Tooling(call)
    if name != "CustomField":
        raise RefusedError(Rule.NO_RESOURCE)
    if rest:
        return {"GET": lambda: tooling.read(rest[0])}
    return {"POST": tooling.create}


def _rows(call: Call, sobject: SObjectType, rest: list[str]) -> Handlers:
    rows = SObjectRows(call, sobject)
    match rest:
        case []:
            return {"GET": lambda: Answer(200, describe_basic(call, sobject)), "POST": rows.create}
        case ["describe"]:
            return {"GET": lambda: Answer(200, describe(call, sobject))}
        case ["updated"]:
            return {"GET": Replication(call, sobject).updated}
        case ["deleted"]:
            return {"GET": Replication(call, sobject).deleted}
        case [record_id]:
            return _one(call, rows, record_id)
        case [name, value]:
            return _keyed(rows, name, value)
    raise RefusedError(Rule.NO_RESOURCE)


def _one(call: Call, rows: SObjectRows, record_id: str) -> Handlers:
    record = call.org.record(rows.sobject, record_id)
    return {
        "GET": lambda: rows.read(record),
        "PATCH": lambda: rows.update(record),
        "DELETE": lambda: rows.delete(record),
    }


def _keyed(rows: SObjectRows, name: str, value: str) -> Handlers:
    key = rows.key(name)
    wanted = key_value(rows.sobject, key, value)

    def existing(handler: Callable[..., Answer]) -> Handler:
        def run() -> Answer:
            record = rows.by_key(key, wanted)
            if record is None:
                raise RefusedError(Rule.NO_RESOURCE)
            return handler(record)

        return run

    return {
        "GET": existing(rows.read),
        "PATCH": lambda: rows.upsert(key, wanted),
        "DELETE": existing(rows.delete),
    }
