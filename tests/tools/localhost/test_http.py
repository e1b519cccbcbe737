"""The HTTP front: keys, routes, and what reaches the function."""

import base64
import hashlib
import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.tools.localhost import toyapp
from tests.tools.localhost.toyapp import ECHO, PLAIN
from tests.tools.localhost.waiting import until
from tools.local.localhost.process import HostProcess

SLOW = """
import time
import azure.functions as func
def main(req: func.HttpRequest) -> func.HttpResponse:
    time.sleep(1.5)
    return func.HttpResponse("finished")
"""
LEAKY = "import logging\n" + PLAIN + "logging.warning('called %s', req.url); return func.HttpResponse('ok')\n"
FUNCTIONS = {
    "Echo": (toyapp.http(route="echo/{source:alpha}/{id?}", methods=["get", "post"]), ECHO),
    "Guarded": (toyapp.http("function"), PLAIN + "return func.HttpResponse('in')\n"),
    "Other": (toyapp.http("function"), PLAIN + "return func.HttpResponse('in')\n"),
    "Restricted": (toyapp.http("admin"), PLAIN + "return func.HttpResponse('in')\n"),
    "Leaky": (toyapp.http("function"), LEAKY),
    "Slow": (toyapp.http(), SLOW),
    "Tick": (toyapp.timer("0 0 0 1 1 *"), toyapp.TIMER),
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toyapp.write(tmp_path_factory.mktemp("http") / "app", FUNCTIONS)


@pytest.fixture(scope="module")
def host(app: Path) -> Iterator[HostProcess]:
    with HostProcess(app, {"TOY_OUT": str(app / "out")}, auth=True) as host:
        yield host


def echo(host: HostProcess, query: str = "", **options: Any) -> dict[str, Any]:
    response = requests.post(f"{host.url}/api/ECHO/crm/42{query}", timeout=10, **options)
    assert response.status_code == 203
    assert (response.headers["x-toy"], response.headers["content-type"]) == ("1", "application/json")
    answer: dict[str, Any] = response.json()
    return answer


def test_a_request_reaches_the_function(host: HostProcess) -> None:
    seen = echo(host, "?x=1&x=2&empty=&code=k%2B1", headers={"X-Mixed-Case": "a"}, data=b"{}")
    assert (seen["method"], seen["function"]) == ("POST", "Echo")
    assert seen["route"] == {"source": "crm", "id": "42"}
    assert seen["query"] == {"x": "1,2", "code": "k+1"}
    assert seen["headers"]["x-mixed-case"] == "a"
    assert seen["url"] == f"{host.url}/api/ECHO/crm/42?x=1&x=2&empty=&code=k%2B1"


def test_the_body_arrives_byte_for_byte(host: HostProcess) -> None:
    body = b'{ "a" : 1,\r\n "\xc3\xa9":\xff\x00 }' + bytes(range(256)) * 4096
    seen = echo(host, data=body, headers={"Content-Type": "application/json; charset=utf-16"})
    assert hashlib.sha256(base64.b64decode(seen["body"])).digest() == hashlib.sha256(body).digest()


def test_forms_are_not_taken_apart(host: HostProcess) -> None:
    assert base64.b64decode(echo(host, data={"a": "1 2"})["body"]) == b"a=1+2"


def test_a_chunked_body_arrives_empty(host: HostProcess) -> None:
    seen = echo(host, data=iter([b"some", b"thing"]))
    assert (seen["headers"]["transfer-encoding"], seen["body"]) == ("chunked", "")


def test_a_body_over_the_limit_is_413(host: HostProcess) -> None:
    connection = http.client.HTTPConnection(urlsplit(host.url).netloc, timeout=10)
    connection.putrequest("POST", "/api/echo/crm")
    connection.putheader("Content-Length", str(100 * 1024 * 1024 + 1))
    connection.endheaders()
    response = connection.getresponse()
    assert (response.status, response.read()) == (413, b"")
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/echo/crm", 203),
        ("PUT", "/api/echo/crm", 404),
        ("GET", "/api/echo/crm9", 404),
        ("GET", "/api/nothing", 404),
        ("GET", "/echo/crm", 404),
        ("GET", "/", 404),
        ("GET", "/api/guarded", 401),
        ("GET", "/admin/host/status", 401),
    ],
)
def test_statuses(host: HostProcess, method: str, path: str, status: int) -> None:
    response = requests.request(method, host.url + path, timeout=10)
    assert response.status_code == status
    assert status == 203 or response.content == b""


def test_which_key_opens_what(host: HostProcess) -> None:
    given = {"own": host.function_keys["Guarded"], "other": host.function_keys["Other"], **host.keys, "wrong": "x" * 43}
    opened = {
        name: {key for key, value in given.items() if _get(host, name, value) == 200}
        for name in ("Guarded", "Restricted")
    }
    assert opened == {"Guarded": {"own", "default", "_master"}, "Restricted": {"_master"}}


def _get(host: HostProcess, name: str, key: str) -> int:
    by_query = requests.get(f"{host.url}/api/{name}", params={"code": key}, timeout=10).status_code
    by_header = requests.get(f"{host.url}/api/{name}", headers={"x-functions-key": key}, timeout=10).status_code
    assert by_query == by_header
    return by_query


def test_keys_never_reach_the_log(host: HostProcess) -> None:
    key = host.function_keys["Leaky"]
    assert _get(host, "Leaky", key) == 200
    assert "called http://127.0.0.1" in host.log_text()
    assert "code=***" in host.log_text()
    assert key not in host.log_text()


def test_admin_needs_the_master_key_and_fires_timers(host: HostProcess, app: Path) -> None:
    def post(name: str, key: str, data: str = '{"input": ""}') -> int:
        url, header = f"{host.url}/admin/functions/{name}", {"x-functions-key": key}
        return requests.post(url, data=data, headers=header, timeout=10).status_code

    assert post("Tick", host.keys["default"]) == 401
    assert post("Nothing", host.keys["_master"]) == 404
    assert post("Tick", host.keys["_master"], "nonsense") == 400
    assert post("Tick", host.keys["_master"]) == 202
    assert [row["past_due"] for row in until(lambda: toyapp.records(app / "out"))] == [False]


def test_status(host: HostProcess) -> None:
    response = requests.get(f"{host.url}/admin/host/status", params={"code": host.keys["_master"]}, timeout=10)
    assert response.json() == {"state": "Running"}


def test_keys_are_kept_between_starts(app: Path, tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        with HostProcess(app, {}, auth=True, state=tmp_path) as host:
            found.append((host.keys, host.function_keys))
    assert found[0] == found[1]
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600


def test_a_stop_lets_requests_finish_and_without_auth_no_key_is_asked_for(app: Path) -> None:
    answers: list[str] = []
    with HostProcess(app, {}) as host:
        assert requests.get(f"{host.url}/api/Guarded", timeout=10).text == "in"
        call = threading.Thread(target=lambda: answers.append(requests.get(f"{host.url}/api/Slow", timeout=10).text))
        call.start()
        until(lambda: "Executing 'Functions.Slow'" in host.log_text())
        assert host.stop() == 0
        call.join()
    assert answers == ["finished"]


ELSEWHERE: dict[str, dict[str, str]] = {
    "another site": {"Sec-Fetch-Site": "cross-site"},
    "another port of this machine": {"Sec-Fetch-Site": "same-site"},
    "an old browser": {"Origin": "https://evil.example"},
    "a file": {"Origin": "null"},
    "no URL": {"Origin": "http://["},
    "a name that was made to mean this machine": {"Host": "evil.example"},
}


@pytest.mark.parametrize("who", sorted(ELSEWHERE))
def test_a_page_of_another_site_runs_nothing(who: str, host: HostProcess, app: Path) -> None:
    headers = {"Content-Type": "text/plain", **ELSEWHERE[who]}
    body = json.dumps({"input": "{}"})
    url = f"{host.url}/admin/functions/Tick?code={host.keys['_master']}"
    before = len(toyapp.records(app / "out"))
    assert requests.post(url, data=body, headers=headers, timeout=10).status_code == 403
    assert len(toyapp.records(app / "out")) == before
    # A function that is asked with its key is the app's own business, as in Azure.
    guarded = f"{host.url}/api/Guarded?code={host.function_keys['Guarded']}"
    assert requests.get(guarded, headers=ELSEWHERE[who], timeout=10).status_code == 200


def test_where_no_key_is_asked_for_a_page_of_another_site_reaches_no_function_either(app: Path) -> None:
    with HostProcess(app, {}) as host:
        assert requests.get(f"{host.url}/api/Guarded", timeout=10).status_code == 200
        for headers in ELSEWHERE.values():
            assert requests.get(f"{host.url}/api/Guarded", headers=headers, timeout=10).status_code == 403


def test_the_log_says_who_ran_how_long_and_how_it_ended(host: HostProcess) -> None:
    echo(host)
    line = next(line for line in host.log_text().splitlines() if "Executed 'Functions.Echo'" in line)
    assert "(Succeeded, Id=" in line
    assert "Duration=" in line
    assert line.endswith("ms)")
