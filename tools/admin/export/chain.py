"""An audit export that shows when it was changed afterwards: every line carries the digest of the one before it.

What it proves, and what not, is in docs/SECURITY.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.ledger import serialize
from shared.ledger.model import AuditEntry

FORMAT = "cosell-audit/1"


def chained(at: datetime, rows: Iterable[tuple[str, str, AuditEntry]]) -> Iterator[str]:
    """Yield the lines of an export: a head, each row of (CRM, key, entry), and a final line with their number."""
    line, digest = _line({"format": FORMAT, "at": at.isoformat(), "previous": ""})
    yield line
    count = 0
    for count, (crm, key, entry) in enumerate(rows, 1):
        told = json.loads(serialize.dump_entry(entry))
        line, digest = _line({"number": count, "crm": crm, "key": key, "entry": told, "previous": digest})
        yield line
    line, _ = _line({"end": True, "count": count, "previous": digest})
    yield line


def final_hash(line: str) -> str:
    """Return the digest of a line that `chained` yielded; the last one's stands for the whole export."""
    return str(json.loads(line)["hash"])


def _line(content: Mapping[str, object]) -> tuple[str, str]:
    digest = _digest(content)
    return json.dumps({**content, "hash": digest}, ensure_ascii=True), digest


def _digest(content: Mapping[str, object]) -> str:
    canonical = json.dumps(content, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True)
class Verdict:
    """What a check found: the number of rows, the final hash, and the first thing that is wrong, empty for nothing."""

    rows: int
    hash: str
    wrong: str = ""


def verify(lines: Iterable[bytes], expected: str = "") -> Verdict:
    """Check an export line by line; never raises for what stands in it. `expected` is the final hash that was noted."""
    previous, number, ended = "", 0, False
    for number, line in enumerate(lines, 1):
        if ended:
            return Verdict(number - 3, previous, f"line {number}: something stands behind the final line")
        content, wrong = _checked(line, number, previous)
        if wrong:
            return Verdict(max(number - 2, 0), previous, f"line {number}: {wrong}")
        ended = content.get("end") is True
        if ended and content.get("count") != number - 2:
            return Verdict(number - 2, previous, f"line {number}: it counts {content.get('count')} rows")
        previous = str(content["hash"])
    rows = max(number - 2, 0)
    if not ended:
        return Verdict(rows, previous, "the final line is missing: the end was cut off" if number else "it is empty")
    if expected and expected.strip().lower() != previous:
        return Verdict(rows, previous, f"the final hash is {previous}, and not the one that was noted")
    return Verdict(rows, previous)


def _checked(line: bytes, number: int, previous: str) -> tuple[Mapping[str, object], str]:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return {}, "it is no JSON"
    if not isinstance(content, dict):
        return {}, "it is no line of an audit export"
    told = {name: each for name, each in content.items() if name != "hash"}
    if content.get("hash") != _digest(told):
        return content, "it was changed: its content does not have its hash"
    if number == 1 and content.get("format") != FORMAT:
        return content, f"it is no audit export of the format {FORMAT}"
    if content.get("previous") != previous:
        return content, "a line before it is missing, was added or stands elsewhere"
    if number > 1 and not content.get("end") and content.get("number") != number - 1:
        return content, f"its number is {content.get('number')}"
    return content, ""
