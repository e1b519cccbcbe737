"""What the ledger holds of one person, by mail address: found wherever it stands, and erased.

A person's name and phone number are learned from where the address stands beside them, as `Last, First <mail> phone` or
in Microsoft's team. Whatever mentions one of them is erased as a whole: too much rather than too little.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from shared.errors import StaleError
from shared.ledger import audit, serialize
from shared.ledger.audit import Stamp
from shared.ledger.drawers import Drawers
from shared.ledger.drawers import text as drawer
from shared.ledger.model import AuditEntry, Due, DueKind
from shared.ledger.port import DealLedger
from shared.link import Link
from shared.queue.message import DealMessage
from shared.settings import CRM_NAMES
from shared.sync.shadow import kind_of_shadows

ERASED = "(erased)"

_ROUNDS = 5
_DRAWERS = ("alert", *map(kind_of_shadows, CRM_NAMES))
"""The drawers that may hold what a deal holds."""
_LINE_HEAD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC  \S.*?  |[✔◐⏳⏸✖] ")
"""What a line of the audit, or a status, begins with: it stays."""

_DIGITS = 7
"""A shorter number is no phone number."""

Json = object


@dataclass(frozen=True)
class Place:
    """Where a person is mentioned: whose, in which part of the ledger, and what stands there."""

    crm: str
    key: str
    where: str
    value: str

    def data(self) -> dict[str, str]:
        """Return it for a program."""
        return {"crm": self.crm, "key": self.key, "where": self.where, "value": self.value}


class Person:
    """Somebody with a mail address, and what else the ledger calls them."""

    def __init__(self, mail: str) -> None:
        self._mail = mail.strip().casefold()
        self._terms = {self._mail}
        quoted = re.escape(self._mail)
        self._beside = re.compile(rf"([^,<>\n\"]*),([^,<>\n\"]*)<{quoted}>([^,<>\n\"]*)", re.IGNORECASE)

    def learn(self, node: Json) -> None:
        """Learn names and numbers from a document."""
        for text in _texts(node):
            for last, first, phone in self._beside.findall(text.casefold()):
                self._add(last, first, phone)
        for each in _objects(node):
            if str(each.get("email") or "").strip().casefold() == self._mail:
                self._know(str(each.get("name") or ""))
                self._know_number(str(each.get("phone") or ""))

    def _add(self, last: str, first: str, phone: str) -> None:
        # The first line of a text may have words of ours in front of the name.
        last = last.rsplit(":", 1)[-1].rsplit("→", 1)[-1].strip()
        first = first.strip()
        if last and first:
            self._know(f"{last}, {first}")
            self._know(f"{first} {last}")
        self._know_number(phone)

    def _know(self, name: str) -> None:
        if " " in name.strip():
            self._terms.add(name.strip().casefold())

    def _know_number(self, phone: str) -> None:
        if sum(each.isdigit() for each in phone) >= _DIGITS:
            self._terms.add(phone.strip().casefold())

    def is_in(self, node: Json) -> bool:
        """Whether a document mentions the person."""
        return any(term in text.casefold() for text in _texts(node) for term in self._terms)

    def places(self, node: Json, path: str = "") -> Iterator[tuple[str, str]]:
        """Yield where a document mentions the person, and what stands there."""
        if isinstance(node, str):
            if self.is_in(node):
                yield path, node
        elif isinstance(node, dict):
            for name, each in node.items():
                yield from self.places(each, f"{path}.{name}" if path else str(name))
        elif isinstance(node, list):
            for number, each in enumerate(node):
                yield from self.places(each, f"{path}[{number}]")

    def erased(self, node: Json) -> Json:
        """Return a document without the person; a list loses objects that mention them, such as a team's member."""
        if isinstance(node, str):
            return "\n".join(map(self._line, node.split("\n"))) if self.is_in(node) else node
        if isinstance(node, dict):
            return {name: self.erased(each) for name, each in node.items()}
        if isinstance(node, list):
            return [self.erased(each) for each in node if not (isinstance(each, dict) and self.is_in(each))]
        return node

    def _line(self, line: str) -> str:
        if not self.is_in(line):
            return line
        head = _LINE_HEAD.match(line)
        return f"{head[0] if head else ''}{ERASED}"


def learn(part: DealLedger, person: Person) -> None:
    """Learn from one CRM's part what else the person is called. Raises the families."""
    for _, _, document in _documents(part):
        person.learn(document)


def find(crm: str, part: DealLedger, person: Person) -> Iterator[Place]:
    """Yield every place of one CRM's part that mentions the person. Raises the families."""
    for key, where, document in _documents(part):
        for path, value in person.places(document):
            yield Place(crm, key, f"{where}.{path}", value)


def find_drawers(drawers: Drawers, person: Person) -> Iterator[Place]:
    """Yield the alerts, and the deals of dry runs, that mention the person. Raises the families."""
    for kind in _DRAWERS:
        for name, value in drawers.all(partial(drawer, kind), kind):
            for path, text in person.places(_document(value)):
                yield Place("", name, f"{kind}.{path}", text)


def erase(part: DealLedger, person: Person, stamp: Stamp) -> int:
    """Erase the person from one CRM's part; returns from how many rows. `learn` comes first. Raises the families."""
    links = [link.referral_id for link in part.links.all() if person.is_in(_of_link(link))]
    entries = [(key, entry) for key, entry in part.audit.all() if person.is_in(_of_entry(entry))]
    dues = [due for kind in DueKind for due in part.agenda.all(kind) if person.is_in(_of_due(due))]
    for key, each in entries:
        link = part.links.of_referral(key)
        part.audit.redact(key, _redacted(person, each), link.record if link else None)
    for due in dues:
        part.agenda.put(_due_without(person, due))
    touched = {*links, *(key for key, _ in entries), *(due.key for due in dues)}
    for key in sorted(touched):
        _conclude(part, person, key, stamp)
    return len(links) + len(entries) + len(dues)


def erase_drawers(drawers: Drawers, person: Person) -> int:
    """Erase the person from the texts of alerts and dry runs; returns from how many. Raises the families."""
    count = 0
    for kind in _DRAWERS:
        named = partial(drawer, kind)
        found = [name for name, value in drawers.all(named, kind) if person.is_in(_document(value))]
        for name in found:
            drawers.change(named(name), lambda held: json.dumps(person.erased(_document(held))))
        count += len(found)
    return count


def _conclude(part: DealLedger, person: Person, key: str, stamp: Stamp) -> None:
    """Erase the person from the deal's link, and note that something was erased, not of whom."""
    entry = audit.entry(stamp, key, audit.BOTH, "a person's data were erased from the ledger on request")
    for remaining in reversed(range(_ROUNDS)):
        link = part.links.of_referral(key)
        if link is None:
            part.audit.add(key, entry)
            return
        try:
            part.links.commit(_link_without(person, link), [entry])
        except StaleError:
            if not remaining:
                raise
        else:
            return


def _link_without(person: Person, link: Link) -> Link:
    """Return a link without the person. A field that held them has no base any more, and clears nothing by itself."""
    content = _of_link(link)
    base, half = content["base"], content.get("microsoft")
    told = half["told"] if isinstance(half, dict) else {}
    content = _object(person.erased({**content, "base": {}}))
    content["base"] = _fields_without(person, base)
    if isinstance(half, dict):
        content["microsoft"] = {**_object(content["microsoft"]), "told": _fields_without(person, told)}
    loaded = serialize.load_link(json.dumps(content), link.etag)
    return loaded if loaded == link else replace(loaded, settled=False)


def _fields_without(person: Person, fields: Json) -> Json:
    return {name: each for name, each in _object(fields).items() if not person.is_in(each)}


def _redacted(person: Person, entry: AuditEntry) -> AuditEntry:
    def bare(text: str) -> str:
        return ERASED if person.is_in(text) else text

    changes = tuple((name, bare(old), bare(new)) for name, old, new in entry.changes)
    return replace(entry, text=bare(entry.text), changes=changes)


def _due_without(person: Person, due: Due) -> Due:
    # What was observed is only a hint that saves a read.
    message = replace(DealMessage.load(due.message), observed=None).dump()
    content = _object(person.erased({**_of_due(due), "message": ""}))
    return serialize.load_due(json.dumps({**content, "message": message}), due.etag)


# --- documents -------------------------------------------------------------------------------------------------------


def _documents(part: DealLedger) -> Iterator[tuple[str, str, Json]]:
    for link in part.links.all():
        yield link.referral_id, "link", _of_link(link)
    for key, entry in part.audit.all():
        yield key, f"audit {entry.at:%Y-%m-%d %H:%M:%S}", _of_entry(entry)
    for kind in DueKind:
        for due in part.agenda.all(kind):
            yield due.key, f"agenda {kind}", _of_due(due)


def _of_link(link: Link) -> dict[str, Json]:
    return _object(json.loads(serialize.dump_link(link)))


def _of_entry(entry: AuditEntry) -> dict[str, Json]:
    return _object(json.loads(serialize.dump_entry(entry)))


def _of_due(due: Due) -> dict[str, Json]:
    return _object(json.loads(serialize.dump_due(due)))


def _object(node: Json) -> dict[str, Json]:
    assert isinstance(node, dict)  # noqa: S101 - the ledger's own documents are objects
    return node


def _document(text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _texts(node: Json) -> Iterator[str]:
    return (each for each in _nodes(node) if isinstance(each, str))


def _objects(node: Json) -> Iterator[dict[str, Json]]:
    return (each for each in _nodes(node) if isinstance(each, dict))


def _nodes(node: Json) -> Iterator[Json]:
    yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for each in children:
        yield from _nodes(each)
