"""The simulated environment as a WSGI app."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from werkzeug.wrappers import Request, Response

from tools.simulators.claims import TokenVerifier
from tools.simulators.clock import SimulatorClock
from tools.simulators.dataverse.api import Router
from tools.simulators.dataverse.auth import Gate, UnauthorizedError
from tools.simulators.dataverse.control import Seller, seed_environment
from tools.simulators.dataverse.environment import Caller, Environment, Hook, WriteHook
from tools.simulators.dataverse.errors import RefusedError, Rule
from tools.simulators.dataverse.exchange import decorate, refusal, unauthorized
from tools.simulators.dataverse.quirks import Quirks
from tools.simulators.dataverse.rule_routes import rules
from tools.simulators.dataverse.rules import Secured
from tools.simulators.rule_routes import rule_routes
from tools.simulators.side_effects import SideEffect

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Throttle = Literal["requests", "time", "concurrency"]
_THROTTLES = {
    "requests": Rule.TOO_MANY_REQUESTS,
    "time": Rule.TOO_MUCH_TIME,
    "concurrency": Rule.TOO_CONCURRENT,
}
_WRITES = frozenset({"POST", "PATCH", "PUT", "DELETE"})


class DataverseSimulator:
    """A strict Dataverse Web API v9.2 for one environment.

    `resource` is the audience that tokens must have, the environment's URL; it may be set once the URL is known.
    `seller` acts as a person in the CRM. `requests_by_app`, `writes_by_app` count admitted requests per client id;
    `requests_with_cookies` counts requests that came back with the affinity cookie, which clients should not keep.
    """

    def __init__(
        self,
        verifier: TokenVerifier,
        clock: SimulatorClock,
        *,
        resource: str | None = None,
        quirks: Quirks | None = None,
        cosell_columns: bool = True,
    ) -> None:
        self.environment = Environment(clock, quirks or Quirks())
        self.requests_by_app: Counter[str] = Counter()
        self.writes_by_app: Counter[str] = Counter()
        self.requests_with_cookies = 0
        self._lock = threading.RLock()
        self._gate = Gate(self.environment, verifier, resource)
        self._throttles: deque[tuple[Rule, int]] = deque()
        self.seller = Seller(self.environment, self._lock, seed_environment(self.environment))
        if cosell_columns:
            self.provision_cosell_columns()

    @property
    def resource(self) -> str | None:
        """The audience that tokens must have; None lets every audience pass."""
        return self._gate.resource

    @resource.setter
    def resource(self, url: str | None) -> None:
        self._gate.resource = url

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        return self.wsgi_app(environ, start_response)

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request; requests run one after another, each in its own transaction."""
        with self._lock:
            response = decorate(self._respond(Request(environ)))
        return response(environ, start_response)

    def add_application_user(
        self, client_id: str, *, roles: bool = True, global_read: bool = True, customizer: bool = True
    ) -> str:
        """Make an app a user of the environment; returns its systemuserid.

        `global_read`: organization-wide read depth, which change tracking needs.
        `customizer`: may add columns and keys.
        """
        with self._lock:
            return self._gate.add_application_user(
                client_id, roles=roles, global_read=global_read, customizer=customizer
            )

    def provision_cosell_columns(self) -> None:
        """Create the product's columns and keys, visible and active at once."""
        with self._lock:
            self.environment.provision_cosell_columns()

    def throttle(self, kind: Throttle, *, times: int = 1, retry_after: int = 1) -> None:
        """Answer the next `times` requests with one of the three service-protection errors."""
        self._throttles.extend([(_THROTTLES[kind], retry_after)] * times)

    def after_write(self, hook: WriteHook, *, asynchronous: bool = True, user_id: str | None = None) -> None:
        """Run `hook(table, id, row)` after each write by the API, as a plug-in would.

        It returns columns to change, or None. An asynchronous one runs after the reply was composed, so the row's etag
        has moved on from the one the caller got; a synchronous one runs inside the write. Without `user_id` it acts as
        the caller.
        """
        self.environment.hooks.append(Hook(hook, asynchronous, user_id))

    # --- rules of the environment's own, which can be switched off again ----------------------------------------------

    def refuse_writes(self, table: str, message: str) -> None:
        """Let a plug-in refuse every create and update of a table by the API, with its text (0x80040265)."""
        self.environment.rules.refused_writes[table] = message

    def refuse_closing(self, message: str, *, open_quotes: bool = False) -> None:
        """Let opportunities be neither won nor lost by the API: a plug-in's text, or open quotes (0x80040516)."""
        self.environment.rules.refuse_closing(message, open_quotes=open_quotes)

    def secure_column(
        self, table: str, column: str, *, readers: Iterable[str] = (), writers: Iterable[str] = (), masked: bool = False
    ) -> None:
        """Put a column under column security; only these users' profiles let them read or write it.

        `masked`: a masking rule shows everybody a mask, who does not ask for the unmasked data by its option.
        """
        with self._lock:
            self.environment.table(table).columns[column]
            secured = Secured(frozenset(readers), frozenset(writers), masked)
            self.environment.rules.secured[table, column] = secured
            if masked:
                self.environment.seed("attributemaskingrule", {"entityname": table, "attributelogicalname": column})

    def set_currency_precision(self, code: str, digits: int) -> None:
        """Let amounts in a currency keep so many digits."""
        with self._lock:
            row = self.environment.only("transactioncurrency", "isocurrencycode", code)
            if row is None:
                raise KeyError(code)
            row.values["currencyprecision"] = digits

    def set_pricing_precision(self, digits: int) -> None:
        """Let the organization's pricing precision be so many digits."""
        with self._lock:
            next(self.environment.store.all("organization")).values["pricingdecimalprecision"] = digits

    def set_precision_source(self, table: str, column: str, source: Literal[0, 1, 2], precision: int = 2) -> None:
        """Let an amount's digits come from the column, from the organization's pricing precision, or the currency."""
        with self._lock:
            columns = self.environment.table(table).columns
            columns[column] = replace(columns[column], precision_source=source, precision=precision)

    def add_key(self, table: str, *columns: str) -> None:
        """Add an alternate key of the customer's own, active at once."""
        with self._lock:
            definition = self.environment.table(table)
            self.environment.add_key(definition, f"new_{'_'.join(columns)}_key", columns, at_once=True)

    def side_effect(self, effect: SideEffect, *, asynchronous: bool = False) -> None:
        """Let automation change other columns of what the API writes, within the write or after the reply."""
        self.environment.hooks.append(Hook(effect, asynchronous, None))

    def clear_rules(self) -> None:
        """Switch off refusals, column security and side effects; a key stays."""
        with self._lock:
            self.environment.rules.clear()
            self.environment.hooks[:] = [
                each for each in self.environment.hooks if not isinstance(each.run, SideEffect)
            ]
            masking = self.environment.table("attributemaskingrule")
            for row in self.environment.store.all(masking.name):
                self.environment.store.delete(masking, row)

    def set_retention(self, days: int) -> None:
        """Set the environment's expirechangetrackingindays."""
        with self._lock:
            for row in self.environment.store.all("organization"):
                self.environment.store.update(
                    self.environment.table("organization"), row, row.values | {"expirechangetrackingindays": days}
                )

    def row(self, table: str, row_id: str) -> dict[str, object]:
        """Return a row's columns by logical name; lookups as plain ids. KeyError when it does not exist."""
        return self.seller.row(table, row_id)

    def rows(self, table: str) -> list[dict[str, object]]:
        """Return every row of a table, in the order of creation."""
        return self.seller.rows(table)

    def routes(self) -> dict[tuple[str, str], Callable[[dict[str, str], dict[str, object]], object]]:
        """Return the handlers of the HTTP control API, by method and path pattern."""
        return {**self.seller.routes(), **rule_routes(self, rules(self))}

    def _respond(self, request: Request) -> Response:
        if request.cookies:
            self.requests_with_cookies += 1
        try:
            caller = self._gate.admit(request)
            self._count(request, caller)
            self._refuse_when_throttled()
            router = Router.open(self.environment, request, caller)
            response = router.answer()
        except UnauthorizedError:
            return unauthorized(html=self.environment.quirks.html_401)
        except RefusedError as error:
            return refusal(error)
        for hook in router.exchange.writer.after_reply:
            hook()
        return response

    def _count(self, request: Request, caller: Caller) -> None:
        name = caller.application_id or caller.user_id
        self.requests_by_app[name] += 1
        if request.method in _WRITES:
            self.writes_by_app[name] += 1

    def _refuse_when_throttled(self) -> None:
        if not self._throttles:
            return
        rule, retry_after = self._throttles.popleft()
        error = RefusedError(rule)
        error.headers["Retry-After"] = str(retry_after)
        raise error
