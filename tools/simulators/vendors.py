"""All simulated services at once, and the app settings that point the app at them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cryptography.fernet import Fernet

from shared.settings.declaration import declared
from tools.simulators.certificates import CertificateAuthority
from tools.simulators.clock import SimulatorClock
from tools.simulators.control import ControlApi, add_partner_center_routes, add_server_routes
from tools.simulators.entra import EntraSimulator
from tools.simulators.partner_center import PartnerCenterSimulator, referrals_api, webhooks_api
from tools.simulators.server import SimulatorServer

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

CLIENT_ID = "4f2f1c1e-7b0e-4d52-9c0e-0a3b7d1c5e11"
CLIENT_SECRET = "simulated-client-secret"
SYNC_USER = "referrals.admin@fabrikam.example"
SALESFORCE_CLIENT_ID = "3MVG9.simulated.consumer.key"
SALESFORCE_CLIENT_SECRET = "simulated-consumer-secret"


class Vendors:
    """Entra ID, Partner Center (referrals, webhooks, certificate host) and whatever else was added.

    Servers by name: `entra`, `referrals`, `webhooks`, `certificates`, `issuers` and `control` (plain HTTP).
    `ports` may fix some.
    Use as a context manager.
    """

    def __init__(self, *, ports: Mapping[str, int] | None = None) -> None:
        self.clock = SimulatorClock()
        self.authority = CertificateAuthority()
        self.entra = EntraSimulator(self.clock)
        self.partner_center = PartnerCenterSimulator(self.entra, self.clock)
        self.control = ControlApi()
        self.servers: dict[str, SimulatorServer] = {}
        self._ports = ports or {}
        self._settings = {each.name: each.default for each in declared().values() if each.starts}
        self._running = ExitStack()
        self._register_app()

    def add(self, name: str, app: WSGIApplication, *, tls: bool = True) -> SimulatorServer:
        """Serve one more simulator under this name; it starts at once and stops with the others."""
        server = SimulatorServer(name, app, self.authority if tls else None, port=self._ports.get(name, 0))
        self.servers[name] = self._running.enter_context(server)
        return server

    def configure(self, settings: Mapping[str, str]) -> None:
        """Add app settings, for a simulator that was added."""
        self._settings.update(settings)

    def settings(self) -> dict[str, str]:
        """Return the app settings (section 4.2 of the design); audiences stay the vendors' own."""
        return dict(self._settings)

    def start(self) -> Self:
        """Start all servers and write the certificate files into a temporary folder."""
        directory = Path(self._running.enter_context(tempfile.TemporaryDirectory(prefix="simulators-")))
        pc = self.partner_center
        self.add("entra", self.entra)
        self.add("referrals", pc.referrals_app)
        self.add("webhooks", pc.webhooks_app)
        pc.certificate_host = self.add("certificates", pc.certificate_app).url
        pc.publish_issuers_at(self.add("issuers", pc.issuer_app, tls=False).url)
        add_server_routes(self.control, self.servers, self.clock)
        add_partner_center_routes(self.control, pc)
        self.control.add("GET", "/settings", lambda _, __: self.settings())
        self.add("control", self.control, tls=False)
        self._configure_trust(directory)
        self._configure_partner_center()
        pc.start()
        self._running.callback(pc.stop)
        return self

    def stop(self) -> None:
        """Stop everything and remove the temporary folder."""
        self._running.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _register_app(self) -> None:
        self.entra.register_app(CLIENT_ID, CLIENT_SECRET, redirect_uris=("http://localhost/",))
        self.entra.add_user(SYNC_USER)
        for resource in (referrals_api.AUDIENCE, webhooks_api.AUDIENCE):
            self.entra.register_resource(resource)

    def _configure_trust(self, directory: Path) -> None:
        tls = self.authority.write_bundle(directory / "tls-ca.pem")
        signing = directory / "webhook-trust.pem"
        # In place of the roots that the app ships; everything below them is the app's to find.
        signing.write_bytes(self.partner_center.signer.root_pem)
        self.configure(
            {
                "REQUESTS_CA_BUNDLE": str(tls),
                "SSL_CERT_FILE": str(tls),
                "WEBHOOK_TRUST_BUNDLE": str(signing),
                "WEBHOOK_CERTIFICATE_HOSTS": self.servers["certificates"].host,
                "WEBHOOK_ISSUER_HOSTS": self.servers["issuers"].host,
                "ENTRA_AUTHORITY": self.servers["entra"].url,
                "TOKEN_ENCRYPTION_KEY": Fernet.generate_key().decode(),
            }
        )

    def _configure_partner_center(self) -> None:
        self.configure(
            {
                "PARTNER_CENTER_TENANT_ID": self.entra.tenant_id,
                "PARTNER_CENTER_CLIENT_ID": CLIENT_ID,
                "PARTNER_CENTER_CLIENT_SECRET": CLIENT_SECRET,
                "PARTNER_CENTER_REFRESH_TOKEN": self.entra.issue_refresh_token(CLIENT_ID, SYNC_USER),
                "PARTNER_CENTER_API_URL": f"{self.servers['referrals'].url}{referrals_api.BASE_PATH}",
                "PARTNER_CENTER_WEBHOOKS_URL": f"{self.servers['webhooks'].url}{webhooks_api.BASE_PATH}",
                "PARTNER_CENTER_API_SCOPE": f"{referrals_api.AUDIENCE}/.default",
                "PARTNER_CENTER_WEBHOOKS_SCOPE": f"{webhooks_api.AUDIENCE}/.default",
            }
        )
