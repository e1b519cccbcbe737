"""What Azure's own worker library does at the edges, seen through the local host."""

import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.tools.localhost import toyapp
from tests.tools.localhost.toyapp import PLAIN, http, returning, timer
from tests.tools.localhost.waiting import until
from tools.local.localhost.process import HostProcess

IMPORTS = """
import sys
import azure.functions as func
from toylib import COPIES
from ..toylib import COPIES as RELATIVE
from . import helper
def main(req: func.HttpRequest) -> func.HttpResponse:
    COPIES.append(1)
    return func.HttpResponse(f"{helper.WORD} {len(COPIES)} {len(RELATIVE)} {sys.path[-1]}")
"""
THREADS = """
import threading, time
import azure.functions as func
meeting = threading.Barrier(2)
def main(req: func.HttpRequest) -> func.HttpResponse:
    meeting.wait(5)
    return func.HttpResponse("met")
"""
ASYNC = """
from __future__ import annotations
import azure.functions as func
async def main(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(b"\\x00\\xff")
"""
COOKIES = """
import azure.functions as func
def main(req: func.HttpRequest) -> func.HttpResponse:
    headers = {"Set-Cookie": "a=b; Path=/x; Max-Age=60; Secure; HttpOnly; SameSite=Strict"}
    return func.HttpResponse("", headers=headers)
"""
FUNCTIONS = {
    "Imports": (http(), IMPORTS),
    "BareImport": (http(), "import helper\n" + PLAIN + "return func.HttpResponse('')\n"),
    "Shadowed": (http(), "from shadow.ours import x\n" + PLAIN + "return func.HttpResponse('')\n"),
    "ExtraParameter": (http(), "def main(req, *, clock=None):\n    return ''\n"),
    "MissingParameter": ([*http(), toyapp.queue_out()], "def main(req):\n    return ''\n"),
    "Syntax": (http(), "def main(req:\n"),
    "ListOfMessages": toyapp.sending("func.Out[typing.List[func.QueueMessage]]", "pass"),
    "Disabled": (http(), PLAIN + "return func.HttpResponse('')\n"),
    "ReturnsNone": returning("None"),
    "ReturnsDict": returning("{'a': 1}"),
    "ReturnsBytes": returning("b'x'"),
    "ReturnsText": returning("'plain'"),
    "ReturnsJsonText": returning("""'{"body": {"a": 1}, "status": 201, "headers": {"x-y": "z"}}'"""),
    "Boom": (http(), PLAIN + "raise RuntimeError('boom: secret detail')\n"),
    "Exits": (http(), PLAIN + "raise SystemExit(3)\n"),
    "Async": (http(), ASYNC),
    "Threads": (http(), THREADS),
    "Cookies": (http(), COOKIES),
    "queue": (http(), PLAIN + "return func.HttpResponse('fine')\n"),
    "Prints": (http(), PLAIN + "print('to nobody'); return func.HttpResponse('printed')\n"),
    "TimerReturns": (timer("0 0 0 1 1 *"), "def main(timer):\n    return 'something'\n"),
}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    folder = tmp_path_factory.mktemp("worker")
    root = toyapp.write(folder / "app", FUNCTIONS)
    for place, content in ((root, "ours"), (folder / "elsewhere", "theirs")):
        (place / "shadow").mkdir(parents=True)
        (place / "shadow" / "__init__.py").touch()
        (place / "shadow" / f"{content}.py").write_text("x = 1\n")
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(folder / "elsewhere")}
    settings = {"AzureWebJobs.Disabled.Disabled": "true", "AzureWebJobsStorage": "UseDevelopmentStorage=true"}
    with HostProcess(root, settings, env=env) as host:
        yield host


def call(host: HostProcess, name: str) -> requests.Response:
    return requests.get(f"{host.url}/api/{name}", timeout=10)


def test_absolute_relative_and_sibling_imports(host: HostProcess) -> None:
    words = call(host, "Imports").text.split()
    assert words[:3] == ["sibling", "1", "0"]  # the relative import made a second copy of toylib
    assert words[3].endswith("/app")  # the app's root is the last place that is searched


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("BareImport", "No module named 'helper'"),
        ("Shadowed", "No module named 'shadow.ours'"),
        ("ExtraParameter", "declared in Python but not in function.json"),
        ("MissingParameter", "declared in function.json but not in Python"),
        ("Syntax", "SyntaxError"),
        ("ListOfMessages", "does not match its Python annotation"),
    ],
)
def test_refused_at_load_while_the_others_run(host: HostProcess, name: str, words: str) -> None:
    assert words in host.load_errors[name]
    assert name not in host.functions
    assert f"The '{name}' function is in error" in host.log_text()
    assert call(host, name).status_code == 500
    assert call(host, "queue").text == "fine"


def test_nothing_else_was_refused(host: HostProcess) -> None:
    assert len(host.load_errors) == 6
    assert len(host.functions) == len(FUNCTIONS) - 6 - 1


def test_disabled_functions_are_not_found(host: HostProcess) -> None:
    assert call(host, "Disabled").status_code == 404


@pytest.mark.parametrize("name", ["ReturnsNone", "ReturnsDict", "ReturnsBytes", "Boom", "Exits"])
def test_failures_are_500_with_an_empty_body_and_go_on(host: HostProcess, name: str) -> None:
    for _ in range(2):
        response = call(host, name)
        assert (response.status_code, response.content) == (500, b"")


def test_the_exception_is_in_the_log(host: HostProcess) -> None:
    call(host, "Boom")
    assert "RuntimeError: boom: secret detail" in host.log_text()
    assert "Executed 'Functions.Boom' (Failed, Id=" in host.log_text()


def test_returned_text_is_the_body(host: HostProcess) -> None:
    response = call(host, "ReturnsText")
    assert (response.status_code, response.text) == (200, "plain")
    assert response.headers["content-type"].startswith("text/plain")


def test_returned_json_text_with_a_body_becomes_the_response(host: HostProcess) -> None:
    response = call(host, "ReturnsJsonText")
    assert (response.status_code, response.json(), response.headers["x-y"]) == (201, {"a": 1}, "z")


def test_async_functions_and_binary_answers(host: HostProcess) -> None:
    assert call(host, "Async").content == b"\x00\xff"


def test_what_a_function_prints_is_no_answer(host: HostProcess) -> None:
    assert call(host, "Prints").text == "printed"
    assert call(host, "queue").text == "fine"


def test_the_host_ends_with_its_worker_and_says_so(tmp_path: Path) -> None:
    root = toyapp.write(tmp_path / "app", {"Dies": (http(), "import os\n" + PLAIN + "os._exit(3)\n")})
    with HostProcess(root, {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}) as host:
        assert call(host, "Dies").status_code == 500
        assert host.wait() == 1
        assert "The worker process has ended with 3" in host.log_text()


@pytest.mark.skipif(sys.platform == "win32", reason="there a process cannot be asked to end")
def test_a_worker_that_is_asked_to_end_leaves_that_to_its_host(tmp_path: Path) -> None:
    root = toyapp.write(tmp_path / "app", {"Fine": (http(), PLAIN + "return func.HttpResponse('fine')\n")})
    with HostProcess(root, {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}) as host:
        os.kill(host.worker_pid, signal.SIGTERM)
        assert call(host, "Fine").text == "fine"
        assert host.stop() == 0


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for the process where Linux shows it")
def test_a_host_that_is_killed_takes_its_worker_along(tmp_path: Path) -> None:
    root = toyapp.write(tmp_path / "app", {"Fine": (http(), PLAIN + "return func.HttpResponse('fine')\n")})
    with HostProcess(root, {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}) as host:
        os.kill(host.pid, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{host.worker_pid}").exists())


def test_cookies(host: HostProcess) -> None:
    cookie = call(host, "Cookies").headers["set-cookie"]
    assert {part.strip() for part in cookie.split(";")} >= {"a=b", "Path=/x", "Max-Age=60", "Secure", "HttpOnly"}
    assert "SameSite=Strict" in cookie


def test_functions_run_at_the_same_time(host: HostProcess) -> None:
    with ThreadPoolExecutor(2) as pool:
        assert [r.text for r in pool.map(lambda _: call(host, "Threads"), range(2))] == ["met", "met"]


def test_what_a_timer_returns_fails_it(host: HostProcess) -> None:
    answer = requests.post(f"{host.url}/admin/functions/timerreturns", json={"input": ""}, timeout=10)
    assert answer.status_code == 202
    until(lambda: "Executed 'Functions.TimerReturns' (Failed" in host.log_text())
    assert "returned a non-None value" in host.log_text()
