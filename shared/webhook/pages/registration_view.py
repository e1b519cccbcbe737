"""What the registration page shows: the answers, put into words and marked up with what was typed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.webhook.register import delivered
from shared.webhook.registration_answers import ELSEWHERE, HERE, POWER_AUTOMATE, Answer
from shared.webhook.registration_request import DEFAULT_EVENTS, KNOWN_EVENTS

EVENTS = {
    "referral-created": "a referral of ours appears",
    "referral-updated": "a referral of ours changes",
    "related-referral-created": "Microsoft or another partner joins a deal",
    "related-referral-updated": "Microsoft or another partner changes its side of a deal",
}
"""The events to choose from (developer/partner-center-webhook-events), each with when it comes."""

_OWNERS = {
    HERE: HERE,
    POWER_AUTOMATE: "a Power Automate flow, such as Microsoft's co-sell connector",
    ELSEWHERE: ELSEWHERE,
}
_DONE = {
    "registered": "The webhook is registered",
    "updated": "The webhook is registered, in place of what was there",
    "unchanged": "This webhook was registered already; nothing was changed",
}
_TESTED = {
    "delivered": "",
    "untried": "",
    "pending": "; its test event has not arrived yet",
    "refused": "; its test event was not accepted yet",
    "failed": ", but its test event was not accepted",
    "unsent": "; no test event could be sent",
}
"""What the heading adds to _DONE, by the fate of the test event."""
_MEANINGS = {
    "Unauthorized": "The key in the URL is wrong, or the receiver does not trust the signature: see its log.",
    "Forbidden": "The function app does not let Partner Center in: see its access restrictions.",
    "NotFound": "There is no such function at this URL, or it is switched off.",
    "BadRequest": "The receiver did not understand the event: see its log.",
    "InternalServerError": "The receiver could not put the event on its queue: see its log and the storage account.",
    "BadGateway": "The function app was not up. Partner Center tries again.",
    "ServiceUnavailable": "The function app was not up. Partner Center tries again.",
    "GatewayTimeout": "The function app did not answer in time. Partner Center tries again.",
    "": "No answer came from this URL. Is it reachable from the internet?",
}
_CODES = {"401": "Unauthorized", "403": "Forbidden", "404": "NotFound", "400": "BadRequest"}
_CODES |= {"500": "InternalServerError", "502": "BadGateway", "503": "ServiceUnavailable", "504": "GatewayTimeout"}

_FIELDS = ("webhook_url", "events", "overwrite", "send_test_event")
_SUBJECTS = {"webhook_url": "The URL", "events": "The choice of events"}
"""What a problem with a field is said of."""


def view_of(answer: Answer | None, overview: Answer | None, given: Mapping[str, object]) -> dict[str, Any]:
    """Return the page's view: `answer` is what became of a request, `overview` how things stand, `given` the form."""
    outcome: Mapping[str, Any] = answer.content if answer else {}
    stands: Mapping[str, Any] = overview.content if overview else {}
    errors = _field_errors(outcome)
    registration = outcome if answer and answer.status == 200 else outcome.get("registration")
    test_event = _test_event(outcome.get("test_event") or stands.get("test_event"))
    current = _current(stands.get("current"), refused=bool(test_event and test_event["refused"]))
    return {
        "problem": None if registration else _problem(outcome, errors, stands),
        "errors": errors,
        "done": _done(registration, test_event, current, untested=registration is not outcome)
        if registration
        else None,
        "registration": registration,
        "no_test_event": outcome if registration is not None and registration is not outcome else None,
        "known": overview is not None and "error" not in stands,
        "unreadable": stands
        if "message" in stands and outcome.get("message") != stands["message"] and answer
        else None,
        "current": current,
        "test_event": test_event,
        "history": [_entry(row) for row in stands.get("history", ())],
        "form": _form(given, succeeded=registration is not None) if overview else None,
        "events": EVENTS,
    }


def _done(
    registration: Mapping[str, Any],
    test: Mapping[str, Any] | None,
    current: Mapping[str, Any] | None,
    *,
    untested: bool,
) -> dict[str, str]:
    """Return the heading of a registration that was made.

    It is only good when no test event says otherwise; without one, when the URL looks like this function app's.
    """
    fate = "unsent" if untested else test["verdict"] if test else "untried"
    if fate == "pending" and test and test["refused"]:
        fate = "refused"
    heading = _DONE[str(registration["status"])] + _TESTED[fate]
    good = fate == "delivered" or (fate == "untried" and bool(current is None or current["here"]))
    return {"heading": heading, "tone": "good" if good else "warn", "title": "Done" if good else "Check"}


def _field_errors(outcome: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the problems of every field; those of no field are under an empty name."""
    errors: dict[str, list[str]] = {name: [] for name in (*_FIELDS, "")}
    if outcome.get("error") == "registration_exists":
        errors["overwrite"].append("To replace it, tick “Replace it” and submit again.")
    for problem in outcome.get("problems", ()):
        field, _, text = problem.partition(": ")
        if field in _SUBJECTS:
            errors[field].append(text if text[:1].isupper() else f"{_SUBJECTS[field]} {text}")
        else:
            errors[""].append(problem[:1].upper() + problem[1:])
    return errors


def _problem(
    outcome: Mapping[str, Any], errors: Mapping[str, list[str]], stands: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the summary of what went wrong: a heading, links to the fields, and a service's own words."""
    failure = outcome if "error" in outcome else stands if "error" in stands else None
    if failure is None:
        return None
    links = [(name, text) for name, texts in errors.items() for text in texts]
    if failure is stands and "problems" in stands:
        links = [("", text) for text in stands["problems"]]
    return {"heading": _heading(failure), "links": links, "failure": failure if "message" in failure else None} | {
        "remedy": failure.get("remedy") if failure["error"] != "registration_exists" else None
    }


def _heading(failure: Mapping[str, Any]) -> str:
    return {
        "invalid_request": "Nothing was changed: please correct what you entered",
        "registration_exists": "Nothing was changed: another registration exists",
        "cross_site": "Nothing was changed: this form was not sent from its own page",
        "settings": "The app's settings need attention",
    }.get(failure["error"], "Partner Center did not answer or refused the request")


def _current(current: Mapping[str, Any] | None, *, refused: bool) -> dict[str, Any] | None:
    """Return the current registration; a test event that was `refused` says more than the URL's looks."""
    if current is None:
        return None
    missing = [name for name in DEFAULT_EVENTS if name not in current["events"]]
    return {
        **current,
        "owner": _OWNERS[current["belongs_to"]],
        "here": current["belongs_to"] == HERE,
        "works": current["belongs_to"] == HERE and not refused,
        "refused": refused,
        "missing": missing,
        "others": [name for name in current["events"] if name not in KNOWN_EVENTS],
    }


def _test_event(test: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if test is None:
        return None
    attempts = [_attempt(row) for row in test["results"]]
    taken = any(attempt["delivered"] for attempt in attempts)
    verdict = "delivered" if taken else "pending" if test["status"] != "completed" else "failed"
    refused = bool(attempts) and not taken
    return {"correlation_id": test["correlation_id"], "verdict": verdict, "attempts": attempts, "refused": refused}


def _attempt(row: Mapping[str, Any]) -> dict[str, Any]:
    code = str(row["response_code"] or "")
    taken = delivered(row)
    meaning = "The receiver took it." if taken else _MEANINGS.get(_CODES.get(code, code), "")
    words = " ".join(part for part in (meaning, str(row["response_message"] or "")) if part)
    return {"at": moment(row["at"]), "code": code or "No answer", "delivered": taken, "words": words}


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "when": moment(row["at"])}


def _form(given: Mapping[str, object], *, succeeded: bool) -> dict[str, Any]:
    """Return what the form is filled with: what was typed, or the usual.

    The URL goes back only when it has to be sent once more, to the one who typed it a moment ago, in a page that no
    cache keeps: without it, agreeing to replace a registration would take a second copy from the portal. After
    success, and for any other visitor, the field is empty; what is registered is only ever shown without its key.
    """
    if succeeded or not given:
        return {"webhook_url": "", "events": DEFAULT_EVENTS, "overwrite": False, "send_test_event": True}
    return {"webhook_url": "", "events": (), "overwrite": False, "send_test_event": False, **given}


def moment(text: object) -> str:
    """Return a time for people; one without a zone is Partner Center's, which means UTC."""
    try:
        at = datetime.fromisoformat(str(text).rstrip("Z")[:26])
    except ValueError:
        return str(text or "")
    return f"{at.day} {at:%B %Y, %H:%M:%S} UTC"
