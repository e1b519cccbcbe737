"""The simulated org as a WSGI app."""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from werkzeug.http import http_date
from werkzeug.wrappers import Request, Response

from tools.simulators.clock import SimulatorClock
from tools.simulators.rule_routes import rule_routes
from tools.simulators.salesforce.api import dispatch
from tools.simulators.salesforce.control import Seller
from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.exchange import Answer, Call
from tools.simulators.salesforce.oauth import ConnectedApp, Identity, public_key_of
from tools.simulators.salesforce.org import Caller, DuplicateRule, Hook, Lock, Org, ValidationRule, WriteHook
from tools.simulators.salesforce.quirks import Quirks
from tools.simulators.salesforce.rule_routes import rules
from tools.simulators.salesforce.schema import text
from tools.simulators.salesforce.seeding import INTEGRATION_USER, add_user, seed_org
from tools.simulators.salesforce.soap import is_soap, refuse_login
from tools.simulators.salesforce.versions import require_supported, versions
from tools.simulators.side_effects import SideEffect

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Failure = Literal["daily", "concurrent", "unavailable", "unknown"]
_FAILURES = {
    "daily": Rule.DAILY_LIMIT,
    "concurrent": Rule.CONCURRENT_LIMIT,
    "unavailable": Rule.SERVER_UNAVAILABLE,
    "unknown": Rule.UNKNOWN_EXCEPTION,
}
MAX_URI = 16_384
_TARGET = re.compile(r"/services/data/v(?P<version>[^/?]+)(?P<rest>/.*|\?.*|)", re.DOTALL)


class SalesforceSimulator:
    """A strict Salesforce REST API for one org, with its own token endpoint.

    `seller` acts as a person in the CRM; `quirks` are its switches. `multi_currency` turns CurrencyIsoCode on.
    """

    def __init__(
        self,
        clock: SimulatorClock,
        *,
        quirks: Quirks | None = None,
        cosell_columns: bool = True,
        multi_currency: bool = False,
    ) -> None:
        self.quirks = quirks or Quirks()
        self.org = Org(clock, self.quirks, multi_currency)
        self.identity = Identity(self.org)
        self.people = seed_org(self.org)
        self._lock = threading.RLock()
        self._failures: deque[Rule] = deque()
        self._rules: list[ValidationRule] = []
        self.seller = Seller(self.org, self._lock, self.people.seller)
        if cosell_columns:
            self.org.provision_cosell_columns(self.people.integration)

    # --- what an administrator does --------------------------------------------------------------------------------

    def add_connected_app(
        self,
        client_id: str,
        secret: str | None = None,
        *,
        public_key: bytes | None = None,
        username: str = INTEGRATION_USER,
        customizer: bool = False,
    ) -> str:
        """Register an app that runs as a user, who is added when unknown; returns the user's id.

        `secret` is for client credentials, `public_key` (PEM, of a key or a certificate) for the JWT bearer flow.
        `customizer` gives the user Customize Application and Manage Profiles and Permission Sets.
        """
        with self._lock:
            users = self.org.live("User")
            known = next((user.id for user in users if user.values["Username"] == username), None)
            user_id = known or add_user(self.org, username, "App", client_id)
            key = None if public_key is None else public_key_of(public_key)
            self.identity.apps[client_id] = ConnectedApp(client_id, secret, key, user_id, customizer)
            return user_id

    def deactivate(self, user_id: str) -> None:
        """Take a user out of use: it can own nothing new."""
        with self._lock:
            user = self.org.store.newest(user_id)
            if user is None:
                raise KeyError(user_id)
            self.org.store.put(replace(user, values={**user.values, "IsActive": False}), self.org.now())

    def add_validation(self, rule: ValidationRule) -> None:
        """Add a validation rule: `rule(sobject, values)` returns the customer's text, or None."""
        self.org.validations.append(rule)

    def after_write(self, hook: WriteHook, *, asynchronous: bool = False, user_id: str | None = None) -> None:
        """Run `hook(sobject, id, values)` after each write by the API, as a trigger or flow would.

        It returns columns to change, or None, and may raise TriggerError to refuse the write. An asynchronous one runs
        after the reply was composed. Without `user_id` it acts as the caller.
        """
        self.org.hooks.append(Hook(hook, asynchronous, user_id))

    def add_duplicate_rule(
        self, sobject: str, *fields: str, action: Literal["block", "alert"] = "block", name: str | None = None
    ) -> None:
        """Add a duplicate rule: records of the type with all these fields equal are duplicates."""
        rule = DuplicateRule(name or f"Standard_{sobject}_Duplicate_Rule", sobject, fields, action)
        self.org.duplicate_rules.append(rule)
        shown = {"DeveloperName": rule.name, "MasterLabel": rule.name.replace("_", " ")}
        self.org.seed("DuplicateRule", SobjectType=sobject, IsActive=True, **shown)

    def hide_field(self, sobject: str, name: str) -> None:
        """Take a standard field away from API users by field-level security."""
        self.org.hidden_fields.add((sobject, name))

    def refuse_writes(self, sobject: str, message: str) -> None:
        """Let a validation rule refuse every record of a type that is saved, whoever saves it, with its text."""
        self._rules.append(lambda saved, _values: message if saved == sobject else None)
        self.org.validations.append(self._rules[-1])

    def refuse_closing(self, message: str) -> None:
        """Let a validation rule refuse opportunities in a closed stage."""
        closed = {row["ApiName"] for row in self.rows("OpportunityStage") if row["IsClosed"]}

        def rule(sobject: str, values: dict[str, object]) -> str | None:
            return message if sobject == "Opportunity" and values.get("StageName") in closed else None

        self._rules.append(rule)
        self.org.validations.append(rule)

    def add_unique_field(self, sobject: str, name: str) -> None:
        """Add a unique text field of the customer's own, and grant it to the app's user."""
        with self._lock:
            self.org.objects[sobject.lower()].add(replace(text(name, 100), unique=True, custom=True))
            (parent, *_) = self.org.live("PermissionSet")
            granted = {"PermissionsRead": True, "PermissionsEdit": True}
            self.org.seed(
                "FieldPermissions", ParentId=parent.id, SobjectType=sobject, Field=f"{sobject}.{name}", **granted
            )

    def side_effect(self, effect: SideEffect, *, asynchronous: bool = False) -> None:
        """Let a flow change other fields of what the API writes, within the transaction or after the reply."""
        self.after_write(effect, asynchronous=asynchronous)

    def clear_rules(self) -> None:
        """Switch off refusals, hidden fields and side effects; a unique field stays."""
        with self._lock:
            self.org.validations[:] = [each for each in self.org.validations if each not in self._rules]
            self._rules.clear()
            self.org.hidden_fields.clear()
            self.org.hooks[:] = [each for each in self.org.hooks if not isinstance(each.run, SideEffect)]

    def withhold(self, sobject: str, *permissions: Literal["Read", "Create", "Edit", "Delete"]) -> None:
        """Let the profiles of API users lack permissions on an object type; a permission set may give them."""
        self.org.withheld |= {(sobject, each) for each in permissions}

    # --- what goes wrong -------------------------------------------------------------------------------------------

    def expire_sessions(self, *, after: int = 0) -> None:
        """End every session, at once or after so many more calls."""
        with self._lock:
            if after:
                self.identity.expire_after = after
            else:
                self.identity.sessions.clear()

    def fail(self, kind: Failure, *, times: int = 1) -> None:
        """Answer the next calls with a limit error or a server error."""
        self._failures.extend([_FAILURES[kind]] * times)

    def use_up(self, calls: int) -> None:
        """Count calls of other integrations into the day's usage."""
        self.org.usage.count(self.org.now(), calls)

    def lock_record(self, record_id: str, *, requests: int = 1) -> None:
        """Let somebody else hold a record, such as an account, against so many writes to it or below it."""
        self.org.locks.append(Lock(record_id, requests))

    def lose_races(self, times: int = 1) -> None:
        """Let somebody else's first upsert of the same key commit just before ours."""
        self.org.lost_races += times

    def touch(self, record_id: str) -> None:
        """Let a process of the platform move SystemModstamp and leave LastModifiedDate as it is."""
        with self._lock:
            record, stamp = self.org.store.newest(record_id), self.org.stamp()
            if record is None:
                raise KeyError(record_id)
            touched = replace(record, values={**record.values, "SystemModstamp": stamp}, committed=stamp)
            self.org.store.put(touched, self.org.now())

    def drop_cursors(self) -> None:
        """Forget every query cursor."""
        self.org.cursors.open.clear()

    def purge_recycle_bin(self) -> None:
        """Delete for good what lies in the recycle bin."""
        with self._lock:
            for sobject in self.org.objects.values():
                for record in self.org.store.all_newest(sobject.name):
                    if record.is_deleted:
                        self.org.store.purge(record)

    def purge_delete_log(self) -> None:
        """Empty the log behind `deleted`, as the platform does two hours later when it is big."""
        with self._lock:
            self.org.store.deletions.clear()
            self.org.store.deletions_since = self.org.stamp()

    # --- what a test asks ------------------------------------------------------------------------------------------

    @property
    def api_usage(self) -> int:
        """Calls within the last 24 hours; a composite or collection call is one."""
        return self.org.usage.used(self.org.now())

    def row(self, table: str, record_id: str) -> dict[str, object]:
        """Return a record's columns, null ones as None. KeyError when it does not exist."""
        return self.seller.row(table, record_id)

    def rows(self, table: str) -> list[dict[str, object]]:
        """Return every record of a type that is not deleted, in the order of creation."""
        return self.seller.rows(table)

    def routes(self) -> dict[tuple[str, str], Callable[[dict[str, str], dict[str, object]], object]]:
        """Return the handlers of the HTTP control API, by method and path pattern."""
        return {**self.seller.routes(), **rule_routes(self, rules(self))}

    # --- HTTP ------------------------------------------------------------------------------------------------------

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request; requests run one after another."""
        request = Request(environ)
        with self._lock:
            response = self._respond(request)
            while self.org.after_reply:
                self.org.after_reply.popleft()()
        return response(environ, start_response)

    def _respond(self, request: Request) -> Response:
        if request.path == "/services/oauth2/token":
            return _rendered(self.identity.token(request))
        if is_soap(request.path):
            return refuse_login(request.path)
        if request.path.rstrip("/") == "/services/data":
            return _rendered(Answer(200, versions()))
        try:
            answer = self._answer(request)
        except RefusedError as error:
            response = self._refusal(error)
        else:
            response = _rendered(answer)
        response.headers["Sforce-Limit-Info"] = self.org.usage.header(self.org.now())
        response.headers["Date"] = http_date(self.org.now())
        return response

    def _answer(self, request: Request) -> Answer:
        if request.path == "/services/oauth2/userinfo":
            return self.identity.userinfo(self._admit(request), request.host_url)
        target = _raw_target(request)
        if len(target) > MAX_URI:
            raise RefusedError(Rule.URI_TOO_LONG)
        match = _TARGET.fullmatch(target)
        if match is None:
            raise RefusedError(Rule.NO_RESOURCE)
        require_supported(match["version"])
        caller = self._admit(request)
        self._refuse_when_limited()
        segments, args = Call.split(match["rest"])
        accepts = request.accept_mimetypes
        if request.headers.get("Accept") and not accepts.accept_json:
            raise RefusedError(Rule.NOT_ACCEPTABLE, accept=request.headers["Accept"])
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = request.get_data()
        return dispatch(Call(self.org, caller, match["version"], request.method, segments, args, headers, body))

    def _admit(self, request: Request) -> Caller:
        return self.identity.admit(request.headers.get("Authorization", ""))

    def _refuse_when_limited(self) -> None:
        now = self.org.now()
        if self.org.usage.is_exhausted(now):
            raise RefusedError(Rule.DAILY_LIMIT)
        if self._failures:
            raise RefusedError(self._failures.popleft(), error_id="1234567890-12345 (1234567890)")
        self.org.usage.count(now)

    def _refusal(self, error: RefusedError) -> Response:
        entry = error.entry()
        if error.status in {401, 500, 503} and self.quirks.error_bodies == "html":
            page = f"<html><head><title>Error</title></head><body>{error.message}</body></html>"
            return Response(page, error.status, content_type="text/html;charset=UTF-8")
        lone = error.status in {401, 500, 503} and self.quirks.error_bodies == "object"
        response = _rendered(Answer(error.status, entry if lone else [entry]))
        if error.status == 401:
            response.headers["WWW-Authenticate"] = "Token"
        return response


def _raw_target(request: Request) -> str:
    """Return path and query as they came: a slash inside a segment is only told apart before decoding."""
    return str(request.environ["REQUEST_URI"])


def _rendered(answer: Answer) -> Response:
    response = Response(status=answer.status, headers=dict(answer.headers))
    if answer.document is None:
        del response.headers["Content-Type"]
        return response
    response.content_type = "application/json;charset=UTF-8"
    response.data = json.dumps(answer.document, ensure_ascii=False).encode()
    return response
