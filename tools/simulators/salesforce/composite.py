"""The composite resource: up to 25 calls in one, later ones referring to the answers of earlier ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.exchange import Answer, Call
from tools.simulators.salesforce.versions import require_supported

MAX_CALLS, MAX_HEAVY = 25, 5
_FORBIDDEN_HEADERS = frozenset({"accept", "authorization", "content-type"})
_REFERENCE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]*")
_REFERENCE = re.compile(r"@\{([A-Za-z0-9_]+)((?:\.\w+|\[\d+\])*)\}")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_URL = re.compile(r"/services/data/v(?P<version>\d\d\.0)/(?P<rest>.+)")
_ROLLED_BACK = "The transaction was rolled back since another operation in the same transaction failed."

Dispatch = Callable[[Call], Answer]


@dataclass
class Composite:
    """One composite request."""

    call: Call
    dispatch: Dispatch
    answers: dict[str, Answer] = field(default_factory=dict)

    def answer(self) -> Answer:
        """POST /composite: the outer status is 200 whatever happened inside."""
        body = self.call.json_object()
        calls = self._checked(body.get("compositeRequest"))
        all_or_none = body.get("allOrNone") is True
        before = self.call.org.savepoint()
        for number, request in enumerate(calls):
            answer = self._run(request)
            self.answers[str(request["referenceId"])] = answer
            if all_or_none and answer.status >= 300:
                self.call.org.roll_back(before)
                self._halt(calls, number)
                break
        return Answer(200, {"compositeResponse": [_shown(name, answer) for name, answer in self.answers.items()]})

    def _halt(self, calls: list[dict[str, object]], failed: int) -> None:
        halted = _refused(RefusedError(Rule.HALTED, detail=_ROLLED_BACK))
        for number, request in enumerate(calls):
            if number != failed:
                self.answers[str(request["referenceId"])] = halted

    def _checked(self, calls: object) -> list[dict[str, object]]:
        if not isinstance(calls, list) or not calls or not all(isinstance(call, dict) for call in calls):
            raise RefusedError(Rule.JSON_PARSER, detail="'compositeRequest' has to be an array of objects")
        if len(calls) > MAX_CALLS:
            raise _bad(f"At most {MAX_CALLS} subrequests are allowed, {len(calls)} were given")
        names = [call.get("referenceId") for call in calls]
        for name in names:
            if not isinstance(name, str) or not _REFERENCE_ID.fullmatch(name):
                raise _bad(
                    f"Provided referenceId ('{name}') must start with a letter or a number, and it can contain only"
                    " letters, numbers and underscores ('_')."
                )
        if len(set(names)) < len(names):
            raise _bad("Duplicate referenceId provided")
        if sum(_is_heavy(str(call.get("url", ""))) for call in calls) > MAX_HEAVY:
            raise _bad(f"At most {MAX_HEAVY} subrequests may be queries or collections")
        for call in calls:
            _check_headers(call)
        return calls

    def _run(self, request: Mapping[str, object]) -> Answer:
        try:
            return self.dispatch(self._prepared(request))
        except RefusedError as error:
            return _refused(error)

    def _prepared(self, request: Mapping[str, object]) -> Call:
        url = self._filled(request.get("url", ""))
        match = _URL.fullmatch(str(url))
        if match is None or match["rest"].rstrip("/") == "composite":
            raise _bad(f"The subrequest's url is not supported: {url}")
        require_supported(match["version"])
        segments, args = Call.split(match["rest"])
        given = request.get("httpHeaders") or {}
        assert isinstance(given, dict)  # noqa: S101 - checked before
        return replace(
            self.call,
            version=match["version"],
            method=str(request.get("method", "")),
            segments=segments,
            args=args,
            headers={name.lower(): str(value) for name, value in given.items()},
            document=self._filled(request.get("body")),
        )

    # --- references ------------------------------------------------------------------------------------------------

    def _filled(self, value: object) -> object:
        """Return the value with every `@{reference.path}` replaced."""
        if isinstance(value, dict):
            return {name: self._filled(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        if not isinstance(value, str):
            return value
        whole = _REFERENCE.fullmatch(value)
        if whole:
            return self._looked_up(whole)
        return _REFERENCE.sub(lambda match: str(self._looked_up(match)), value)

    def _looked_up(self, match: re.Match[str]) -> object:
        answer = self.answers.get(match[1])
        value: object = answer.document if answer and answer.status < 300 else None
        for name, index in _STEP.findall(match[2]):
            if isinstance(value, dict):
                value = value.get(name)
            elif isinstance(value, list) and index and int(index) < len(value):
                value = value[int(index)]
            else:
                value = None
        if value is None:
            detail = f"Invalid reference specified. No value for {match[1]}{match[2]} found in {match[1]}"
            raise RefusedError(Rule.HALTED, detail=detail)
        return value


def _check_headers(call: Mapping[str, object]) -> None:
    headers = call.get("httpHeaders") or {}
    if not isinstance(headers, dict):
        raise _bad("'httpHeaders' has to be an object")
    for name in headers:
        if name.lower() in _FORBIDDEN_HEADERS:
            raise _bad(f"The header {name} cannot be given for a subrequest")


def _is_heavy(url: str) -> bool:
    return re.search(r"/v\d\d\.0/(query|queryAll|composite/sobjects)\b", url) is not None


def _bad(detail: str) -> RefusedError:
    return RefusedError(Rule.BAD_COMPOSITE, detail=detail)


def _refused(error: RefusedError) -> Answer:
    return Answer(error.status, [error.entry()])


def _shown(name: str, answer: Answer) -> dict[str, object]:
    return {
        "body": answer.document,
        "httpHeaders": dict(answer.headers),
        "httpStatusCode": answer.status,
        "referenceId": name,
    }
