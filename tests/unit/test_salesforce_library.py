"""The faults of simple-salesforce (crm-apis B.2 to B.4), each shown on the library alone and absent in our use of it.

Both talk to the same scripted org: the library through a requests adapter, we through our transport.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter
from simple_salesforce.api import Salesforce as Library
from simple_salesforce.api import SFType
from simple_salesforce.exceptions import SalesforceError

from shared.crm.salesforce.allowance import Allowance
from shared.crm.salesforce.api import SalesforceApi, Subrequest, path
from shared.crm.salesforce.errors import classifier
from shared.crm.salesforce.tokens import SalesforceTokens, client_credentials
from shared.errors import RetriableError, SignInRequired
from shared.http import CONNECT_TIMEOUT, READ_TIMEOUT, Request, RequestsTransport, Response, Service, Terms
from shared.session import Session
from tests.support.stand_ins import ManualClock

URL = "https://org.my.salesforce.com"
RECORD = "006000000000001AAA"
GUARD = {"If-Unmodified-Since": "Fri, 27 Nov 2026 10:00:00 GMT", "Sforce-Duplicate-Rule-Header": "allowSave=true"}
EXPIRED = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
HTML = b"<html><body>Down for maintenance</body></html>"

Answer = tuple[int, Any]


class Org:
    """Gives tokens, and answers other requests by `respond(number, request)`, counted from 0."""

    def __init__(self, respond: Callable[[int, Request], Answer]) -> None:
        self.respond = respond
        self.tokens = 0
        self.requests: list[Request] = []

    def send(self, request: Request) -> Response:
        if request.url.endswith("/oauth2/token"):
            self.tokens += 1
            content = {"access_token": f"token-{self.tokens}", "instance_url": URL}
            return Response(200, {}, json.dumps(content).encode())
        self.requests.append(request)
        status, content = self.respond(len(self.requests) - 1, request)
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return Response(status, {"date": "Fri, 27 Nov 2026 10:00:09 GMT"}, body)


class _Adapter(BaseAdapter):
    """Lets the library alone talk to the org."""

    def __init__(self, org: Org) -> None:
        super().__init__()
        self._org = org
        self.timeouts: list[object] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        self.timeouts.append(options.get("timeout"))
        body = request.body.encode() if isinstance(request.body, str) else request.body
        given = Request(str(request.method), str(request.url), dict(request.headers), body)
        answer, response = self._org.send(given), requests.Response()
        response.status_code, response.raw, response.url = answer.status, io.BytesIO(answer.body), given.url
        return response

    def close(self) -> None:
        pass


def alone(org: Org) -> tuple[Library, _Adapter]:
    session, adapter = requests.Session(), _Adapter(org)
    session.mount("https://", adapter)
    library = Library(consumer_key="app", consumer_secret="s", domain="org.my", version="66.0", session=session)
    return library, adapter


def ours(org: Org, url: str = URL) -> SalesforceApi:
    clock = ManualClock()
    tokens = SalesforceTokens(org, clock, url, client_credentials("app", "s"))
    service = Service(Terms("Salesforce", tokens, classifier("Referral_Identifier__c")), org, clock)
    return SalesforceApi(service, url, "66.0", Allowance(clock, 70, 90), clock, "Referral_Identifier__c")


def expired_once(number: int, _request: Request) -> Answer:
    return (401, EXPIRED) if number == 0 else (204, b"")


def expired_always(_number: int, _request: Request) -> Answer:
    return 401, EXPIRED


def down(_number: int, _request: Request) -> Answer:
    return 401, HTML


def table(library: Library) -> SFType:
    found = library.Opportunity
    assert isinstance(found, SFType)
    return found


def guarded_update(library: Library) -> object:
    return table(library).update(RECORD, {"Description": "ours"}, headers=GUARD)


# --- the guard of a write, when the session expires ------------------------------------------------------------------


def test_the_library_repeats_a_guarded_write_without_its_guard() -> None:
    org = Org(expired_once)
    guarded_update(alone(org)[0])
    assert not GUARD.keys() & org.requests[1].headers.keys()


def test_our_use_of_it_keeps_the_guard() -> None:
    org = Org(expired_once)
    ours(org).call(guarded_update)
    first, second = org.requests
    assert second.headers.items() >= GUARD.items()
    assert (first.headers["Authorization"], second.headers["Authorization"]) == ("Bearer token-1", "Bearer token-2")
    assert (first.url, first.body) == (second.url, second.body)


def test_so_does_a_composite_write() -> None:
    content = {"compositeResponse": [{"referenceId": "write", "httpStatusCode": 204, "body": None}]}
    org = Org(lambda number, _: (401, EXPIRED) if number == 0 else (200, content))
    ours(org).composite([Subrequest("write", "PATCH", path("sobjects", "Opportunity", RECORD), {"Amount": 1}, GUARD)])
    sent = [json.loads(request.body or b"") for request in org.requests]
    assert sent[0] == sent[1]
    assert sent[1]["compositeRequest"][0]["httpHeaders"] == GUARD


# --- a session that stays refused ------------------------------------------------------------------------------------


def test_the_library_signs_in_without_end() -> None:
    org = Org(expired_always)
    library, _ = alone(org)
    with pytest.raises(RecursionError):
        guarded_update(library)
    assert org.tokens > 20


def test_we_sign_in_once_more_and_say_so() -> None:
    org = Org(expired_always)
    with pytest.raises(SignInRequired):
        ours(org).call(guarded_update)
    assert (org.tokens, len(org.requests)) == (2, 2)


# --- timeouts --------------------------------------------------------------------------------------------------------


def test_the_library_waits_for_ever() -> None:
    library, adapter = alone(Org(lambda *_: (200, {"records": []})))
    library.query("SELECT Id FROM Account")
    assert adapter.timeouts[-1] is None


def test_we_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    # Our adapter hands every request to the transport, so the transport's timeouts are the library's.
    transport, timeouts = RequestsTransport(), []

    def request(_self: Session, *_: object, timeout: object, **__: object) -> requests.Response:
        timeouts.append(timeout)
        answer = requests.Response()
        answer.status_code, answer.raw = 200, io.BytesIO(b'{"access_token": "t", "records": []}')
        return answer

    clock = ManualClock()
    tokens = SalesforceTokens(transport, clock, URL, client_credentials("app", "s"))
    service = Service(Terms("Salesforce", tokens, classifier("Key__c")), transport, clock)
    api = SalesforceApi(service, URL, "66.0", Allowance(clock, 70, 90), clock, "Key__c")
    monkeypatch.setattr(Session, "request", request)
    api.query("SELECT Id FROM Account")
    assert timeouts == [(CONNECT_TIMEOUT, READ_TIMEOUT)] * 2


# --- external ids ----------------------------------------------------------------------------------------------------

ODD = "a/b?c d#é%'+@{x}"
ENCODED = "a%2Fb%3Fc%20d%23%C3%A9%25%27%2B%40%7Bx%7D"


def test_the_library_sends_an_external_id_to_another_address() -> None:
    org = Org(lambda *_: (204, b""))
    table(alone(org)[0]).upsert(f"Key__c/{ODD}", {"Amount": 1})
    assert not org.requests[0].url.endswith(f"/sobjects/Opportunity/Key__c/{ENCODED}")


def test_we_encode_it() -> None:
    assert path("sobjects", "Opportunity", "Key__c", ODD) == f"sobjects/Opportunity/Key__c/{ENCODED}"


# --- a page instead of an error --------------------------------------------------------------------------------------


def test_the_library_stumbles_over_a_page() -> None:
    with pytest.raises(ValueError, match="Expecting value") as caught:
        guarded_update(alone(Org(down))[0])
    assert not isinstance(caught.value, SalesforceError)


def test_the_library_stumbles_over_an_object() -> None:
    with pytest.raises(KeyError):
        guarded_update(alone(Org(lambda *_: (401, EXPIRED[0])))[0])


@pytest.mark.parametrize("content", [HTML, EXPIRED[0], [], None, b""])
def test_we_need_no_body_to_know_a_refused_session(content: object) -> None:
    with pytest.raises(SignInRequired):
        ours(Org(lambda *_: (401, content))).call(guarded_update)


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_a_page_says_nothing_about_a_record(status: int) -> None:
    with pytest.raises(RetriableError):
        ours(Org(lambda *_: (status, HTML))).get(path("sobjects", "Opportunity", RECORD))


@pytest.mark.parametrize("content", [HTML, b"", None, 7, [], {}, {"compositeResponse": [{}]}])
def test_something_else_in_place_of_an_answer_is_no_answer(content: object) -> None:
    api = ours(Org(lambda *_: (200, content)))
    with pytest.raises(RetriableError):
        api.query("SELECT Id FROM Account")
    with pytest.raises(RetriableError):
        api.composite([Subrequest("write", "PATCH", path("sobjects", "Opportunity", RECORD), {"Amount": 1})])


# --- who is asked ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", [URL, "https://Org.My.Salesforce.com", f"{URL}:443", "http://127.0.0.1:8080", "https://localhost:8443"]
)
def test_the_configured_host_is_asked_however_it_is_written(url: str) -> None:
    org = Org(lambda *_: (200, {"records": []}))
    ours(org, url).query("SELECT Id FROM Account WHERE Name = 'a b&c'")
    assert org.requests[0].url.startswith(f"{url}/services/data/v66.0/query/?q=SELECT+Id+FROM+Account")


def test_a_next_page_elsewhere_is_not_fetched() -> None:
    org = Org(lambda *_: (200, {"records": [], "nextRecordsUrl": "@elsewhere.example/steal"}))
    api = ours(org)
    page = api.query("SELECT Id FROM Account")
    with pytest.raises(RetriableError):
        api.more(str(page.next))
    assert all(request.url.startswith(f"{URL}/") for request in org.requests)
