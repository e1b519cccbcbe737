"""What deals and services may hold, and what it must not do to those who read it."""

from __future__ import annotations

import json
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from shared.crm.salesforce.errors import classifier
from shared.errors import DataError, MappingError, OutcomeUnknown, ServiceUnavailable, SettingsError
from shared.guard import InvocationFailed, guarded
from shared.http import MAX_ANSWER, Request, RequestsTransport, Response
from shared.ledger import audit
from shared.ledger.model import AuditEntry
from shared.mapping import codecs
from shared.mapping.loading import load_mapping
from shared.partner_center.referrals import ReferralsClient
from shared.pem import text_or_file
from shared.printable import first_line, printable
from shared.problems import Problem, problem
from shared.sync.preview import Action, Side
from tests.support.stand_ins import START, UNHURRIED, ManualClock
from tools.admin.files import inert, private
from tools.admin.preview.forecasts import Group, Report
from tools.cli.terminal import say

STEERING = "\x1b]0;title\x07\x1b[2J\r\n\u202edlrow\u202c\u2028\x85\x00\u200b\ufeff"
FORGED = "hello\n2026-11-01 09:00:00 UTC  CRM → Partner Center  deal_value: 42000 → 1 (changed in the CRM)"


def _refused(words: str) -> Problem:
    return problem("crm.refused", "notes", crm="Dynamics 365", message=words)


# --- one line ---------------------------------------------------------------------------------------------------------


@UNHURRIED
@given(st.text(), st.none() | st.integers(1, 50))
@example(STEERING, None)
def test_nothing_printable_steers_anything(text: str, limit: int | None) -> None:
    shown = printable(text, limit)
    assert len(shown.splitlines()) <= 1
    assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in shown)
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c") & set(shown)
    shown.encode()
    assert printable(shown) == shown


def test_what_people_write_stays_as_it_is() -> None:
    for text in ("Ünïcode 한국어 عربى", "می‌خواهم", "👩‍💻 deal", "a & b <c> [d]"):
        assert printable(text) == text


def test_a_long_text_is_cut() -> None:
    assert printable("abcdef", 4) == "abc…"


@pytest.mark.parametrize("text", [FORGED, f"a{STEERING}b", "x\u2029y"])
def test_no_value_forges_a_line_of_the_audit(text: str) -> None:
    line = audit.line(AuditEntry("1", START, audit.BOTH, f"notes: (empty) → {text} (changed in Partner Center)"))
    assert line.splitlines() == [line]
    assert "\u202e" not in line
    assert line.startswith("2026-03-01 12:00:00 UTC  Partner Center ⇄ CRM  notes: ")


def test_the_terminal_is_told_text_not_commands(capsys: pytest.CaptureFixture[str]) -> None:
    say("first line\nsecond", f"{STEERING}end")
    printed = capsys.readouterr().out
    assert printed.startswith("first line\nsecond ")
    assert not set("\x1b\x07\x00\r\u202e") & set(printed)


# --- forecasts --------------------------------------------------------------------------------------------------------


def test_a_deals_name_is_no_markup_in_a_forecast() -> None:
    report = Report("dynamics365", "1")
    group = Group()
    name = "Deal [/b] [link=https://evil.example]click[/link] [bold]" + STEERING
    group.count, group.examples = 1, [("r", "c", "old", name)]
    report._groups[(Action.WRITE, Side.CRM, "name", f"because [red]{STEERING}")] = group
    console = Console(file=StringIO(), width=400, force_terminal=True, color_system=None)
    console.print(report.table())
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for words in ("Deal [/b] [link=https://evil.example]click[/link] [bold]", "because [red]"):
        assert words in shown
    assert not set("\x07\u202e\x00") & set(shown)


@pytest.mark.parametrize("sign", "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
def test_no_cell_is_a_formula(sign: str) -> None:
    assert inert(f"{sign}HYPERLINK(1)")[0] == "'"
    for separator in (";", "\t", "\n", "\r\n", "|", "; ", ","):
        assert f"{separator}{sign}H" not in inert(f"x{separator}{sign}H")


def test_a_plain_cell_stays_as_it_is() -> None:
    for text in ("", "a-b", "mail@example.com", "1 + 1", "a=b", "first; second", "Contoso, Ltd"):
        assert inert(text) == text


def test_a_report_is_for_its_owner_alone(tmp_path: Path) -> None:
    for path in (tmp_path / "new.csv", tmp_path / "old.csv"):
        if path.name == "old.csv":
            path.touch(0o644)
        with private(path, encoding="utf-8") as file:
            file.write("x")
        assert path.stat().st_mode & 0o777 == 0o600


# --- codecs -----------------------------------------------------------------------------------------------------------

LONG = "x" * 500_000


@pytest.mark.parametrize(
    "codec", [codecs.currency(), codecs.day(), codecs.country(), codecs.choice({1: "a"}), codecs.choice({"a": "a"})]
)
def test_a_value_of_any_length_is_quoted_in_short(codec: codecs.Codec) -> None:
    for read in (codec.from_referral, codec.from_record):
        with pytest.raises(ValueError, match=r"(?i)xxx|must be") as caught:
            read(LONG)
        assert len(str(caught.value)) < 300


def test_a_problem_of_any_length_is_told_in_short_and_on_one_line() -> None:
    error = DataError(_refused(f"is wrong: {LONG}\n{STEERING}"))
    assert len(str(error)) <= 4000
    assert len(str(error).splitlines()) == 1


NESTED = ["&" + "amp;" * 250_000, "&#38;" + "#38;" * 250_000, "&" + "amp;#x26;" * 100_000 + "lt;"]


@pytest.mark.parametrize("text", NESTED, ids=["amp", "number", "mixed"])
def test_text_that_was_escaped_without_end_is_read_in_one_go(text: str) -> None:
    read = codecs.text(escaped=True).from_referral
    assert read(text) == ("<" if text.endswith("lt;") else "&")


def test_text_that_was_built_to_take_many_passes_takes_few() -> None:
    text = "&" * 200
    for _ in range(200):
        text = text.replace("&", "&#3&#56;;", 1)
    read = codecs.text(escaped=True).from_referral
    once = read(text)
    assert read(once) == once


def test_what_is_left_of_a_text_of_too_many_passes_has_the_ends_of_lines_that_it_reads_with_again() -> None:
    read = codecs.text(escaped=True).from_referral
    once = read("first\r&\nsecond &" + "#0000038;" * 20)
    assert isinstance(once, str)
    assert once.startswith("first\nsecond #0000038;")
    assert read(once) == once


@UNHURRIED
@given(st.lists(st.sampled_from(["&", "amp;", "#38;", "#x26;", "#3", "8;", "lt;", ";", "a", " ", "\r\n", "✔ "])))
def test_reading_again_reads_the_same(pieces: list[str]) -> None:
    for strip in (False, True):
        read = codecs.text(strip_mark=strip).from_referral
        once = read("".join(pieces))
        assert read(once) == once


@UNHURRIED
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(NESTED),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    )
)
@example(Decimal("NaN"))
@example("1e999999999")
@example(10**400)
@example({"id": LONG})
def test_any_value_is_read_or_refused_in_words(value: object) -> None:
    known = (
        codecs.text(50), codecs.link(), codecs.money(), codecs.currency(), codecs.day(), codecs.yes_no(),
        codecs.choice({1: "a"}), codecs.country(), codecs.ids(), codecs.solutions(),
    )  # fmt: skip
    for codec in known:
        for read in (codec.from_referral, codec.from_record):
            try:
                read(value)
            except ValueError as refusal:
                assert len(str(refusal)) < 1000  # noqa: PT017 - what it says is the point


# --- the mapping file -------------------------------------------------------------------------------------------------

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + level)}: &{chr(98 + level)} [{', '.join([f'*{chr(97 + level)}'] * 9)}]\n" for level in range(12)
)


@pytest.mark.parametrize("text", [BOMB, "a: &a [*a]", "base: &b {x: 1}\nother:\n  <<: *b"])
def test_a_mapping_file_with_aliases_is_refused_with_its_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "dynamics365.yaml").write_text(text)
    with pytest.raises(MappingError, match=r"dynamics365.yaml, line \d+: cannot be read: aliases"):
        load_mapping("dynamics365", tmp_path)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "a:\n" + "".join(f"{' ' * depth}- \n" for depth in range(1, 500)), "{a: " * 500]
)
def test_a_mapping_file_without_a_bottom_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "dynamics365.yaml").write_text(text)
    with pytest.raises(MappingError, match=r"dynamics365.yaml, line \d+: cannot be read: "):
        load_mapping("dynamics365", tmp_path)


@UNHURRIED
@given(
    st.text(max_size=300) | st.lists(st.sampled_from([*"{}[]:-&*!%#|>'\"\n ,?@`ab1", "fields", "version"])).map("".join)
)
def test_any_mapping_file_is_read_or_refused_in_words(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "dynamics365.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
        with pytest.raises(MappingError):
            load_mapping("dynamics365", Path(folder))


# --- what leaves with a failure ---------------------------------------------------------------------------------------


def _chained(first: Exception, second: Exception) -> None:
    try:
        raise first
    except type(first):
        raise second  # noqa: B904 - as code does that fails while it handles a failure


@pytest.mark.parametrize(
    ("second", "kind"),
    [
        (ServiceUnavailable("Table Storage does not answer"), InvocationFailed),
        (DataError(_refused("holds CANARY")), InvocationFailed),
        (KeyError("bug"), KeyError),
    ],
)
def test_no_cause_of_a_failure_leaves_with_it(second: Exception, kind: type[Exception]) -> None:
    refused = DataError(_refused("The value CANARY jane@doe.example is not valid"))
    with pytest.raises(kind) as caught, guarded():
        _chained(refused, second)
    printed = "".join(traceback.format_exception(caught.value))
    assert "CANARY" not in printed
    assert "jane" not in printed


def test_a_broken_connection_tells_no_address() -> None:
    url = "http://127.0.0.1:9/services/data/query?q=SELECT+Id+WHERE+Name='CANARY'"
    with pytest.raises(ServiceUnavailable) as caught:
        RequestsTransport().send(Request("GET", url, {}))
    assert "CANARY" not in "".join(traceback.format_exception(caught.value))


def test_a_key_whose_first_line_was_lost_is_not_told() -> None:
    with pytest.raises(SettingsError) as caught:
        text_or_file("SALESFORCE_PRIVATE_KEY", "A" + "B" * 4000)
    assert "BBBB" not in "".join(traceback.format_exception(caught.value))


def test_salesforce_quotes_the_query_and_we_do_not() -> None:
    message = (
        "\nSELECT Id FROM Account WHERE Name = 'CANARY Ltd' AND Billing_Code = '98052'\n"
        "                                                   ^\nERROR at Row:1:Column:47\nNo such column 'Billing_Code'"
    )
    body = json.dumps([{"errorCode": "INVALID_FIELD", "message": message}]).encode()
    error = classifier("")(Response(400, {}, body))
    assert "CANARY" not in str(error)
    assert "No such column 'Billing_Code'" in str(error)
    assert first_line("refused\nSELECT CANARY") == "refused"


# --- what a service may answer ----------------------------------------------------------------------------------------


@contextmanager
def _endless() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"0" * (1 << 20))
            except OSError:
                return

        def log_message(self, *_args: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def test_an_answer_without_end_is_given_up() -> None:
    with _endless() as url, pytest.raises(OutcomeUnknown, match=f"more than {MAX_ANSWER >> 20} MiB"):
        RequestsTransport().send(Request("GET", url, {}))


def test_an_answer_nested_beyond_reason_is_none() -> None:
    assert Response(200, {}, b"[" * 100_000 + b"]" * 100_000).json() is None


class Answering:
    """A service that answers every call alike."""

    def __init__(self, content: object) -> None:
        self.content = content

    def call(self, *_args: object, **_more: object) -> Response:
        return Response(200, {}, json.dumps(self.content).encode())


def client(content: object) -> ReferralsClient:
    return ReferralsClient(Answering(content), "https://api.example", ManualClock())  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["abc", "", "../../users", "2c7f6a2e", LONG])
def test_an_id_that_is_none_is_a_problem_not_a_bug(text: str) -> None:
    for call in (client({}).read, client({}).engagement):
        with pytest.raises(DataError, match="is not a referral ID") as caught:
            call(text)
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "page",
    [
        {"value": [], "@odata.nextLink": "http://["},
        {"value": [], "@odata.nextLink": "https://evil.example/x"},
        {"value": ["text"]},
        {"value": "text"},
        {"value": {"a": 1}},
        [],
        "text",
    ],
)
def test_a_list_that_is_none_is_an_outage_not_a_bug(page: object) -> None:
    with pytest.raises(ServiceUnavailable):
        client(page).engagement("2c7f6a2e-50f7-4a39-9a6c-6f0c6f6d5a11")
