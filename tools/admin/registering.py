"""The registration of the webhook from the command line: the same request and the same answers as RegisterWebhook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlsplit

from shared.errors import SettingsError
from shared.urls import redacted
from shared.webhook.register import delivered
from shared.webhook.registration_answers import Answer


def receiver_url(url: str, key: str) -> str:
    """Return the receiver's URL with its key, from what was typed and what was handed over in secret.

    Raises SettingsError for a URL that holds a key: what is typed can be seen by others on this machine.
    """
    if "code=" in urlsplit(url).query:
        raise SettingsError(
            "--url: leave the key (?code=...) out: other users of this machine see what is typed, and the shell keeps "
            "it. The command asks for it; a script hands it over in WEBHOOK_RECEIVER_KEY or with --key-stdin."
        )
    return f"{url}{'&' if '?' in url else '?'}code={quote(key, safe='')}"


def shown(answer: Answer) -> Mapping[str, object]:
    """Return the answer's content without the key."""
    url = answer.content.get("webhook_url")
    return {**answer.content, **({"webhook_url": redacted(str(url))} if url else {})}


def lines(answer: Answer) -> Iterator[str]:
    """Yield the answer for a person."""
    content = answer.content
    if answer.status == 200:
        yield f"✔ {content['status']}: {redacted(str(content['webhook_url']))}"
        yield f"  events: {', '.join(map(str, _list(content['events'])))}"
        previous = content.get("previous")
        if isinstance(previous, Mapping) and content["status"] == "updated":
            yield f"  replaced: {previous['webhook_url']} ({', '.join(map(str, _list(previous['events'])))})"
        yield from _test_event(content.get("test_event"))
        return
    for problem in _list(content.get("problems")):
        yield f"✖ {problem}"
    current = content.get("current")
    if isinstance(current, Mapping):
        events = ", ".join(map(str, _list(current["events"])))
        yield f"✖ Another registration exists: {current['webhook_url']} ({events})"
        yield "  Partner Center keeps one registration per tenant. To replace it, add --overwrite."
    if "message" in content:
        code = f" ({content['code']}, {content['correlation_id']})" if content.get("code") else ""
        yield f"✖ {content['message']}{code}"
        yield f"  {content['remedy']}"
    if isinstance(content.get("registration"), Mapping):
        yield "  The registration itself stands; only the test event was not sent."


def undelivered(answer: Answer) -> bool:
    """Whether a test event was tried and never accepted."""
    test = answer.content.get("test_event")
    results = _list(test.get("results")) if isinstance(test, Mapping) else []
    return bool(results) and not any(map(delivered, results))


def _test_event(test: object) -> Iterator[str]:
    if not isinstance(test, Mapping):
        return
    results = _list(test.get("results"))
    if not results:
        yield f"⚠ test event {test['correlation_id']}: no delivery attempts yet; --show --test ID tells later"
    for each in results:
        mark = "✔" if delivered(each) else "✖"
        yield f"{mark} test event: answered {each.get('response_code')} {each.get('response_message') or ''}".rstrip()


def overview_lines(answer: Answer) -> Iterator[str]:
    """Yield how things stand, for a person."""
    if answer.status != 200:
        yield from lines(answer)
        return
    current = answer.content.get("current")
    if isinstance(current, Mapping):
        events = ", ".join(map(str, _list(current["events"])))
        yield f"registered: {current['webhook_url']} ({current.get('belongs_to')}); events: {events}"
    else:
        yield "registered: nothing; Partner Center sends no events"
    for entry in _list(answer.content.get("history")):
        yield f"  {entry['at']}  {entry['status']}  {entry['webhook_url']}  by {entry['by']}"
    yield from _test_event(answer.content.get("test_event"))


def _list(value: object) -> list[dict[str, object]]:
    return value if isinstance(value, list) else []
