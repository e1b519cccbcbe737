"""What an error's `target` is about: Partner Center names places in its JSON, people know fields."""

from __future__ import annotations

from shared.deal import CLOSING_DATE, CURRENCY, DEAL_VALUE, HELP, NAME, NOTES, SOLUTIONS, STATUS, VISIBLE

REFERRAL = "referral"

_FIELDS = {
    "name": NAME,
    "status": STATUS,
    "substatus": STATUS,
    "details/dealvalue": DEAL_VALUE,
    "details/currency": CURRENCY,
    "details/closingdatetime": CLOSING_DATE,
    "details/notes": NOTES,
    "details/requirements/solutions": SOLUTIONS,
    "consent/consenttosharereferralwithmicrosoftsellers": VISIBLE,
    "invitecontext/assistancerequestcode": HELP,
    "externalreferenceid": "externalReferenceId",
    "customerprofile/name": "customer_name",
    "customerprofile/address/addressline1": "address_line_1",
    "customerprofile/address/addressline2": "address_line_2",
    "customerprofile/address/city": "city",
    "customerprofile/address/state": "state",
    "customerprofile/address/postalcode": "postal_code",
    "customerprofile/address/country": "country",
    "customerprofile/team": "contact",
    "team": "owner",
}
"""By place, the field; of several places that contain each other, the longest counts."""


def field_at(target: str) -> str:
    """Return the field at an error's target; a place that no field has keeps its own name."""
    place = target.replace(".", "/").strip("/").casefold()
    while place:
        if place in _FIELDS:
            return _FIELDS[place]
        place = place.rpartition("/")[0]
    return target or REFERRAL


def without_target(message: str, target: str) -> str:
    """Return the message without the target that it often repeats at its beginning."""
    if target and message.casefold().startswith(target.casefold()):
        return message[len(target) :].lstrip(" :")
    return message
