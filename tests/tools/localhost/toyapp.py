"""A small function app, written to disk by the tests: each function shows one thing the runtime does."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RECORD = """
import json, os
def record(**what):
    with open(os.environ["TOY_OUT"], "a") as out:
        out.write(json.dumps(what) + "\\n")
"""
ECHO = """
import base64, json
import azure.functions as func
from toylib import COPIES
def main(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return func.HttpResponse(json.dumps({
        "method": req.method, "url": req.url, "route": dict(req.route_params), "query": dict(req.params),
        "headers": dict(req.headers), "body": base64.b64encode(req.get_body()).decode(),
        "function": context.function_name,
    }), status_code=203, headers={"X-Toy": "1"}, mimetype="application/json")
"""
PLAIN = "import azure.functions as func\ndef main(req: func.HttpRequest) -> func.HttpResponse:\n    "
WORKER = """
import azure.functions as func
from toylib import record
def main(msg: func.QueueMessage) -> None:
    body = msg.get_body().decode()
    record(body=body, attempt=msg.dequeue_count, id=msg.id, inserted=str(msg.insertion_time))
    if body.startswith("poison"):
        raise ValueError("poisoned on purpose")
"""
TIMER = """
import azure.functions as func
from toylib import record
def main(timer: func.TimerRequest, context: func.Context) -> None:
    record(past_due=timer.past_due, last=timer.schedule_status.get("Last"), attempt=context.retry_context.retry_count,
           most=context.retry_context.max_retry_count)
"""


def http(level: str = "anonymous", **more: object) -> list[dict[str, Any]]:
    """Bindings of an HTTP function."""
    trigger = {"type": "httpTrigger", "direction": "in", "name": "req", "authLevel": level, **more}
    return [trigger, {"type": "http", "direction": "out", "name": "$return"}]


def timer(schedule: str, **more: object) -> list[dict[str, Any]]:
    """Bindings of a timer function."""
    return [{"type": "timerTrigger", "direction": "in", "name": "timer", "schedule": schedule, **more}]


def queue(name: str) -> list[dict[str, Any]]:
    """Bindings of a queue function."""
    binding = {"type": "queueTrigger", "direction": "in", "name": "msg", "queueName": name}
    return [{**binding, "connection": "AzureWebJobsStorage"}]


def queue_out(name: str = "jobs") -> dict[str, Any]:
    """A queue output binding."""
    return {"type": "queue", "direction": "out", "name": "job", "queueName": name, "connection": "AzureWebJobsStorage"}


def returning(expression: str) -> tuple[list[dict[str, Any]], str]:
    """An HTTP function without annotations that returns that expression."""
    return http(), f"def main(req):\n    return {expression}\n"


def sending(annotation: str, statement: str) -> tuple[list[dict[str, Any]], str]:
    """An HTTP function with a queue output."""
    head = f"import typing\nimport azure.functions as func\ndef main(req: func.HttpRequest, job: {annotation})"
    return [
        *http(),
        queue_out(),
    ], f"{head} -> func.HttpResponse:\n    {statement}\n    return func.HttpResponse('sent')\n"


def write(
    root: Path,
    functions: Mapping[str, tuple[list[dict[str, Any]], str]],
    queues: Mapping[str, object] | None = None,
    extra: Mapping[str, Mapping[str, object]] | None = None,
) -> Path:
    """Write an app with these functions (bindings, source) and return `root`; `extra` adds to a function.json."""
    root.mkdir(exist_ok=True)
    extensions = {"http": {"routePrefix": "api"}, "queues": dict(queues or {})}
    (root / "host.json").write_text(json.dumps({"version": "2.0", "extensions": extensions}))
    (root / "toylib").mkdir(exist_ok=True)
    (root / "toylib" / "__init__.py").write_text(RECORD + "COPIES = []\n")
    for name, (bindings, source) in functions.items():
        folder = root / name
        folder.mkdir(exist_ok=True)
        (folder / "helper.py").write_text("WORD = 'sibling'\n")
        (folder / "__init__.py").write_text(source)
        document = {"bindings": bindings, **(extra or {}).get(name, {})}
        (folder / "function.json").write_text(json.dumps(document))
    return root


def records(file: Path) -> list[dict[str, Any]]:
    """What functions recorded in TOY_OUT so far."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
