"""$batch in the simulated Dataverse: several reads in one request."""

from __future__ import annotations

import pytest
from werkzeug.test import TestResponse

from tests.tools.simulators.dataverse_stage import APP, RESOURCE, ROOT, Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()


def part(line: str, headers: str = "Accept: application/json\r\n") -> str:
    kind = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary"
    return f"--b\r\n{kind}\r\n\r\n{line} HTTP/1.1\r\n{headers}\r\n"


def send(stage: Stage, body: str, prefer: str = "") -> TestResponse:
    headers = {"Authorization": f"Bearer {APP}|{RESOURCE}", "Accept": "application/json", "Prefer": prefer}
    kind = 'multipart/mixed; boundary="b"'
    return stage.client.post(f"{ROOT}$batch", base_url=RESOURCE, data=body, content_type=kind, headers=headers)


GOOD = part(f"GET {RESOURCE}{ROOT}opportunities?$select=name&$filter=name%20eq%20'A%20%26%20B'")
BAD = part(f"GET {ROOT}nonsense")


def test_each_part_is_answered_in_order(stage: Stage) -> None:
    stage.simulator.seller.create_opportunity(name="A & B")
    answer = send(stage, f"{GOOD}\r\n{BAD}\r\n{GOOD}\r\n--b--\r\n", "odata.continue-on-error")
    assert answer.status_code == 200
    assert answer.content_type.startswith("multipart/mixed; boundary=batchresponse_")
    statuses = [line.split()[1] for line in answer.text.splitlines() if line.startswith("HTTP/1.1 ")]
    assert statuses == ["200", "404", "200"]
    assert answer.text.count('"name": "A & B"') == 2


def test_without_the_preference_the_first_failure_ends_it(stage: Stage) -> None:
    answer = send(stage, f"{BAD}\r\n{GOOD}\r\n--b--\r\n")
    assert answer.status_code == 404
    assert answer.text.count("HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (f"{GOOD}\r\n--b--\r\n".replace("\r\n", "\n"), 400),
        (f"{GOOD}\r\n", 400),
        (part("GET"), 400),
        (f"{part('GET x', headers='').removesuffix(chr(13) + chr(10))}--b--", 400),
        (f"{GOOD.replace('application/http', 'text/plain')}\r\n--b--\r\n", 400),
        (f"{part(f'DELETE {ROOT}opportunities(x)')}\r\n--b--\r\n", 501),
        ("", 400),
    ],
)
def test_an_envelope_that_is_not_as_documented_is_refused_as_a_whole(stage: Stage, body: str, status: int) -> None:
    answer = send(stage, body)
    assert answer.status_code == status
    assert answer.content_type.startswith("application/json")
