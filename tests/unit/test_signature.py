"""Whether an event is Partner Center's: URL, certificate, signature; nothing of the request is believed before."""

from __future__ import annotations

import base64
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from shared.partner_center.certificates import MAX_BYTES, HttpsFetcher
from shared.partner_center.signature import (
    CACHE_SIZE,
    CACHE_TIME,
    CertificateUnavailable,
    SignatureCheck,
    SignatureRefused,
    Trust,
    check_url,
    load_bundle,
)
from shared.settings import Settings
from tests.unit import pki
from tests.unit.stand_ins import START, ManualClock

HOST = "3psostorageacct.blob.core.windows.net"
URL = f"https://{HOST}/cert/pcnotifications-dispatch.microsoft.com.cer"
BODY = b'{"EventName":"referral-updated","ResourceUri":"https://x/1"}'


class CountingFetcher:
    """Serves certificates from memory and counts."""

    def __init__(self, content: bytes | Exception) -> None:
        self.content = content
        self.urls: list[str] = []

    def fetch(self, url: str) -> bytes:
        self.urls.append(url)
        if isinstance(self.content, Exception):
            raise self.content
        return self.content


class Stage:
    """A check that trusts the test root, and the leaf that signs."""

    def __init__(self, leaf: pki.Issued | None = None, *bundle: pki.Issued, now: datetime = START) -> None:
        self.leaf = leaf or pki.leaf()
        held = bundle or (pki.root(), pki.good_intermediate())
        self.fetcher = CountingFetcher(self.leaf.der)
        self.clock = ManualClock(now)
        trust = Trust(
            hosts=frozenset({HOST}),
            bundle=[each.certificate for each in held],
            subject=pki.SUBJECT,
            organization=pki.ORGANIZATION,
        )
        self.check = SignatureCheck(trust, self.fetcher, self.clock)

    def headers(self, body: bytes = BODY, **replaced: str | None) -> dict[str, str]:
        headers: dict[str, str | None] = {
            "x-ms-signature": f"Signature {self.leaf.signature(body)}",
            "x-ms-certificate-url": URL,
            "x-ms-signature-algorithm": "rsa-sha256",
        }
        headers |= {name.replace("_", "-"): value for name, value in replaced.items()}
        return {name: value for name, value in headers.items() if value is not None}

    def accept(self, body: bytes = BODY, **replaced: str | None) -> None:
        self.check.check(self.headers(body, **replaced), body)

    def refuse(self, body: bytes = BODY, **replaced: str | None) -> None:
        with pytest.raises(SignatureRefused):
            self.accept(body, **replaced)


# --- what is accepted ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["Signature ", "signature ", "", "  Signature   "])
@pytest.mark.parametrize("header", ["x_ms_signature", "authorization"])
def test_both_headers_and_both_spellings_are_accepted(header: str, prefix: str) -> None:
    stage = Stage()
    text = prefix + stage.leaf.signature(BODY)
    replaced: dict[str, Any] = {"x_ms_signature": None, header: text}
    stage.accept(**replaced)


def test_the_signature_header_of_its_own_comes_before_authorization() -> None:
    Stage().accept(authorization="Bearer something-of-the-gateway")


@pytest.mark.parametrize("algorithm", ["rsa-sha256", "RSA-SHA256", " rsa-sha256 "])
def test_the_algorithm_in_any_case(algorithm: str) -> None:
    Stage().accept(x_ms_signature_algorithm=algorithm)


def test_a_certificate_in_pem_is_accepted() -> None:
    stage = Stage()
    stage.fetcher.content = stage.leaf.pem
    stage.accept()


def test_any_bytes_are_a_body() -> None:
    for body in (b"", b"\x00\xff", b"not json"):
        Stage().accept(body)


@pytest.mark.parametrize(
    "options",
    [
        {"common_name": "something else", "names": (pki.SUBJECT,)},
        {"common_name": pki.SUBJECT.upper(), "names": ()},
        {"extended": ()},
        {"organization": "Anybody"},
    ],
)
def test_the_name_may_stand_in_the_subject_or_beside_it(options: dict[str, Any]) -> None:
    # The organization that counts is the issuer's; the dispatcher is known by its host name.
    Stage(pki.leaf(**options)).accept()


# --- algorithm, signature, body --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "algorithm", [None, "", "rsa-sha1", "rsa-md5", "none", "hmac-sha256", "rsa-sha512", "sha256", "rsa-sha256, none"]
)
def test_the_request_does_not_choose_the_algorithm(algorithm: str | None) -> None:
    stage = Stage()
    stage.refuse(x_ms_signature_algorithm=algorithm)
    assert stage.fetcher.urls == []


@pytest.mark.parametrize("signature", [None, "", "Signature", "Signature ", "Signature ###", "Signature Zg", "\u00e4"])
def test_no_signature_no_fetch(signature: str | None) -> None:
    stage = Stage()
    stage.refuse(x_ms_signature=signature)
    assert stage.fetcher.urls == []


@pytest.mark.parametrize("signature", [b"", b"x", b"\x00" * 256, b"\xff" * 256, b"x" * 257])
def test_a_made_up_signature_is_refused(signature: bytes) -> None:
    Stage().refuse(x_ms_signature=base64.b64encode(signature).decode())


@pytest.mark.parametrize("body", [BODY + b" ", BODY[:-1], BODY.replace(b"updated", b"created"), b""])
def test_a_body_that_was_touched_is_refused(body: bytes) -> None:
    stage = Stage()
    with pytest.raises(SignatureRefused):
        stage.check.check(stage.headers(BODY), body)


def test_a_signature_with_a_weaker_hash_is_refused() -> None:
    stage = Stage()
    signature = pki.rsa_key("leaf").sign(BODY, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - the attack
    stage.refuse(x_ms_signature=base64.b64encode(signature).decode())


def test_a_signature_by_another_key_is_refused() -> None:
    forger = pki.leaf(key=pki.rsa_key("forger"))
    Stage().refuse(x_ms_signature=forger.signature(BODY))


# --- certificates ----------------------------------------------------------------------------------------------------

DAY = timedelta(days=1)


def _self_signed() -> Stage:
    return Stage(pki.issue(None, pki.rsa_key("leaf")))


def _below(parent: pki.Issued, *bundle: pki.Issued) -> Stage:
    return Stage(pki.leaf(parent), *bundle)


def _foreign_intermediate() -> pki.Issued:
    return pki.intermediate(pki.other_root(), pki.rsa_key("foreign intermediate"))


def _under_another_root() -> Stage:
    return _below(_foreign_intermediate())


def _under_another_root_that_is_also_sent() -> Stage:
    stage = _under_another_root()
    stage.fetcher.content = stage.leaf.pem + _foreign_intermediate().pem + pki.other_root().pem
    return stage


def _below_a_leaf() -> Stage:
    middle = pki.leaf(key=pki.rsa_key("middle"))
    return _below(middle, pki.root(), pki.good_intermediate(), middle)


def _below_an_authority_without_the_flag() -> Stage:
    middle = pki.intermediate(authority=False, path_length=None, usage=pki.SIGNS_DATA_ONLY, names=())
    return _below(middle, pki.root(), middle)


def _below_an_authority_that_may_not_issue() -> Stage:
    middle = pki.intermediate(usage=pki.SIGNS_DATA_ONLY)
    return _below(middle, pki.root(), middle)


def _below_an_expired_authority() -> Stage:
    middle = pki.intermediate(not_after=START - DAY)
    return _below(middle, pki.root(), middle)


def _below_another_organization() -> Stage:
    middle = pki.intermediate(organization="Microsoft Corporation Ltd")
    return _below(middle, pki.root(), middle)


def _too_deep() -> Stage:
    second = pki.intermediate(pki.good_intermediate(), pki.rsa_key("second"), common_name="Test Issuing CA 02")
    return _below(second, pki.root(), pki.good_intermediate(), second)


REFUSED: dict[str, Callable[[], Stage]] = {
    "expired": lambda: Stage(pki.leaf(not_after=START - timedelta(seconds=1))),
    "not yet valid": lambda: Stage(pki.leaf(not_before=START + timedelta(seconds=1))),
    "another name": lambda: Stage(pki.leaf(common_name="www.microsoft.com")),
    "a name that ends alike": lambda: Stage(pki.leaf(common_name=f"evil-{pki.SUBJECT}")),
    "a name that begins alike": lambda: Stage(pki.leaf(common_name=f"{pki.SUBJECT}.evil.example")),
    "a wildcard": lambda: Stage(pki.leaf(common_name="*.microsoft.com")),
    "issued by another organization": _below_another_organization,
    "self-signed": _self_signed,
    "another root": _under_another_root,
    "another root, sent along": _under_another_root_that_is_also_sent,
    "no intermediate known": lambda: Stage(pki.leaf(), pki.root()),
    "an intermediate, but no root": lambda: Stage(pki.leaf(), pki.good_intermediate()),
    "signed with SHA-1": lambda: Stage(pki.signed_with_sha1(pki.leaf())),
    "RSA with 1024 bits": lambda: Stage(pki.leaf(key=pki.rsa_key("short", 1024))),
    "an elliptic curve": lambda: Stage(pki.leaf(key=ec.generate_private_key(ec.SECP256R1()))),
    "issued by a leaf": _below_a_leaf,
    "issued by no authority": _below_an_authority_without_the_flag,
    "issued by an authority that may not issue": _below_an_authority_that_may_not_issue,
    "issued by an expired authority": _below_an_expired_authority,
    "a chain longer than its authority allows": _too_deep,
    "a key that may not sign": lambda: Stage(pki.leaf(usage=pki.ENCIPHERS_ONLY)),
    "a key of unstated use": lambda: Stage(pki.leaf(without_usage=True)),
    "the intermediate itself": lambda: Stage(pki.good_intermediate()),
    "the root itself": lambda: Stage(pki.root()),
}


def test_the_certificates_are_refused_for_what_is_wrong_with_them() -> None:
    Stage(pki.leaf()).accept()
    assert len(REFUSED) >= 14


@pytest.mark.parametrize("wrong", sorted(REFUSED))
def test_a_wrong_certificate_is_refused(wrong: str) -> None:
    REFUSED[wrong]().refuse()


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"\x30\x82\x00\x00", b"-----BEGIN CERTIFICATE-----\nAAAA", b"0" * 999]
)
def test_what_is_no_certificate_is_refused(content: bytes) -> None:
    stage = Stage()
    stage.fetcher.content = content
    stage.refuse()


def test_a_certificate_is_judged_by_the_given_clock() -> None:
    Stage(pki.leaf(not_after=START + DAY), now=START + timedelta(days=2)).refuse()
    Stage(pki.leaf(not_before=START + DAY), now=START + timedelta(days=2)).accept()


def test_an_unreachable_host_is_no_verdict() -> None:
    stage = Stage()
    stage.fetcher.content = CertificateUnavailable("down")
    with pytest.raises(CertificateUnavailable):
        stage.accept()
    stage.fetcher.content = stage.leaf.der
    stage.clock.pass_time(60)  # Partner Center delivers again; until then the host is left alone for a while
    stage.accept()


def test_a_made_up_signature_cannot_make_us_forget_a_certificate_that_is_known() -> None:
    # It may make us look for a rotation; what that look meets says nothing about the key that is known and still good.
    for trouble in (CertificateUnavailable("down"), b"<html>"):
        stage = Stage()
        stage.accept()
        stage.clock.pass_time(5 * 60)
        stage.fetcher.content = trouble
        with pytest.raises((SignatureRefused, CertificateUnavailable)):
            stage.accept(x_ms_signature=base64.b64encode(b"x" * 256).decode())
        stage.accept()


def test_a_refusal_is_not_remembered_as_trust() -> None:
    stage = REFUSED["another root"]()
    stage.refuse()
    stage.refuse()


# --- URLs ------------------------------------------------------------------------------------------------------------

HOSTILE = [
    "",
    "not a url",
    f"http://{HOST}/cert/a.cer",
    f"ftp://{HOST}/cert/a.cer",
    "file:///etc/ssl/a.cer",
    "data:application/x-x509-ca-cert;base64,AAAA.cer",
    f"//{HOST}/cert/a.cer",
    f"https:{HOST}/cert/a.cer",
    f"https:///{HOST}/cert/a.cer",
    "https://evil.example/cert/a.cer",
    "https://evilstorage.blob.core.windows.net/cert/a.cer",
    f"https://{HOST}.evil.example/cert/a.cer",
    f"https://evil-{HOST}/cert/a.cer",
    f"https://{HOST}./cert/a.cer",
    f"https://{HOST}@evil.example/cert/a.cer",
    f"https://user@{HOST}/cert/a.cer",
    f"https://user:word@{HOST}/cert/a.cer",
    f"https://{HOST}:8443/cert/a.cer",
    f"https://{HOST}:80/cert/a.cer",
    f"https://{HOST}:0/cert/a.cer",
    f"https://{HOST}:99999/cert/a.cer",
    f"https://{HOST}:x/cert/a.cer",
    f"https://{HOST}/cert/a.cer?url=https://evil.example",
    f"https://{HOST}/cert/a.cer?",
    f"https://{HOST}/cert/a.cer#fragment",
    f"https://{HOST}/cert/a.cer#",
    f"https://{HOST}/cert/a.pem",
    f"https://{HOST}/cert/",
    f"https://{HOST}",
    f"https://{HOST}/cert/../secret/a.cer",
    f"https://{HOST}/cert/%2e%2e/a.cer",
    f"https://{HOST}/cert/a.cer%00.cer",
    f"https://{HOST}\\@evil.example/cert/a.cer",
    f"https://evil.example\\.{HOST}/cert/a.cer",
    f"https://{HOST}\t/cert/a.cer",
    f"https://{HOST}/cert/a.cer\r\nHost: evil.example",
    f"https://{HOST}\n.evil.example/a.cer",
    f"https://{HOST} .evil.example/a.cer",
    f"https://{HOST.replace('o', chr(0x43E), 1)}/cert/a.cer",
    f"https://{HOST}\u2100evil.example/a.cer",
    "https://127.0.0.1/cert/a.cer",
    "https://localhost/cert/a.cer",
    "https://169.254.169.254/metadata/a.cer",
    "https://[::1]/cert/a.cer",
    f"https://[::ffff:7f00:1]/{HOST}/a.cer",
    "https://[/cert/a.cer",
    "https://2130706433/cert/a.cer",
]


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_url_is_never_called(url: str) -> None:
    stage = Stage()
    stage.refuse(x_ms_certificate_url=url)
    assert stage.fetcher.urls == []


def test_there_are_plenty_of_hostile_urls_and_none_is_missing() -> None:
    assert len(set(HOSTILE)) >= 25
    stage = Stage()
    stage.refuse(x_ms_certificate_url=None)
    assert stage.fetcher.urls == []


@pytest.mark.parametrize("url", [URL, f"https://{HOST.upper()}/cert/x.cer", f"https://{HOST}:443/x.cer", f" {URL} "])
def test_the_expected_urls_are_called(url: str) -> None:
    stage = Stage()
    stage.accept(x_ms_certificate_url=url)
    assert len(stage.fetcher.urls) == 1


def test_a_host_may_be_allowed_with_its_port_and_then_only_with_it() -> None:
    hosts = frozenset({"localhost:8443"})
    check_url("https://localhost:8443/a.cer", hosts)
    for url in ("https://localhost/a.cer", "https://localhost:8444/a.cer", "http://localhost:8443/a.cer"):
        with pytest.raises(SignatureRefused):
            check_url(url, hosts)


# --- the cache -------------------------------------------------------------------------------------------------------


def test_one_fetch_serves_many_events() -> None:
    stage = Stage()
    for number in range(50):
        stage.accept(BODY + str(number).encode())
    assert stage.fetcher.urls == [URL]


def test_a_burst_in_many_threads_fetches_once() -> None:
    stage = Stage()
    headers = stage.headers()
    barrier = threading.Barrier(8)
    failures: list[BaseException] = []

    def one() -> None:
        barrier.wait()
        try:
            stage.check.check(headers, BODY)
        except BaseException as error:  # noqa: BLE001 - told to the test below
            failures.append(error)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert stage.fetcher.urls == [URL]


def test_a_certificate_is_fetched_again_after_a_while() -> None:
    stage = Stage()
    stage.accept()
    stage.clock.pass_time(CACHE_TIME.total_seconds() + 1)
    stage.accept()
    assert len(stage.fetcher.urls) == 2


def test_a_certificate_that_ends_is_not_believed_from_memory() -> None:
    stage = Stage(pki.leaf(not_after=START + timedelta(minutes=10)))
    stage.accept()
    stage.clock.pass_time(11 * 60)
    stage.refuse()


def test_a_new_url_is_a_new_certificate() -> None:
    stage = Stage()
    stage.accept()
    stage.leaf = pki.leaf(key=pki.rsa_key("next"))
    stage.fetcher.content = stage.leaf.der
    stage.accept(x_ms_certificate_url=f"https://{HOST}/cert/next.cer")
    assert len(stage.fetcher.urls) == 2


def test_a_certificate_that_was_rotated_at_its_url_is_believed_after_the_cache_ran_out() -> None:
    stage = Stage()
    stage.accept()
    stage.leaf = pki.leaf(key=pki.rsa_key("next"))
    stage.fetcher.content = stage.leaf.der
    stage.clock.pass_time(CACHE_TIME.total_seconds() + 1)
    stage.accept()


def test_a_certificate_that_was_rotated_at_its_url_does_not_cost_an_hour_of_events() -> None:
    # "the URL exists so that the certificate can rotate" (reference 5): a key that no longer fits is looked at anew.
    stage = Stage()
    stage.accept()
    stage.clock.pass_time(5 * 60)
    stage.leaf = pki.leaf(key=pki.rsa_key("next"))
    stage.fetcher.content = stage.leaf.der
    stage.accept()


def test_made_up_signatures_do_not_make_us_fetch_again_and_again() -> None:
    stage = Stage()
    stage.accept()
    for _ in range(50):
        stage.refuse(x_ms_signature=base64.b64encode(b"x" * 256).decode())
    assert len(stage.fetcher.urls) <= 2


def test_the_cache_is_bounded() -> None:
    stage = Stage()
    for number in range(CACHE_SIZE + 1):
        stage.accept(x_ms_certificate_url=f"https://{HOST}/cert/{number}.cer")
    stage.accept(x_ms_certificate_url=f"https://{HOST}/cert/{CACHE_SIZE}.cer")
    assert len(stage.fetcher.urls) == CACHE_SIZE + 1
    stage.accept(x_ms_certificate_url=f"https://{HOST}/cert/0.cer")
    assert len(stage.fetcher.urls) == CACHE_SIZE + 2


class SlowFetcher(CountingFetcher):
    """Keeps the second URL waiting until it is released."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.waiting = threading.Event()
        self.release = threading.Event()

    def fetch(self, url: str) -> bytes:
        if url != URL:
            self.waiting.set()
            self.release.wait(10)
        return super().fetch(url)


def test_a_slow_fetch_for_one_url_does_not_hold_up_events_whose_certificate_is_known() -> None:
    # Anybody can name another URL on the allowed host; that must not stop genuine events.
    stage = Stage()
    fetcher = SlowFetcher(stage.leaf.der)
    bundle = [pki.root().certificate, pki.good_intermediate().certificate]
    trust = Trust(frozenset({HOST}), bundle, pki.SUBJECT, pki.ORGANIZATION)
    check = SignatureCheck(trust, fetcher, stage.clock)
    check.check(stage.headers(), BODY)
    stalled = threading.Thread(
        target=check.check, args=(stage.headers(x_ms_certificate_url=f"https://{HOST}/slow.cer"), BODY)
    )
    genuine = threading.Thread(target=check.check, args=(stage.headers(), BODY), daemon=True)
    stalled.start()
    try:
        assert fetcher.waiting.wait(5)
        genuine.start()
        genuine.join(1)
        passed = not genuine.is_alive()
    finally:
        fetcher.release.set()
        stalled.join()
        genuine.join()
    assert passed


# --- the shipped bundle ----------------------------------------------------------------------------------------------


def test_the_shipped_bundle_is_of_authorities_with_a_root_and_holds_today() -> None:
    from shared.bootstrap import _trust_bundle

    bundle = load_bundle(_trust_bundle(None))
    assert any(each.subject == each.issuer for each in bundle)
    assert all(each.not_valid_after_utc > START for each in bundle)
    assert Settings.model_fields["webhook_certificate_hosts"].default == (HOST,)


# --- fetching --------------------------------------------------------------------------------------------------------


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[BaseHTTPRequestHandler], None]], str]]:
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(reply: Callable[[BaseHTTPRequestHandler], None]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                reply(self)

            def log_message(self, *_args: object) -> None:
                """Stay silent."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}/a.cer"

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


Serve = Callable[[Callable[[BaseHTTPRequestHandler], None]], str]


def _reply(
    status: int, body: bytes = b"", *, location: str = "", length: int | None = None
) -> Callable[[BaseHTTPRequestHandler], None]:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        if location:
            handler.send_header("Location", location)
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def test_a_certificate_is_fetched_as_it_is(serve: Serve) -> None:
    content = pki.leaf().der
    assert HttpsFetcher().fetch(serve(_reply(200, content))) == content


def test_a_redirect_of_the_certificate_is_refused(serve: Serve) -> None:
    with pytest.raises(SignatureRefused):
        HttpsFetcher().fetch(serve(_reply(302, location="http://127.0.0.1:9/other.cer")))


@pytest.mark.parametrize("status", [404, 500, 503])
def test_a_host_that_fails_is_asked_again_later(serve: Serve, status: int) -> None:
    with pytest.raises(CertificateUnavailable):
        HttpsFetcher().fetch(serve(_reply(status, b"sorry")))


def test_a_huge_certificate_is_refused(serve: Serve) -> None:
    with pytest.raises(SignatureRefused):
        HttpsFetcher().fetch(serve(_reply(200, b"x" * (MAX_BYTES + 1))))


def test_a_certificate_that_breaks_off_is_asked_for_again_later(serve: Serve) -> None:
    with pytest.raises(CertificateUnavailable):
        HttpsFetcher().fetch(serve(_reply(200, b"half", length=1000)))


def test_a_connection_that_is_reset_within_the_certificate_is_asked_again_later(serve: Serve) -> None:
    def reset(handler: BaseHTTPRequestHandler) -> None:
        _reply(200, b"half", length=1000)(handler)
        handler.wfile.flush()
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()

    with pytest.raises(CertificateUnavailable):
        HttpsFetcher().fetch(serve(reset))


def test_an_unreachable_host_is_asked_again_later() -> None:
    with pytest.raises(CertificateUnavailable):
        HttpsFetcher().fetch("http://127.0.0.1:9/a.cer")
