"""Issuers that the bundle lacks: fetched where that is allowed, believed only below a root that we hold."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from shared.errors import ServiceUnavailable
from shared.ledger.drawers import Drawers
from shared.ledger.memory import MemoryLedger, MemoryValues
from shared.partner_center.issuers import MAX_STEPS, TOTAL_TIME, Issuers
from shared.partner_center.refusal import CertificateUnavailable, Reason, SignatureRefused
from shared.partner_center.signature import CACHE_TIME, SignatureCheck
from shared.partner_center.trust import Trust
from tests.support import pki
from tests.support.signed_events import HOST, Stage
from tests.support.stand_ins import START

HOSTS = ("pki.example", "localhost:8080")
CROSS, CA = "http://pki.example/certs/cross%20sign.crt", "http://pki.example/certs/ca.crt"


class PkiHost:
    """What is served by URL, the moments of asking counted; each answer takes `seconds`."""

    def __init__(self, files: dict[str, bytes | Exception]) -> None:
        self.files = files
        self.asked: list[str] = []
        self.allowed: list[float] = []
        self.now = 0.0
        self.seconds = 0.0

    def fetch(self, url: str, seconds: float) -> bytes:
        self.asked.append(url)
        self.allowed.append(seconds)
        self.now += self.seconds
        content = self.files.get(url, CertificateUnavailable("404"))
        if isinstance(content, Exception):
            raise content
        return content

    def timer(self) -> float:
        return self.now


class Chased(Stage):
    """A stage whose bundle is the root alone, and a leaf four levels below it, as Microsoft's are."""

    def __init__(self, *bundle: pki.Issued, hosts: tuple[str, ...] = HOSTS, **leaf: Any) -> None:
        cross = pki.intermediate(key=pki.rsa_key("cross"), common_name="TLS Root G2", path_length=1, extended=pki.TLS)
        self.cross = cross
        self.ca = pki.intermediate(cross, extended=(ExtendedKeyUsageOID.SERVER_AUTH,), issuers=(CROSS,))
        given = {"issuers": (CA,), "extended": (ExtendedKeyUsageOID.SERVER_AUTH,), **leaf}
        super().__init__(pki.leaf(given.pop("below", self.ca), **given), *(bundle or (pki.root(),)))
        self.pki = PkiHost({CROSS: cross.der, CA: self.ca.pem})
        self.ledger = MemoryLedger()
        self.hosts = hosts
        self.restart()

    def restart(self) -> None:
        """Be a new process: nothing in memory."""
        issuers = Issuers(self.hosts, self.pki, lambda: self.ledger.drawers, timer=self.pki.timer)
        self.check = SignatureCheck(self.trust, self.fetcher, self.clock, issuers)


def test_a_chain_of_four_levels_is_completed_and_fetched_once() -> None:
    stage = Chased()
    for _ in range(3):
        stage.accept()
        stage.clock.pass_time(CACHE_TIME.total_seconds() + 1)
    assert stage.pki.asked == [CA, CROSS]


def test_a_new_process_finds_the_issuers_in_the_ledger() -> None:
    stage = Chased()
    stage.accept()
    stage.pki.files.clear()
    stage.restart()
    stage.accept()
    assert stage.pki.asked == [CA, CROSS]


def test_a_bundle_that_holds_part_of_the_way_is_enough_for_it() -> None:
    stage = Chased()
    stage = Chased(pki.root(), stage.cross)
    stage.accept()
    assert stage.pki.asked == [CA]


def test_an_issuer_in_the_bundle_is_never_fetched() -> None:
    whole = Chased()
    stage = Chased(pki.root(), whole.cross, whole.ca)
    stage.accept()
    assert stage.pki.asked == []


def test_an_issuer_that_ended_is_fetched_anew() -> None:
    stage = Chased(not_after=START + timedelta(days=300))
    renewed = stage.ca
    stage.ca = pki.intermediate(stage.cross, issuers=(CROSS,), not_after=START + timedelta(days=2))
    stage.pki.files[CA] = stage.ca.der
    stage.accept()
    stage.clock.pass_time(timedelta(days=3).total_seconds())
    stage.pki.files[CA] = renewed.der
    stage.restart()
    stage.accept()
    assert stage.pki.asked == [CA, CROSS, CA]


# --- an outage is no verdict -----------------------------------------------------------------------------------------

OUTAGES: dict[str, bytes | Exception] = {
    "unreachable": CertificateUnavailable("down"),
    "a redirect": SignatureRefused(Reason.REDIRECT),
    "too large": SignatureRefused(Reason.TOO_LARGE),
    "an error page": b"<html>",
    "nothing": b"",
}


@pytest.mark.parametrize("outage", sorted(OUTAGES))
def test_an_issuer_that_cannot_be_had_is_no_refusal(outage: str) -> None:
    stage = Chased()
    stage.pki.files[CA] = OUTAGES[outage]
    for _ in range(50):
        with pytest.raises(CertificateUnavailable):
            stage.accept()
    assert stage.pki.asked == [CA], "and the host is left alone for a while"
    stage.pki.files[CA] = stage.ca.der
    stage.clock.pass_time(11)
    stage.accept()


def test_an_issuer_that_cannot_be_had_is_left_alone_whichever_certificate_asks_for_it() -> None:
    stage = Chased()
    stage.pki.files.clear()
    for number in range(5):
        with pytest.raises(CertificateUnavailable):
            stage.accept(x_ms_certificate_url=f"https://{HOST}/cert/{number}.cer")
    assert stage.pki.asked == [CA]


def test_all_issuers_together_have_one_deadline() -> None:
    stage = Chased()
    stage.pki.seconds = TOTAL_TIME - 1
    stage.accept()
    assert stage.pki.allowed == [TOTAL_TIME, 1]


def test_issuers_that_take_too_long_are_no_refusal() -> None:
    stage = Chased()
    stage.pki.seconds = TOTAL_TIME
    with pytest.raises(CertificateUnavailable):
        stage.accept()
    assert stage.pki.asked == [CA]


class BrokenValues(MemoryValues):
    """Storage that does not answer."""

    def get(self, kind: str, name: str) -> tuple[str, str] | None:
        raise ServiceUnavailable(f"{kind} {name}")


def test_a_storage_that_fails_costs_only_the_memory() -> None:
    stage = Chased()
    stage.ledger.drawers = Drawers(BrokenValues())
    stage.accept()
    assert stage.pki.asked == [CA, CROSS]


# --- what is not believed, or not asked ------------------------------------------------------------------------------


def test_a_fetched_root_is_no_root() -> None:
    foreign = pki.intermediate(pki.other_root(), pki.rsa_key("foreign intermediate"), issuers=(CROSS,))
    stage = Chased(below=foreign)
    stage.pki.files = {CA: foreign.der, CROSS: pki.other_root().der}
    stage.refuse(Reason.CHAIN)
    assert list(stage.ledger.values.all("issuer")) == []


def test_a_chain_to_a_root_that_we_lack_is_refused_with_names() -> None:
    far = pki.issue(None, pki.rsa_key("far"), common_name="Far Root", authority=True)
    foreign = pki.intermediate(far, pki.rsa_key("foreign intermediate"), issuers=(CROSS,))
    stage = Chased(below=foreign)
    stage.pki.files = {CA: foreign.der, CROSS: far.der}
    stage.refuse(Reason.CHAIN, detail=f"what {CROSS} serves did not issue it; subject CN=Test Issuing CA 01")


def test_a_certificate_that_did_not_issue_ours_is_not_taken() -> None:
    stage = Chased()
    stage.pki.files[CA] = pki.intermediate(stage.cross, pki.rsa_key("namesake"), issuers=(CROSS,)).der
    stage.refuse(Reason.CHAIN, detail=f"what {CA} serves did not issue it")


def test_a_fetched_authority_for_code_is_refused() -> None:
    stage = Chased()
    stage.ca = pki.intermediate(stage.cross, extended=(ExtendedKeyUsageOID.CODE_SIGNING,), issuers=(CROSS,))
    stage.pki.files[CA] = stage.ca.der
    stage.refuse(Reason.CHAIN, detail="may not issue for TLS")


def test_a_fetched_leaf_is_no_authority() -> None:
    middle = pki.leaf(key=pki.rsa_key("middle"), common_name="graph.microsoft.com")
    stage = Chased(below=middle)
    stage.pki.files[CA] = middle.der
    with pytest.raises((SignatureRefused, CertificateUnavailable)):
        stage.accept()


def test_a_long_way_up_is_not_followed() -> None:
    names = [f"http://pki.example/{number}.crt" for number in range(MAX_STEPS + 2)]
    far = pki.issue(None, pki.rsa_key("far"), common_name="Far Root", authority=True)
    chain = [far]
    for number, url in enumerate(reversed(names)):
        chain.append(pki.intermediate(chain[-1], common_name=f"CA {number}", path_length=None, issuers=(url,)))
    stage = Chased(below=chain[-1], issuers=("http://pki.example/first.crt",))
    served = reversed(chain)
    stage.pki.files = dict(zip(["http://pki.example/first.crt", *names], (each.der for each in served), strict=True))
    stage.refuse(Reason.CHAIN, detail="longer than it may be")
    assert len(stage.pki.asked) == MAX_STEPS


def test_without_hosts_nothing_is_fetched() -> None:
    Stage(Chased().leaf, pki.root()).refuse(Reason.CHAIN)


REFUSED_PLACES = [
    "http://evil.example/ca.crt",
    "http://pki.example.evil.example/ca.crt",
    "http://pki.example@evil.example/ca.crt",
    "http://user@pki.example/ca.crt",
    "http://pki.example:8080/ca.crt",
    "http://localhost/ca.crt",
    "http://169.254.169.254/metadata/ca.crt",
    "http://pki.example:99999/ca.crt",
    "http://[/ca.crt",
    "ftp://pki.example/ca.crt",
    "file:///etc/ca.crt",
    "ldap://pki.example/ca.crt",
    "http://pki.example/ca.crt?next=1",
    "http://pki.example/ca.crt#a",
    "http://pki.example/../ca.crt",
    "http://pki.example//evil.example/ca.crt",
    "http://pki.example/ca.p7c",
    "http://pki.example/",
    "http://pki.example/a b.crt",
    "http://pki.example/a.crt\r\nX: y.crt",
]


@pytest.mark.parametrize("url", REFUSED_PLACES)
def test_an_issuer_elsewhere_is_not_asked_for(url: str) -> None:
    stage = Chased(issuers=(url,))
    stage.refuse(Reason.ISSUER_HOST)
    assert stage.pki.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://pki.example/ca.crt",
        "https://pki.example/ca.CRT",
        "http://pki.example:80/a/b.cer",
        "https://pki.example:443/ca.crt",
        "http://PKI.example/ca.crt",
        "http://localhost:8080/ca.crt",
        "http://pki.example/pkiops/certs/Microsoft%20TLS%20RSA%20Root%20G2%20-%20xsign.crt",
    ],
)
def test_an_issuer_at_an_allowed_place_is_asked_for(url: str) -> None:
    stage = Chased(issuers=("ldap://elsewhere.example/x", url))
    stage.pki.files[url] = stage.ca.der
    stage.accept()
    assert stage.pki.asked == [url, CROSS]


def test_a_certificate_that_is_refused_anyway_makes_us_look_for_no_issuer() -> None:
    stage = Chased(common_name="graph.microsoft.com")
    stage.refuse(Reason.NAME, detail="CN=graph.microsoft.com")
    assert stage.pki.asked == []


def test_the_host_that_was_refused_is_named() -> None:
    stage = Stage()
    stage.refuse(Reason.URL_HOST, detail="evil.example:443", x_ms_certificate_url="https://evil.example/a.cer")
    assert Trust(frozenset({HOST}), [], "", "").issuers == ("Microsoft Corporation", "DigiCert Inc")
