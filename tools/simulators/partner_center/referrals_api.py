"""The referrals API: `/v1.0/engagements/referrals` (create-, get-, patch-a-referral pages)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug import Request, Response

from tools.simulators.claims import TokenVerifier
from tools.simulators.clock import SimulatorClock
from tools.simulators.partner_center.control import invited_microsoft
from tools.simulators.partner_center.errors import ApiError, invalid, not_found, precondition_failed
from tools.simulators.partner_center.patching import apply_patch, check_consent, check_transition, get_value
from tools.simulators.partner_center.quirks import Quirks
from tools.simulators.partner_center.referrals_list import ReferralList
from tools.simulators.partner_center.rendering import render_entity
from tools.simulators.partner_center.schema import Document
from tools.simulators.partner_center.store import ReferralStore
from tools.simulators.partner_center.validation import (
    asks_for_help,
    check_customer_contact,
    read_referral,
    targets_microsoft,
)
from tools.simulators.partner_center.wire import (
    authorize,
    error_response,
    json_response,
    method_not_allowed,
    read_json,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

AUDIENCE = "https://api.partner.microsoft.com"
BASE_PATH = "/v1.0/engagements"

_FROZEN = (
    "customerProfile/name",
    *(f"customerProfile/address/{name}" for name in ("addressLine1", "city", "state", "postalCode", "country")),
    "consent/consentToToShareInfoWithOthers",
    "mpnId",
    "engagementId",
    "type",
)
"""Fixed after create (bulk-operations page); PATCH cannot name them, PUT must repeat them."""


class ReferralsApi:
    """A WSGI app over the store."""

    def __init__(self, store: ReferralStore, quirks: Quirks, verifier: TokenVerifier, clock: SimulatorClock) -> None:
        self._store = store
        self._quirks = quirks
        self._verifier = verifier
        self._clock = clock
        self._list = ReferralList(store, quirks)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (WSGI)."""
        request = Request(environ)
        try:
            response = self._route(request)
        except ApiError as error:
            response = error_response(error)
        response.headers["request-id"] = str(uuid.uuid4())
        if "client-request-id" in request.headers:
            response.headers["client-request-id"] = request.headers["client-request-id"]
        return response(environ, start_response)

    def _route(self, request: Request) -> Response:
        self._authorize(request)
        path = request.path.rstrip("/")
        collection = f"{BASE_PATH}/referrals"
        if path == collection:
            return self._collection(request)
        parent, _, referral_id = path.rpartition("/")
        if parent != collection:
            raise not_found("The resource")
        return self._entity(request, referral_id)

    def _authorize(self, request: Request) -> None:
        claims = authorize(request, self._verifier, AUDIENCE)
        if claims.user is None:
            raise ApiError(403, "accessDenied", "Referrals are available to users only, not to applications.")
        if self._quirks.client_request_id_required and "client-request-id" not in request.headers:
            raise invalid("client-request-id", "the header is required.")

    def _collection(self, request: Request) -> Response:
        match request.method:
            case "GET":
                return json_response(self._list.answer(request))
            case "POST":
                row = self._create(read_referral(read_json(request)))
                return self._shown(row, self._quirks.created_status)
        raise method_not_allowed(request, "GET", "POST")

    def _entity(self, request: Request, referral_id: str) -> Response:
        if request.method not in {"GET", "PATCH", "PUT"}:
            raise method_not_allowed(request, "GET", "PATCH", "PUT")
        row = self._store.get(referral_id)
        if row is None:
            raise not_found(f"The referral {referral_id}")
        if request.method == "GET":
            return self._shown(row)
        if not self._store.is_ours(row):
            raise ApiError(403, "accessDenied", "The referral belongs to another organization.")
        return self._patch(request, row["id"]) if request.method == "PATCH" else self._put(request, row["id"])

    def _shown(self, row: Document, status: int = 200) -> Response:
        response = json_response(render_entity(row, self._quirks), status)
        response.headers["ETag"] = row["eTag"]
        return response

    # -- create ---------------------------------------------------------------------------------------------------

    def _create(self, document: Document) -> Document:
        if document["engagementId"] is not None or targets_microsoft(document):
            return self._invite(document)
        # Whatever status was sent: a partner's own referral starts as Active/Accepted (sample in the docs).
        document |= {"status": "Active", "substatus": "Accepted"}
        organization = self._store.organization
        document["inviteContext"]["invitedBy"] = {
            "organizationId": organization.id,
            "organizationName": organization.name,
        }
        return self._store.insert(document, "api", direction=self._quirks.own_direction)

    def _invite(self, document: Document) -> Document:
        """The second of the two POSTs of a co-sell deal: Microsoft's row in an existing engagement."""
        own = self._check_invitation(document)
        if own["type"] != "Shared":
            with self._store.update(own["id"], "service") as row:
                row["type"] = "Shared"
        document |= {"status": "New", "substatus": "Pending"}
        return self._store.insert(document, "api", **invited_microsoft(self._clock))

    def _check_invitation(self, document: Document) -> Document:
        """Return our own referral. Raises ApiError when Microsoft cannot be invited."""
        if document["engagementId"] is None:
            raise invalid("engagementId", "is required to invite an organization.")
        if not targets_microsoft(document):
            raise invalid("target", "an existing engagement takes a BusinessProfileLocation target.")
        if not asks_for_help(document):
            raise invalid("inviteContext/assistanceRequestCode", "is required to invite Microsoft.")
        check_customer_contact(document)
        own = self._store.of_engagement(document["engagementId"], ours=True)
        if own is None:
            raise invalid("engagementId", "does not exist.")
        if own["status"] == "Closed":
            raise invalid("engagementId", "the engagement is closed.")
        if document["type"] != "Shared" or (own["type"] != "Shared" and not self._quirks.invitation_shares):
            raise invalid("type", "Microsoft can be invited to a Shared referral only.")
        share = "consent/consentToShareReferralWithMicrosoftSellers"
        if not get_value(own, share) or not get_value(document, share):
            raise invalid(share, "must be true to invite Microsoft.")
        invited = self._store.of_engagement(document["engagementId"], ours=False)
        if invited is not None and self._quirks.duplicate_invite_refused:
            raise invalid("engagementId", "Microsoft is invited already.")
        return own

    # -- update ---------------------------------------------------------------------------------------------------

    def _patch(self, request: Request, referral_id: str) -> Response:
        operations = read_json(request)
        with self._store.update(referral_id, "api") as row:
            _check_if_match(request.headers.get("If-Match"), row)
            apply_patch(row, operations, self._quirks, self._clock.now())
        if "return=representation" in request.headers.get("Prefer", "").replace(" ", ""):
            return self._shown(row)
        return Response(status=204, headers={"ETag": row["eTag"]})

    def _put(self, request: Request, referral_id: str) -> Response:
        """The obsolete full replacement: what is left out is wiped."""
        if "If-Match" not in request.headers:
            error = precondition_failed()
            error.status = self._quirks.put_without_if_match
            raise error
        body = read_json(request)
        document = read_referral(body)
        if "links" in {str(name).casefold() for name in body}:
            raise invalid("links", "must not be sent.")
        with self._store.update(referral_id, "api") as row:
            _check_if_match(request.headers.get("If-Match"), row)
            self._replace(row, document)
        return self._shown(row)

    def _replace(self, row: Document, document: Document) -> None:
        if row["status"] == "Closed":
            raise invalid("status", "a closed referral cannot be changed.")
        for path in _FROZEN:
            if get_value(document, path) != get_value(row, path):
                raise invalid(path, "cannot be changed.")
        status, substatus = row["status"], row["substatus"]
        shared = get_value(row, "consent/consentToShareReferralWithMicrosoftSellers")
        matched = row["customerProfile"]["isMatchingComplete"]
        row |= document
        row["customerProfile"]["isMatchingComplete"] = matched
        check_transition(status, substatus, row, self._quirks)
        check_consent(shared, row)


def _check_if_match(expected: str | None, row: Document) -> None:
    """The quotes belong to the eTag's value: without them it does not match."""
    if expected is not None and expected not in {"*", row["eTag"]}:
        raise precondition_failed()
