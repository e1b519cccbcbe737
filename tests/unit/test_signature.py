"""Whether Partner Center signed an event's body; nothing of the request is believed before."""

from __future__ import annotations

import base64
import string
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from shared.partner_center.refusal import CertificateUnavailable, Reason, SignatureRefused
from shared.partner_center.signature import CACHE_SIZE, CACHE_TIME, UNKNOWN_PER_MINUTE, SignatureCheck
from tests.support import pki
from tests.support.signed_events import BODY, HOST, URL, CountingFetcher, Stage
from tests.support.stand_ins import START

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


# --- algorithm, signature, body --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "algorithm", [None, "", "rsa-sha1", "rsa-md5", "none", "hmac-sha256", "rsa-sha512", "sha256", "rsa-sha256, none"]
)
def test_the_request_does_not_choose_the_algorithm(algorithm: str | None) -> None:
    stage = Stage()
    stage.refuse(Reason.ALGORITHM, x_ms_signature_algorithm=algorithm)
    assert stage.fetcher.urls == []


@pytest.mark.parametrize("signature", [None, "", " "])
def test_no_signature_no_fetch(signature: str | None) -> None:
    stage = Stage()
    stage.refuse(Reason.NO_SIGNATURE, x_ms_signature=signature)
    assert stage.fetcher.urls == []


def _with_idle_bits(text: str) -> str:
    """Return another spelling of the same bytes: the last digit before `==` has four bits that mean nothing."""
    digits = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    return f"{text[:-3]}{digits[digits.index(text[-3]) ^ 1]}=="


RE_ENCODED: dict[str, Callable[[str], str]] = {
    "hexadecimal": lambda text: base64.b64decode(text)[:-1].hex(),
    "without padding": lambda text: text.rstrip("="),
    "url-safe": lambda text: base64.urlsafe_b64encode(b"\xff" + base64.b64decode(text)[1:]).decode(),
    "with line breaks": lambda text: f"{text[:76]}\n{text[76:]}",
    "with idle bits": _with_idle_bits,
    "not ASCII": lambda text: text + "\u00e4",
    "nothing of the kind": lambda _: "###",
    "the word alone": lambda _: "Signature",
}


@pytest.mark.parametrize("spelling", sorted(RE_ENCODED))
def test_a_signature_in_another_spelling_is_refused_before_any_fetch(spelling: str) -> None:
    stage = Stage()
    stage.refuse(Reason.ENCODING, x_ms_signature=f"Signature {RE_ENCODED[spelling](stage.leaf.signature(BODY))}")
    assert stage.fetcher.urls == []


@pytest.mark.parametrize("spelling", ["encoded twice", "truncated", "reversed"])
def test_a_signature_of_other_bytes_is_refused(spelling: str) -> None:
    stage = Stage()
    right = stage.leaf.sign(BODY)
    wrong = {"encoded twice": base64.b64encode(right), "truncated": right[:-1], "reversed": right[::-1]}[spelling]
    stage.refuse(Reason.SIGNATURE, x_ms_signature=base64.b64encode(wrong).decode())


@pytest.mark.parametrize("signature", [b"x", b"\x00" * 256, b"\xff" * 256, b"x" * 257])
def test_a_made_up_signature_is_refused(signature: bytes) -> None:
    Stage().refuse(Reason.SIGNATURE, x_ms_signature=base64.b64encode(signature).decode())


@pytest.mark.parametrize("body", [BODY + b" ", BODY[:-1], BODY.replace(b"updated", b"created"), b""])
def test_a_body_that_was_touched_is_refused(body: bytes) -> None:
    stage = Stage()
    with pytest.raises(SignatureRefused) as caught:
        stage.check.check(stage.headers(BODY), body)
    assert caught.value.reason is Reason.SIGNATURE


def test_a_signature_with_a_weaker_hash_is_refused() -> None:
    stage = Stage()
    signature = pki.rsa_key("leaf").sign(BODY, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - the attack
    stage.refuse(Reason.SIGNATURE, x_ms_signature=base64.b64encode(signature).decode())


def test_a_signature_by_another_key_is_refused() -> None:
    forger = pki.leaf(key=pki.rsa_key("forger"))
    Stage().refuse(Reason.SIGNATURE, x_ms_signature=forger.signature(BODY))


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
    stage.refuse(Reason.EXPIRED)


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
        stage.refuse(Reason.SIGNATURE, x_ms_signature=base64.b64encode(b"x" * 256).decode())
    assert stage.fetcher.urls == [URL]


def test_the_cache_is_bounded() -> None:
    stage = Stage()
    for number in range(CACHE_SIZE + 1):
        stage.accept(x_ms_certificate_url=f"https://{HOST}/cert/{number}.cer")
        stage.clock.pass_time(7)
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
    check = SignatureCheck(stage.trust, fetcher, stage.clock)
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


# --- what a host that fails, or a forger, cannot do ---


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


def test_made_up_urls_do_not_push_a_known_certificate_out() -> None:
    stage = Stage()
    stage.accept()
    stage.fetcher.content = CertificateUnavailable("no such file")
    for number in range(3 * CACHE_SIZE):
        stage.clock.pass_time(7)
        with pytest.raises(CertificateUnavailable):
            stage.accept(x_ms_certificate_url=f"https://{HOST}/cert/{number}.cer")
    stage.accept()


def test_a_refusal_that_is_repeated_does_not_grow() -> None:
    stage = Stage(pki.leaf(not_after=START - timedelta(seconds=1)))
    depths = []
    for _ in range(3):
        with pytest.raises(SignatureRefused) as caught:
            stage.accept()
        depths.append(len(caught.traceback))
    assert depths[1] == depths[2]


def test_made_up_urls_become_few_fetches() -> None:
    stage = Stage()
    stage.fetcher.content = CertificateUnavailable("no such file")
    for number in range(2000):
        with pytest.raises(CertificateUnavailable):
            stage.accept(x_ms_certificate_url=f"https://{HOST}/x/{number}.cer")
    assert len(stage.fetcher.urls) == UNKNOWN_PER_MINUTE
    stage.clock.pass_time(60)
    with pytest.raises(CertificateUnavailable):
        stage.accept(x_ms_certificate_url=f"https://{HOST}/x/next.cer")
    assert len(stage.fetcher.urls) == UNKNOWN_PER_MINUTE + 1


def test_made_up_urls_hold_up_neither_the_documented_one_nor_one_that_is_known() -> None:
    stage, other = Stage(), f"https://{HOST}/cert/v2/dispatch.cer"
    stage.accept(x_ms_certificate_url=other)
    stage.clock.pass_time(CACHE_TIME.total_seconds() + 1)
    stage.fetcher.content = CertificateUnavailable("no such file")
    for number in range(2 * UNKNOWN_PER_MINUTE):
        with pytest.raises(CertificateUnavailable):
            stage.accept(x_ms_certificate_url=f"https://{HOST}/x/{number}.cer")
    stage.fetcher.content = stage.leaf.der
    stage.accept(x_ms_certificate_url=other)
    stage.accept()


def test_one_url_in_many_spellings_is_fetched_once() -> None:
    stage = Stage()
    letters = [index for index, letter in enumerate(HOST) if letter.isalpha()]
    for index in letters:
        host = HOST[:index] + HOST[index].upper() + HOST[index + 1 :]
        for port in ("", ":443", ":0443"):
            stage.accept(x_ms_certificate_url=URL.replace(HOST, host + port))
    assert stage.fetcher.urls == [URL]


def test_a_genuine_event_does_not_wait_while_a_made_up_signature_makes_us_look_again() -> None:
    stage = Stage()
    stage.accept()
    stage.clock.pass_time(5 * 60)
    looking, release = threading.Event(), threading.Event()

    class Stalled(CountingFetcher):
        def fetch(self, url: str) -> bytes:
            looking.set()
            release.wait(10)
            return super().fetch(url)

    stage.check._fetcher = Stalled(stage.leaf.der)
    forged = stage.headers(x_ms_signature=base64.b64encode(b"x" * 256).decode())

    def forge() -> None:
        with pytest.raises(SignatureRefused):
            stage.check.check(forged, BODY)

    forger = threading.Thread(target=forge)
    forger.start()
    genuine = threading.Thread(target=stage.accept, daemon=True)
    try:
        assert looking.wait(5)
        genuine.start()
        genuine.join(5)
        passed = not genuine.is_alive()
    finally:
        release.set()
        forger.join()
        genuine.join()
    assert passed
