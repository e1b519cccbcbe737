"""Partner Center in memory: an organization's referrals, Microsoft's rows, and the people who work there."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

from shared.clock import Clock
from shared.errors import AccessDenied, DataError, GoneError, VersionMismatch
from shared.partner_center.port import Engagement, Operation, Referral
from tests.support.fakes import referral_rules as rules
from tests.support.fakes.referral_rules import Body, copied, put
from tests.support.fakes.tape import Tape, taped

FABRIKAM = "e1d7c0a4-2b7c-4c0e-8c0a-7d4a3c1f9b20"
CONTOSO = "7f3c2a10-5b1e-4e0f-9a52-0c8d1f6b7e33"
"""Another partner."""
MICROSOFT = "msft"
SOLUTION = "SOL-20311-QXT"
PAGE = 100

T = TypeVar("T")


@dataclass(frozen=True)
class Event:
    """What a webhook would tell: which row, whether it is new, whether it is ours, and when by its clock."""

    referral_id: str
    created: bool
    ours: bool
    at: datetime

    @property
    def name(self) -> str:
        """The event's name."""
        return f"{'' if self.ours else 'related-'}referral-{'created' if self.created else 'updated'}"


class FakePartnerCenter:
    """Implements PartnerCenter. `lag`: for how long a changed row is missing from the lists.

    The methods below "people" act as somebody at the web page, who may do more than the API lets us do.
    """

    def __init__(self, tape: Tape, clock: Clock, chance: Random, lag: timedelta = timedelta()) -> None:
        self._tape = tape
        self._clock = clock
        self._chance = chance
        self._counter = itertools.count(0x7A000000)
        self.lag = lag
        self.listed = {FABRIKAM}
        """Whose rows the lists show; whether other organizations' are among them is not documented."""
        self.rows: dict[str, Body] = {}
        self.watchers: list[Callable[[Body, bool], None]] = []
        """Each sees a row, and whether it is ours, just before the app writes it."""
        self.listeners: list[Callable[[Event], None]] = []
        self.logic: list[Callable[[Body], Mapping[str, object]]] = []
        """What the service itself makes of a row that we write: from the row, values by JSON Pointer."""
        self.refused: list[str] = []
        """What was refused of writes: the app asks for nothing of which it can know that it is refused."""

    # --- the port --------------------------------------------------------------------------------------------------

    def read(self, referral_id: str) -> Referral:
        """Return a referral."""
        return self._tape.run("partner_center", "read", lambda: self._shown(self._row(referral_id)))

    def changed_since(self, moment: datetime) -> Iterator[Referral]:
        """Return our referrals changed since the second of `moment`, oldest change first."""
        since = moment.replace(microsecond=0)

        def query() -> list[Referral]:
            found = [row for row in self._listed() if row.changed_at >= since]
            return sorted(found, key=lambda row: row.changed_at)

        return taped(self._tape, "partner_center", "changed_since", query, PAGE)

    def now(self) -> datetime:
        """Return this system's time, to the second."""
        return self._tape.run("partner_center", "now", lambda: self._clock.now().replace(microsecond=0))

    def newest(self) -> Referral | None:
        """Return the referral that changed last."""
        return self._tape.run(
            "partner_center",
            "newest",
            lambda: max(self._listed(), key=lambda row: row.changed_at, default=None),
        )

    def undecided(self) -> Iterator[Referral]:
        """Return our referrals with status New."""

        def query() -> list[Referral]:
            return [row for row in self._listed() if row.body["status"] == "New"]

        return taped(self._tape, "partner_center", "undecided", query, PAGE)

    def engagement(self, engagement_id: str) -> Engagement:
        """Return every row of an engagement; as every list it lags."""

        def query() -> Engagement:
            rows = [self._shown(row) for row in self.rows.copy().values() if row["engagementId"] == engagement_id]
            return Engagement(tuple(row for row in rows if self._is_listed(row)))

        return self._tape.run("partner_center", "engagement", query)

    def create(self, body: Mapping[str, object]) -> Referral:
        """Create our referral, or Microsoft's in an engagement of ours."""
        return self._tape.run("partner_center", "create", lambda: self._create(copied(dict(body))))

    def update(self, referral_id: str, operations: Iterable[Operation], version: str) -> Referral:
        """Patch a referral under its version."""
        steps = [dict(each) for each in operations]
        return self._tape.run("partner_center", "update", lambda: self._update(referral_id, steps, version))

    # --- people ----------------------------------------------------------------------------------------------------

    def invites_us(self, **changes: object) -> str:
        """Microsoft asks us to sell with it: our row is New, Microsoft's row of the engagement is active."""
        body = _inbound(changes)
        engagement = self._new_id()
        theirs = copied(body) | {"engagementId": engagement, "organizationId": MICROSOFT}
        self._insert(theirs, "Active", "Accepted", silent=True)
        body["inviteContext"]["invitedBy"] = {"organizationId": MICROSOFT, "organizationName": "Microsoft"}
        return str(self._insert(body | {"engagementId": engagement}, "New", "Pending")["id"])

    def registers(self, **changes: object) -> str:
        """A colleague enters our own deal at the web page."""
        body = _inbound({"type": "Independent", **changes})
        body["inviteContext"]["invitedBy"] = {"organizationId": FABRIKAM, "organizationName": "Fabrikam"}
        put(body, rules.SHARE, value=False)
        return str(self._insert(body, "Active", "Accepted")["id"])

    def partner_joins(self, engagement_id: str, **changes: object) -> str:
        """Another partner's row appears in an engagement of ours; whether we may read it is not documented."""
        body = _inbound(changes) | {"engagementId": engagement_id, "organizationId": CONTOSO}
        return str(self._insert(body, "Active", "Accepted")["id"])

    def edit(self, referral_id: str, changes: Mapping[str, object]) -> None:
        """Change values by JSON Pointer. Raises ValueError for a closed referral."""
        row = self.rows[referral_id]
        if row["status"] == "Closed":
            raise ValueError(f"{referral_id} is closed")
        changed = copied(row)
        for pointer, value in changes.items():
            put(changed, pointer, value)
        self._store(changed)

    def accept(self, referral_id: str) -> None:
        """Accept an invitation."""
        self.edit(referral_id, {"/status": "Active", "/substatus": "Accepted"})

    def close(self, referral_id: str, substatus: str) -> None:
        """Close as Won, Lost, Declined or Expired."""
        self.edit(referral_id, {"/status": "Closed", "/substatus": substatus})

    def delete(self, referral_id: str) -> None:
        """Make a referral disappear, or be no longer ours to see."""
        del self.rows[referral_id]

    def microsoft_reviews(self, referral_id: str, status: str, reason: str | None = None) -> None:
        """Microsoft decides about the registration of our win, or asks for something."""
        row = rules.copied(self.rows[referral_id])
        row["registrations"][-1] |= {"status": status, "statusReason": reason}
        self._store(row | {"registrationStatus": status})

    def colleague_registers(self, referral_id: str) -> None:
        """A colleague registers our win at the web page."""
        entry = {"status": "ReviewPending", "type": "AzureIPCoSell"}
        self._store(self.rows[referral_id] | {"registrations": [entry], "registrationStatus": "ReviewPending"})

    def microsoft_accepts(self, engagement_id: str, msx_id: str = "7-2ABCDEF0GH") -> None:
        """Microsoft accepts our invitation; its CRM's id appears on both rows."""
        for row in self.rows.copy().values():
            if row["engagementId"] != engagement_id:
                continue
            moved = {"/status": "Active", "/substatus": "Accepted"} if row["organizationId"] == MICROSOFT else {}
            self.edit(row["id"], {**moved, "/trackingInfo/microsoftMsxId": msx_id})

    def microsoft_declines(self, engagement_id: str, reason: str) -> None:
        """Microsoft declines our invitation, with its reason."""
        self._microsoft_edits(engagement_id, {"/status": "Closed", "/substatus": "Declined", "/statusReason": reason})

    def microsoft_closes(self, engagement_id: str, substatus: str) -> None:
        """Microsoft wins or loses its half, or lets the invitation expire."""
        self._microsoft_edits(engagement_id, {"/status": "Closed", "/substatus": substatus})

    def microsoft_names(self, engagement_id: str, first_name: str, last_name: str) -> None:
        """Microsoft puts a seller on the deal."""
        email = f"{first_name}.{last_name}@microsoft.example".lower()
        seller = {"firstName": first_name, "lastName": last_name, "email": email, "phoneNumber": "+14255550100"}
        for row in self.of_microsoft(engagement_id):
            self.edit(str(row["id"]), {"/team": [*row["team"], seller]})

    def invites_microsoft(self, referral_id: str, code: str) -> None:
        """A colleague asks Microsoft for help at the web page."""
        self.edit(referral_id, {rules.SHARE: True, "/type": "Shared"})
        theirs = copied(self.rows[referral_id]) | {"organizationId": MICROSOFT, "externalReferenceId": None}
        theirs["inviteContext"] = {"assistanceRequestCode": code}
        theirs |= {"trackingInfo": {"microsoftMsxId": None}}
        self._insert({name: value for name, value in theirs.items() if name != "id"}, "New", "Pending")

    def _microsoft_edits(self, engagement_id: str, changes: Mapping[str, object]) -> None:
        for row in self.of_microsoft(engagement_id):
            self.edit(str(row["id"]), changes)

    def ours(self) -> list[Body]:
        """Return our rows, oldest first."""
        return [row for row in self.rows.copy().values() if row["organizationId"] == FABRIKAM]

    def of_microsoft(self, engagement_id: str) -> list[Body]:
        """Return Microsoft's rows of an engagement."""
        rows = self.rows.copy().values()
        return [row for row in rows if row["organizationId"] == MICROSOFT and row["engagementId"] == engagement_id]

    # --- inside ----------------------------------------------------------------------------------------------------

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

    def _row(self, referral_id: str) -> Body:
        try:
            return self.rows[referral_id]
        except KeyError:
            raise GoneError("the referral no longer exists in Partner Center, or is not ours to see") from None

    def _listed(self) -> list[Referral]:
        rows = [self._shown(row) for row in self.rows.copy().values() if row["organizationId"] in self.listed]
        return [row for row in rows if self._is_listed(row)]

    def _is_listed(self, row: Referral) -> bool:
        return not self.lag or row.changed_at <= self._clock.now() - self.lag

    def _create(self, body: Body) -> Referral:
        self._allowed(lambda: rules.check_new(body))
        targets = [target["id"] for target in body.get("target") or ()]
        if body.get("engagementId") is None and MICROSOFT not in targets:
            body["inviteContext"] = {"invitedBy": {"organizationId": FABRIKAM, "organizationName": "Fabrikam"}}
            return self._shown(self._insert(body, "Active", "Accepted"))
        own = self._allowed(lambda: rules.check_invitation(body, self.rows.values()))
        if own["type"] != "Shared":
            self._store(own | {"type": "Shared"})  # A deal that Microsoft takes part in is shared.
        return self._shown(self._insert(body | {"organizationId": MICROSOFT}, "New", "Pending"))

    def _update(self, referral_id: str, operations: Iterable[Operation], version: str) -> Referral:
        row = self._row(referral_id)
        if row["eTag"] != version:
            raise VersionMismatch("Partner Center: preconditionFailed")
        for watch in self.watchers:
            watch(row, row["organizationId"] == FABRIKAM)
        if row["organizationId"] != FABRIKAM:
            raise AccessDenied("Partner Center: accessDenied; the service user needs a Referrals role")
        patched = self._allowed(lambda: rules.patched(row, operations))
        for logic in self.logic:
            for pointer, value in logic(patched).items():
                put(patched, pointer, value)
        return self._shown(self._store(patched))

    def _allowed(self, checked: Callable[[], T]) -> T:
        """Return what the rules make of a write. Raises DataError, and notes it, when they refuse it."""
        try:
            return checked()
        except DataError as error:
            self.refused.append(str(error))
            raise

    def _insert(self, body: Body, status: str, substatus: str, *, silent: bool = False) -> Body:
        row = {
            "id": self._new_id(),
            "engagementId": body.get("engagementId") or self._new_id(),
            "organizationId": FABRIKAM,
            "organizationName": "Fabrikam",
            "externalReferenceId": None,
            "referralProgram": None,
            "trackingInfo": {"microsoftMsxId": None},
            **{name: value for name, value in body.items() if value is not None},
            "status": status,
            "substatus": substatus,
        }
        return self._store(row, created=True, silent=silent)

    def _store(self, row: Body, *, created: bool = False, silent: bool = False) -> Body:
        now = self._clock.now()
        row["updatedDateTime"] = f"{now:%Y-%m-%dT%H:%M:%S.%f}0Z"
        row["eTag"] = f'"{next(self._counter):08x}-0000-0100-0000-{int(now.timestamp()):08x}0000"'
        if created:
            row["createdDateTime"] = row["updatedDateTime"]
        # Replaced, never changed in place: what was read before stays what it was.
        self.rows[row["id"]] = row
        for listener in () if silent else self.listeners:
            listener(Event(row["id"], created, row["organizationId"] == FABRIKAM, now))
        return row

    def _shown(self, row: Body) -> Referral:
        return Referral(copied(row))


def _inbound(changes: Mapping[str, object]) -> Body:
    """Return a complete deal as Microsoft would send it; `changes` by JSON Pointer without the first slash."""
    person = {"phoneNumber": "+441130000000", "contactPreference": {"locale": None, "disableNotifications": None}}
    body: Body = {
        "name": "Northwind analytics rollout",
        "qualification": "SalesQualified",
        "type": "Shared",
        "customerProfile": {
            "name": "Northwind Traders",
            "address": {"addressLine1": "12 Harbour Rd", "city": "Leeds", "postalCode": "LS1 4DL", "country": "GB"},
            "team": [{**person, "firstName": "Ana", "lastName": "Ruiz", "email": "ana@northwind.example"}],
        },
        "consent": {"consentToToShareInfoWithOthers": True, "consentToShareReferralWithMicrosoftSellers": True},
        "details": {
            "notes": "Phase one scoping",
            "dealValue": 42000,
            "currency": "GBP",
            "closingDateTime": "2027-03-31T00:00:00Z",
            "requirements": {"solutions": [{"type": "Name", "id": SOLUTION, "name": "Insight Hub"}]},
        },
        "inviteContext": {"assistanceRequestCode": "Unknown"},
        "team": [{**person, "firstName": "Lee", "lastName": "Okoro", "email": "lee@fabrikam.example"}],
        "target": [],
    }
    for pointer, value in changes.items():
        put(body, pointer, value)
    return body
