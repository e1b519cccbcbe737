"""Which certificates are Partner Center's: one table of what may be wrong with one, each refused for that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from shared.partner_center.refusal import Reason, SignatureRefused
from shared.partner_center.trust import load_bundle
from shared.settings.declaration import declared
from tests.support import pki
from tests.support.signed_events import HOST, Stage
from tests.support.stand_ins import START

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
    middle = pki.leaf(key=pki.rsa_key("middle"), common_name="graph.microsoft.com")
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


def _below_an_authority_for_code() -> Stage:
    middle = pki.intermediate(extended=(ExtendedKeyUsageOID.CODE_SIGNING,))
    return _below(middle, pki.root(), middle)


def _below_digicert(name: str = "DigiCert Inc", **options: Any) -> Stage:
    middle = pki.intermediate(organization=name)
    return Stage(pki.leaf(middle, **options), pki.root(), middle)


def _of_another_microsoft_host() -> Stage:
    """Genuine, of the same organization and chain, and of a service where anybody may have things signed."""
    return Stage(pki.leaf(common_name="graph.microsoft.com"))


def _leaf(**options: Any) -> Callable[[], Stage]:
    return lambda: Stage(pki.leaf(**options))


_NOT_AUTHORITY = "basicConstraints.cA must be asserted"

REFUSED: dict[str, tuple[Callable[[], Stage], Reason, str]] = {
    "expired": (_leaf(not_after=START - timedelta(seconds=1)), Reason.EXPIRED, ""),
    "not yet valid": (_leaf(not_before=START + timedelta(seconds=1)), Reason.NOT_YET_VALID, ""),
    "another Microsoft host": (_of_another_microsoft_host, Reason.NAME, ""),
    "a name that ends alike": (_leaf(common_name=f"evil-{pki.SUBJECT}"), Reason.NAME, ""),
    "a name that begins alike": (_leaf(common_name=f"{pki.SUBJECT}.evil.example"), Reason.NAME, ""),
    "a wildcard": (_leaf(common_name="*.microsoft.com"), Reason.NAME, ""),
    "of another organization": (_leaf(organization="Contoso"), Reason.ORGANIZATION, ""),
    "of an organization with a longer name": (
        _leaf(organization="Microsoft Corporation Ltd"),
        Reason.ORGANIZATION,
        "",
    ),
    "issued by another organization": (_below_another_organization, Reason.ISSUER, ""),
    "self-signed": (_self_signed, Reason.SELF_SIGNED, ""),
    "another root": (_under_another_root, Reason.CHAIN, "signature does not match"),
    "another root, sent along": (_under_another_root_that_is_also_sent, Reason.CHAIN, "signature does not match"),
    "no intermediate known": (lambda: Stage(pki.leaf(), pki.root()), Reason.CHAIN, "all candidates exhausted"),
    "an intermediate, but no root": (lambda: Stage(pki.leaf(), pki.good_intermediate()), Reason.NO_ROOT, ""),
    "signed with SHA-1": (
        lambda: Stage(pki.signed_with_sha1(pki.leaf())),
        Reason.CHAIN,
        "Forbidden signature algorithm",
    ),
    "RSA with 1024 bits": (lambda: Stage(pki.leaf(key=pki.rsa_key("short", 1024))), Reason.KEY, ""),
    "an elliptic curve": (lambda: Stage(pki.leaf(key=ec.generate_private_key(ec.SECP256R1()))), Reason.KEY, ""),
    "issued by a leaf": (_below_a_leaf, Reason.CHAIN, _NOT_AUTHORITY),
    "issued by no authority": (_below_an_authority_without_the_flag, Reason.CHAIN, _NOT_AUTHORITY),
    "issued by an authority that may not issue": (
        _below_an_authority_that_may_not_issue,
        Reason.CHAIN,
        "keyCertSign must be asserted",
    ),
    "issued by an expired authority": (
        _below_an_expired_authority,
        Reason.CHAIN,
        "cert is not valid at validation time",
    ),
    "a chain longer than its authority allows": (_too_deep, Reason.CHAIN, "path length constraint violated"),
    "a key that may not sign": (_leaf(usage=pki.ENCIPHERS_ONLY), Reason.USAGE, ""),
    "a key of unstated use": (_leaf(without_usage=True), Reason.USAGE, ""),
    "an authority that may sign data": (_leaf(authority=True, usage=pki.SIGNS_BOTH), Reason.AUTHORITY, ""),
    "for code": (_leaf(extended=(ExtendedKeyUsageOID.CODE_SIGNING,)), Reason.PURPOSE, ""),
    "for revocation": (_leaf(extended=(ExtendedKeyUsageOID.OCSP_SIGNING,)), Reason.PURPOSE, ""),
    "another name listed": (_leaf(names=("a.contoso.example",)), Reason.NAME, "subject CN=pcnotifications"),
    "below an authority for code": (_below_an_authority_for_code, Reason.CHAIN, "may not issue for TLS"),
    "issued by a company that issues for others, to nobody": (
        lambda: _below_digicert(organization=None),
        Reason.ORGANIZATION,
        "DigiCert",
    ),
    "issued by a company that issues for others, to another": (
        lambda: _below_digicert(organization="Contoso"),
        Reason.ORGANIZATION,
        "Contoso",
    ),
    "the intermediate itself": (lambda: Stage(pki.good_intermediate()), Reason.USAGE, ""),
    "the root itself": (lambda: Stage(pki.root()), Reason.USAGE, ""),
}


def test_the_certificates_are_refused_for_what_is_wrong_with_them() -> None:
    Stage(pki.leaf()).accept()
    assert len(REFUSED) >= 14


@pytest.mark.parametrize("wrong", sorted(REFUSED))
def test_a_wrong_certificate_is_refused_for_its_own_reason(wrong: str) -> None:
    make, reason, detail = REFUSED[wrong]
    make().refuse(reason, detail=detail)


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"\x30\x82\x00\x00", b"-----BEGIN CERTIFICATE-----\nAAAA", b"0" * 999]
)
def test_what_is_no_certificate_is_refused(content: bytes) -> None:
    stage = Stage()
    stage.fetcher.content = content
    stage.refuse(Reason.NOT_A_CERTIFICATE)


def test_a_certificate_with_bytes_flipped_anywhere_is_refused_and_breaks_nothing() -> None:
    good = Stage().leaf.der
    for position in range(0, len(good), 7):
        stage = Stage()
        stage.fetcher.content = good[:position] + bytes([good[position] ^ 0x11]) + good[position + 1 :]
        with pytest.raises(SignatureRefused):
            stage.accept()


@pytest.mark.parametrize(
    "options",
    [
        {"common_name": "something else", "names": (pki.SUBJECT,)},
        {"common_name": pki.SUBJECT.upper(), "names": ()},
        {"extended": ()},
        {"extended": (ExtendedKeyUsageOID.SERVER_AUTH,)},
        {"extended": (ExtendedKeyUsageOID.CLIENT_AUTH,)},
        {"extended": (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)},
        {"organization": None},
    ],
)
def test_what_is_not_documented_of_the_live_certificate_is_left_open(options: dict[str, Any]) -> None:
    # The name may stand in the subject or beside it, and the subject need not name an organization: the issuer does.
    Stage(pki.leaf(**options)).accept()


@pytest.mark.parametrize(
    "purposes",
    [
        (),
        (ExtendedKeyUsageOID.SERVER_AUTH,),
        (ExtendedKeyUsageOID.CLIENT_AUTH,),
        pki.TLS,
        (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,),
        (ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.SERVER_AUTH),
    ],
)
def test_an_authority_may_be_for_tls_servers_alone(purposes: tuple[x509.ObjectIdentifier, ...]) -> None:
    # Authorities that were disclosed after June 2026 bear nothing but the server purpose.
    middle = pki.intermediate(extended=purposes)
    _below(middle, pki.root(), middle).accept()


@pytest.mark.parametrize("name", ["DigiCert Inc", "DigiCert, Inc."])
def test_another_company_may_have_issued_it_to_microsoft(name: str) -> None:
    _below_digicert(name).accept()


def test_a_certificate_of_an_unknown_version_is_none() -> None:
    stage = Stage()
    der = stage.leaf.der
    stage.fetcher.content = der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020105"), 1)
    assert stage.fetcher.content != der
    stage.refuse(Reason.NOT_A_CERTIFICATE)
    stage.refuse(Reason.NOT_A_CERTIFICATE)
    assert len(stage.fetcher.urls) == 1, "and that is remembered"


def test_a_certificate_is_judged_by_the_given_clock() -> None:
    Stage(pki.leaf(not_after=START + DAY), now=START + timedelta(days=2)).refuse(Reason.EXPIRED)
    Stage(pki.leaf(not_before=START + DAY), now=START + timedelta(days=2)).accept()


def test_a_refusal_is_not_remembered_as_trust() -> None:
    stage = REFUSED["another root"][0]()
    for _ in range(2):
        stage.refuse(Reason.CHAIN)
    assert len(stage.fetcher.urls) == 1, "though it is remembered as a refusal"


# --- the shipped bundle ----------------------------------------------------------------------------------------------


SHIPPED = {
    "DigiCert Global Root G2": ("2038-01-15", "cb3ccbb76031e5e0138f8dd39a23f9de47ffc35e43c1144cea27d46a5ab1cb5f"),
    "DigiCert Global Root G3": ("2038-01-15", "31ad6648f8104138c738f39ea4320133393e3a18cc02296ef97c2ac9ef6731d0"),
    "Microsoft ECC Root Certificate Authority 2017": (
        "2042-07-18",
        "358df39d764af9e1b766e9c972df352ee15cfac227af6ad1d70e8e4a6edcba02",
    ),
    "Microsoft RSA Root Certificate Authority 2017": (
        "2042-07-18",
        "c741f70f4b2a8d88bf2e71c14122ef53ef10eba0cfa5e64cfa20f418853073e0",
    ),
    "DigiCert TLS RSA4096 Root G5": ("2046-01-14", "371a00dc0533b3721a7eeb40e8419e70799d2b0a0f2c1d80693165f7cec4ad75"),
    "DigiCert TLS ECC P384 Root G5": ("2046-01-14", "018e13f0772532cf809bd1b17281867283fc48c6e13be9c69812854a490c1b05"),
}
"""The roots of Azure's services, and of Microsoft's roots that are signed by them: until when, and which exactly."""


def test_the_shipped_bundle_is_the_roots_of_azure_and_none_ends_soon() -> None:
    from shared.partner_center.connect import _trust_bundle

    bundle = load_bundle(_trust_bundle(None))
    assert all(each.subject == each.issuer for each in bundle), "what ages is fetched"
    assert {
        str(each.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value): (
            f"{each.not_valid_after_utc:%Y-%m-%d}",
            each.fingerprint(hashes.SHA256()).hex(),
        )
        for each in bundle
    } == SHIPPED
    soon = datetime.now(UTC) + timedelta(days=365)
    assert [name for name, (ends, _) in SHIPPED.items() if ends < f"{soon:%Y-%m-%d}"] == []
    assert declared()["webhook_certificate_hosts"].default == HOST
