"""Which certificate URLs are called: watched at the socket, whatever the table or chance comes up with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug import Request, Response

from shared.partner_center.certificates import NetworkFetcher
from shared.partner_center.refusal import CertificateUnavailable, Reason, SignatureRefused
from shared.partner_center.signature import SignatureCheck
from shared.partner_center.trust import Trust, check_url
from tests.support import pki
from tests.support.connections import Connections, proof, recorded
from tests.support.signed_events import BODY, HOST, URL, Stage
from tests.support.stand_ins import START, UNHURRIED, ManualClock
from tests.unit.test_certificates import REFUSED
from tools.simulators.certificates import CertificateAuthority
from tools.simulators.server import SimulatorServer

HOSTILE = {
    "": Reason.URL_SCHEME,
    "not a url": Reason.URL_CHARACTERS,
    f"http://{HOST}/cert/a.cer": Reason.URL_SCHEME,
    f"ftp://{HOST}/cert/a.cer": Reason.URL_SCHEME,
    "file:///etc/ssl/a.cer": Reason.URL_SCHEME,
    "data:application/x-x509-ca-cert;base64,AAAA.cer": Reason.URL_SCHEME,
    f"//{HOST}/cert/a.cer": Reason.URL_SCHEME,
    f"https:{HOST}/cert/a.cer": Reason.URL_HOST,
    f"https:///{HOST}/cert/a.cer": Reason.URL_HOST,
    "https://evil.example/cert/a.cer": Reason.URL_HOST,
    "https://evilstorage.blob.core.windows.net/cert/a.cer": Reason.URL_HOST,
    f"https://{HOST}.evil.example/cert/a.cer": Reason.URL_HOST,
    f"https://evil-{HOST}/cert/a.cer": Reason.URL_HOST,
    f"https://{HOST}./cert/a.cer": Reason.URL_HOST,
    f"https://{HOST}@evil.example/cert/a.cer": Reason.URL_EXTRAS,
    f"https://user@{HOST}/cert/a.cer": Reason.URL_EXTRAS,
    f"https://user:word@{HOST}/cert/a.cer": Reason.URL_EXTRAS,
    f"https://{HOST}:8443/cert/a.cer": Reason.URL_HOST,
    f"https://{HOST}:80/cert/a.cer": Reason.URL_HOST,
    f"https://{HOST}:0/cert/a.cer": Reason.URL_HOST,
    f"https://{HOST}:99999/cert/a.cer": Reason.URL_MALFORMED,
    f"https://{HOST}:x/cert/a.cer": Reason.URL_MALFORMED,
    f"https://{HOST}/cert/a.cer?url=https://evil.example": Reason.URL_EXTRAS,
    f"https://{HOST}/cert/a.cer?": Reason.URL_EXTRAS,
    f"https://{HOST}/cert/a.cer#fragment": Reason.URL_EXTRAS,
    f"https://{HOST}/cert/a.cer#": Reason.URL_EXTRAS,
    f"https://{HOST}/cert/a.pem": Reason.URL_PATH,
    f"https://{HOST}/cert/": Reason.URL_PATH,
    f"https://{HOST}": Reason.URL_PATH,
    f"https://{HOST}/cert/../secret/a.cer": Reason.URL_PATH,
    f"https://{HOST}/cert/%2e%2e/a.cer": Reason.URL_PATH,
    f"https://{HOST}/cert/a.cer%00.cer": Reason.URL_PATH,
    f"https://{HOST}\\@evil.example/cert/a.cer": Reason.URL_CHARACTERS,
    f"https://evil.example\\.{HOST}/cert/a.cer": Reason.URL_CHARACTERS,
    f"https://{HOST}\t/cert/a.cer": Reason.URL_CHARACTERS,
    f"https://{HOST}/cert/a.cer\r\nHost: evil.example": Reason.URL_CHARACTERS,
    f"https://{HOST}\n.evil.example/a.cer": Reason.URL_CHARACTERS,
    f"https://{HOST} .evil.example/a.cer": Reason.URL_CHARACTERS,
    f"https://{HOST.replace('o', chr(0x43E), 1)}/cert/a.cer": Reason.URL_CHARACTERS,
    f"https://{HOST}\u2100evil.example/a.cer": Reason.URL_CHARACTERS,
    "https://127.0.0.1/cert/a.cer": Reason.URL_HOST,
    "https://localhost/cert/a.cer": Reason.URL_HOST,
    "https://169.254.169.254/metadata/a.cer": Reason.URL_HOST,
    "https://[::1]/cert/a.cer": Reason.URL_HOST,
    f"https://[::ffff:7f00:1]/{HOST}/a.cer": Reason.URL_HOST,
    "https://[/cert/a.cer": Reason.URL_MALFORMED,
    "https://2130706433/cert/a.cer": Reason.URL_HOST,
    f"https://{HOST}/cert/a.cer\x7f": Reason.URL_CHARACTERS,
    f"https://{HOST}/.cer": Reason.URL_PATH,
    f"https://{HOST}/cert/.a.cer": Reason.URL_PATH,
    f"https://{HOST}/cert/a.cer;x=1.cer": Reason.URL_PATH,
    f"https://{HOST}//evil.example/a.cer": Reason.URL_PATH,
}


@pytest.fixture
def connections() -> Iterator[Connections]:
    with recorded() as seen:
        yield seen


class Wire:
    """A check that fetches for real, from a certificate host on this machine that speaks TLS."""

    def __init__(self, server: SimulatorServer, stage: Stage) -> None:
        self.stage = stage
        self.url = f"{server.url}/cert/a.cer"
        self._trust = Trust(frozenset({server.host}), stage.trust.bundle, pki.SUBJECT, pki.ORGANIZATION)

    def check(self, headers: Mapping[str, str], body: bytes = BODY) -> None:
        """Check with nothing remembered."""
        SignatureCheck(self._trust, NetworkFetcher(), ManualClock(START)).check(headers, body)


Certificate = list[bytes]


@pytest.fixture(scope="module")
def served() -> Certificate:
    """What the certificate host serves: the last of these."""
    return [b""]


@pytest.fixture(scope="module")
def server(served: Certificate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorServer]:
    authority = CertificateAuthority()
    bundle = authority.write_bundle(tmp_path_factory.mktemp("tls") / "ca.pem")
    app = Request.application(lambda _request: Response(served[-1]))
    with pytest.MonkeyPatch.context() as patch, SimulatorServer("certificates", app, authority) as running:
        patch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        yield running


# --- the recorder itself ---------------------------------------------------------------------------------------------


def test_the_recorder_sees_a_real_connection(server: SimulatorServer, connections: Connections) -> None:
    proof(int(server.host.rpartition(":")[2]))
    assert connections.hosts == ["localhost", "127.0.0.1"]
    assert connections.foreign == set()


def test_the_recorder_sees_and_refuses_a_foreign_one(connections: Connections) -> None:
    with pytest.raises(CertificateUnavailable):
        NetworkFetcher().fetch("https://evil.example/a.cer")
    assert connections.foreign == {"evil.example"}


# --- URLs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_url_is_refused_for_its_own_reason_and_never_called(url: str, connections: Connections) -> None:
    stage = Stage()
    check = SignatureCheck(stage.trust, NetworkFetcher(), stage.clock)
    with pytest.raises(SignatureRefused) as caught:
        check.check(stage.headers(x_ms_certificate_url=url), BODY)
    assert caught.value.reason is HOSTILE[url]
    assert connections.hosts == []


def test_there_are_plenty_of_hostile_urls_and_none_is_missing() -> None:
    assert len(HOSTILE) >= 25
    assert set(HOSTILE.values()) == {reason for reason in Reason if reason.name.startswith("URL_")}
    Stage().refuse(Reason.URL_SCHEME, x_ms_certificate_url=None)


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


# --- certificates, over the wire -------------------------------------------------------------------------------------


def test_a_good_certificate_is_fetched_from_where_it_is(
    server: SimulatorServer, served: Certificate, connections: Connections
) -> None:
    wire = Wire(server, Stage())
    served.append(wire.stage.leaf.der)
    wire.check(wire.stage.headers(x_ms_certificate_url=wire.url))
    assert "127.0.0.1" in connections.hosts
    assert connections.foreign == set()


@pytest.mark.parametrize("wrong", sorted(REFUSED))
def test_a_wrong_certificate_makes_us_ask_nobody_else(
    wrong: str, server: SimulatorServer, served: Certificate, connections: Connections
) -> None:
    # Each names the place where its issuer could be had (AIA) and its revocation list: neither is asked.
    make, reason, _ = REFUSED[wrong]
    wire = Wire(server, make())
    served.append(bytes(wire.stage.fetcher.content))  # type: ignore[arg-type]
    with pytest.raises(SignatureRefused) as caught:
        wire.check(wire.stage.headers(x_ms_certificate_url=wire.url))
    assert caught.value.reason is reason
    assert "127.0.0.1" in connections.hosts, "the certificate was fetched"
    assert connections.foreign == set()


# --- whatever chance comes up with -----------------------------------------------------------------------------------

_WORDS = "https http : / // @ ? # \\ %2f %00 . .. ; [ ] ::1 443 8443 cert .cer xn-- localhost 127.0.0.1 169.254.169.254"
_PIECES = st.sampled_from([*_WORDS.split(), "evil.example", HOST, HOST.upper(), " ", "\t", "\n", "\u2100", "\uff0e"])
URLS = st.lists(_PIECES | st.text(max_size=3), max_size=14).map("".join) | st.tuples(
    st.integers(0, len(URL)), st.lists(_PIECES, max_size=4).map("".join), st.integers(0, 3)
).map(lambda cut: URL[: cut[0]] + cut[1] + URL[cut[0] + cut[2] :])
NAMES = st.sampled_from(["host", "x-forwarded-host", "authorization", "location", "x-ms-certificate-url ", "referer"])


@UNHURRIED
@given(URLS, st.dictionaries(NAMES | st.text(max_size=20), URLS, max_size=4))
def test_no_text_makes_us_call_anybody_else(url: str, others: dict[str, str]) -> None:
    stage = Stage()
    check = SignatureCheck(stage.trust, NetworkFetcher(), stage.clock)
    headers = {**others, **stage.headers(x_ms_certificate_url=url)}
    with recorded() as connections, pytest.raises((SignatureRefused, CertificateUnavailable)) as caught:
        check.check(headers, BODY)
    assert connections.foreign <= {HOST}
    if isinstance(caught.value, SignatureRefused):
        assert connections.hosts == []
