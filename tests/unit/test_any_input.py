"""Whatever comes in from outside ends in a status of the contract, a problem, or a clear message; never in a bug."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.desk.actions import ACTIONS
from shared.desk.desk import Desk
from shared.desk.pages import conversation
from shared.errors import DataError, SettingsError
from shared.ledger.memory import MemoryLedger
from shared.mapping.loading import load_mapping
from shared.pages.web import Visit
from shared.partner_center.webhooks import Registration
from shared.settings import load_settings
from shared.settings.declaration import declared
from shared.urls import receiver_url_problems, redacted, redacted_within
from shared.webhook.pages.registration import respond
from shared.webhook.registration_answers import RegistrationAnswers
from tests.simulation.deals import shared
from tests.support.desks import desk_of
from tests.support.fakes.webhooks import FakeWebhooks
from tests.support.fakes.world import World
from tests.support.stand_ins import UNHURRIED, ManualClock

HOST = "https://fn.example/api/RegisterWebhook?code=k"
WORDS = st.sampled_from(
    [
        "http://[",
        "https://[::1",
        "\x00",
        "\ud800",
        "\u202e",
        "a" * 5000,
        "null",
        "-1",
        "1e999",
        "{}",
        "[]",
        "&",
        "=",
        "%zz",
    ]
)
TEXT = WORDS | st.text(max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)

# --- RegisterWebhook --------------------------------------------------------------------------------------------------

METHODS = st.sampled_from(["GET", "POST"])
PARAMS = st.dictionaries(st.sampled_from(["test", "format"]), TEXT)
HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "accept", "origin", "sec-fetch-site", "host"]),
    TEXT | st.sampled_from(["application/x-www-form-urlencoded", "application/json", "text/html", "same-origin"]),
)
BODIES = st.binary(max_size=200) | st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("webhook_url", "events", "overwrite", "send_test_event", "x"), JSON)
).map(lambda content: json.dumps(content).encode("utf-8", "surrogatepass"))


@UNHURRIED
@given(
    st.sampled_from(["GET", "POST"]), HEADERS, st.dictionaries(st.sampled_from(["test", "format"]), TEXT), BODIES, TEXT
)
def test_any_visit_of_the_registration_has_an_answer(
    method: str, headers: dict[str, str], params: dict[str, str], body: bytes, registered: str
) -> None:
    webhooks = FakeWebhooks(Registration(registered, ("referral-created", registered)) if registered else None)
    answers = RegistrationAnswers(webhooks, MemoryLedger().drawers, ManualClock(), None)
    reply = respond(Visit(method, HOST, headers, params, body), lambda: answers)
    assert reply.status in (200, 400, 403, 409, 502)
    assert reply.body.encode()
    assert reply.headers["Cache-Control"] == "no-store"


@UNHURRIED
@given(JSON)
@example("https://fn.example:99999/api/WebhookReceiver?code=k")
def test_any_url_is_the_receivers_or_has_a_problem(url: object) -> None:
    assert all(problem.endswith(".") for problem in receiver_url_problems(url))


@UNHURRIED
@given(TEXT)
def test_any_text_can_be_redacted(text: str) -> None:
    redacted(text)
    assert redacted_within(redacted_within(text)) == redacted_within(text)


# --- StatusPage -------------------------------------------------------------------------------------------------------

ORDERS = st.fixed_dictionaries(
    {},
    optional={
        "action": JSON | st.sampled_from(ACTIONS),
        **dict.fromkeys(("deal", "held", "crm", "referral", "record", "x"), JSON),
    },
)


@pytest.fixture(scope="module")
def desk() -> Desk:
    """A desk with one deal on it."""
    world = World()
    shared(world)
    return desk_of(world)


@UNHURRIED
@given(
    METHODS,
    HEADERS,
    st.dictionaries(st.sampled_from(["deal", "crm", "look", "format", "q", "page", "kind"]), TEXT),
    st.binary(max_size=200) | ORDERS.map(lambda order: json.dumps(order).encode("utf-8", "surrogatepass")),
)
def test_any_visit_of_the_status_page_has_an_answer(
    desk: Desk, method: str, headers: dict[str, str], params: dict[str, str], body: bytes
) -> None:
    url = "https://fn.example/api/StatusPage?code=k"
    reply = conversation.respond(Visit(method, url, headers, params, body), lambda: desk)
    assert reply.status in (200, 202, 400, 403, 404, 409)
    assert reply.body.encode()
    assert reply.headers["Cache-Control"] == "no-store"


# --- settings ---------------------------------------------------------------------------------------------------------

NAMES = sorted(setting.name for setting in declared().values())


@UNHURRIED
@given(st.dictionaries(st.sampled_from(NAMES), TEXT | st.sampled_from(["dynamics365", "salesforce", "keep", "true"])))
@example(dict.fromkeys(NAMES, "http://["))
@example(dict.fromkeys(NAMES, "\x00"))
def test_any_settings_are_taken_or_refused_by_name(given_settings: dict[str, str]) -> None:
    try:
        load_settings(given_settings)
    except SettingsError as refusal:
        told = str(refusal).splitlines()
        assert "to correct, in Azure among" in told[0]
        assert all(line.removeprefix("- ").split(":")[0] in {*NAMES, "AzureWebJobsStorage"} for line in told[1:])


# --- what the vendors hold --------------------------------------------------------------------------------------------

FIELD_MAPS = [load_mapping(crm, None) for crm in ("dynamics365", "salesforce")]
COLUMNS = sorted({column for field_map in FIELD_MAPS for column in field_map.record_columns})
PATHS = [
    "name",
    "status",
    "substatus",
    "details",
    "customerProfile",
    "team",
    "inviteContext",
    "consent",
    "organizationId",
]


@UNHURRIED
@given(st.dictionaries(st.sampled_from(COLUMNS), JSON, max_size=12))
def test_any_row_of_a_crm_is_read_or_a_problem(row: dict[str, object]) -> None:
    for field_map in FIELD_MAPS:
        try:
            field_map.read_record(row)
        except DataError as refusal:
            assert len(str(refusal)) <= 4000  # noqa: PT017


@UNHURRIED
@given(st.dictionaries(st.sampled_from(PATHS), JSON, max_size=8))
def test_any_body_of_a_referral_is_read_or_a_problem(body: dict[str, object]) -> None:
    for field_map in FIELD_MAPS:
        try:
            field_map.read_referral(body)
        except DataError as refusal:
            assert len(str(refusal)) <= 4000  # noqa: PT017
