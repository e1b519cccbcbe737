"""What nobody outside a live tenant can settle about Partner Center, as switches with the assumed default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass
class Quirks:
    """How the simulated APIs behave where the documentation is silent, contradictory, or known to be odd."""

    # Referrals API
    created_status: Literal[200, 201] = 200
    """POST: the connector's swagger expects 200, the response-code page lists 201."""
    put_without_if_match: Literal[412, 400] = 412
    name_patchable: bool = False
    """The UI renames, the connector's patch allow-list does not name `/name`."""
    partner_may_set_received: bool = False
    """Whether a partner may PATCH New/Pending to New/Received."""
    customer_team_frozen_after_invite: bool = False
    """The bulk page freezes customer contacts once Microsoft is invited; the connector lets them be patched."""
    invitation_shares: bool = True
    """Whether inviting Microsoft into a private or partner-led deal makes our own referral Shared: the page lets deals
    be upgraded, and no PATCH sets the type. Else Microsoft can be invited to a Shared referral only."""
    duplicate_invite_refused: bool = True
    """Whether a second `msft` referral in one engagement is a 400."""
    own_direction: Literal["Outgoing", "Incoming"] = "Outgoing"
    """Docs imply Outgoing for a partner's own deals, captures show Incoming."""
    client_request_id_required: bool = False
    registration_form_checked: bool = True
    """Whether a deal registration that lacks something, or says what cannot be, is a 400; no page tells the rules."""
    registration_gates: bool = True
    """Whether wins that are too small or too young are refused at once (register-deals), or by the review."""
    second_registration_refused: bool = True
    registrations_shown: Literal["both", "status", "list"] = "both"
    """Where a row tells that it is registered: older rows lack the list."""
    broken_next_link: bool = True
    """The documented nextLink has scheme http and lacks `/engagements`."""
    page_size: int = 100
    count_always: bool = True
    """The documented list answer carries `@odata.count` although nobody asked."""

    # Data as seen in captures
    html_escaped_names: bool = False
    trailing_blanks: bool = False
    state_in_region: bool = False
    """Older rows have `state: null` and the state in `region`."""
    missing_keys: bool = False
    """Older rows lack `offers`, `attributes` and `registrations` altogether."""
    short_fractions: bool = False
    """Timestamps with a random number (1-7) of fraction digits instead of seven, trailing zeros trimmed."""
    match_after_seconds: float | None = None
    """When set, a created referral is matched to an account after that time: a server-side write, a new eTag."""

    # Webhooks API
    registration_casing: Literal["pascal", "camel"] = "pascal"
    correlation_id_as_object: bool = True
    """validationEvents answers `{"correlationId": ...}` per the docs, a bare string per the swagger."""
    empty_events_accepted: bool = False

    # Events
    event_lag_seconds: float = 0
    """How much later than the row's `updatedDateTime` an event dates the change; the docs call it the same moment."""
    own_writes_raise_events: bool = True
    resource_uri_host: Literal["partnercenter", "partner"] = "partnercenter"
    """The documented `ResourceUri`, or the address that really serves referrals."""
    related_events: bool = True
    """Whether the `related-referral-*` events arrive at all: they may be lost."""
    related_event_id: Literal["related", "own"] = "related"
    """Whose id the `related-referral-*` events carry."""
