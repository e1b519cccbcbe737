"""A diagnosis, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from werkzeug import Response

from shared.partner_center.token_store import SignedIn
from tests.support.stages.admin import DynamicsDesk
from tools.admin.doctor.report import Line, Mark, Owner
from tools.cli import doctor
from tools.simulators.vendors import CLIENT_SECRET

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

RECEIVER = "https://app.example/api/WebhookReceiver?code=a-function-key"
SECRETS = ("PARTNER_CENTER_REFRESH_TOKEN", "TOKEN_ENCRYPTION_KEY", "DYNAMICS_CLIENT_SECRET", "SALESFORCE_CLIENT_SECRET")


class Findings(list[Line]):
    """The lines of one diagnosis."""

    def of(self, mark: Mark) -> list[Line]:
        return [line for line in self if line.mark is mark]

    def about(self, subject: str) -> Line:
        """The one line about a subject."""
        (line,) = [line for line in self if line.subject == subject]
        return line

    @property
    def bad(self) -> list[tuple[str, Owner | None]]:
        return [(line.subject, line.owner) for line in self.of(Mark.BAD)]


def see(settings: Mapping[str, str]) -> Findings:
    """Examine; no secret of the settings may be in what is found."""
    found = Findings(doctor.lines(settings))
    told = "\n".join(map(str, found))
    for line in found:
        assert (line.owner is None) == (line.remedy == ""), f"{line}: an owner has something to do, and nobody else"
        assert line.mark is not Mark.BAD or line.owner, f"{line}: is nobody's"
    for name in SECRETS:
        assert not settings.get(name) or settings[name] not in told, f"{name} is in the output"
    assert CLIENT_SECRET not in told
    assert "a-function-key" not in told
    assert "AccountKey" not in told
    return found


def answering(status: int) -> WSGIApplication:
    """A function app that answers everything alike."""
    return Response("", status)


def signed_in(desk: DynamicsDesk) -> SignedIn:
    """Ada, who signed in three days ago."""
    return SignedIn("ada@partner.example", desk.app().clock.now() - timedelta(days=3))
