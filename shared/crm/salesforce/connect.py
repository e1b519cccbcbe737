"""From settings to Salesforce: the sign-in, the allowance of calls, the REST API, and the tables' clients."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Protocol

from shared.clock import Clock
from shared.crm.port import Records, Turns
from shared.http import Service, Terms, Transport
from shared.identity import Identity
from shared.pem import text_or_file

if TYPE_CHECKING:
    from shared.crm.salesforce.allowance import Allowance
    from shared.crm.salesforce.api import SalesforceApi
    from shared.crm.salesforce.feed import Feeds
    from shared.crm.salesforce.tokens import SalesforceTokens
    from shared.mapping.field_map import FieldMap


class Settings(Protocol):
    """The settings that this vendor reads."""

    @property
    def salesforce_url(self) -> str | None: ...  # noqa: D102 - the setting of that name
    @property
    def salesforce_client_id(self) -> str | None: ...  # noqa: D102
    @property
    def salesforce_client_secret(self) -> str | None: ...  # noqa: D102
    @property
    def salesforce_username(self) -> str | None: ...  # noqa: D102
    @property
    def salesforce_private_key(self) -> str | None: ...  # noqa: D102
    @property
    def salesforce_api_version(self) -> str: ...  # noqa: D102
    @property
    def salesforce_currency(self) -> str | None: ...  # noqa: D102
    @property
    def salesforce_api_slow_at(self) -> float: ...  # noqa: D102
    @property
    def salesforce_api_stop_at(self) -> float: ...  # noqa: D102


class SalesforceConnection:
    """One org under the app's identity. Implements Connection."""

    def __init__(
        self,
        settings: Settings,
        transport: Transport,
        clock: Clock,
        _identity: Identity,  # An org knows no identity of Azure.
    ) -> None:
        self.url = str(settings.salesforce_url)
        self.version = settings.salesforce_api_version
        self.currency = settings.salesforce_currency
        self._settings = settings
        self._transport = transport
        self._clock = clock

    @functools.cached_property
    def tokens(self) -> SalesforceTokens:
        """The sign-in."""
        from shared.crm.salesforce.tokens import SalesforceTokens, client_credentials, jwt_bearer

        settings, client_id = self._settings, str(self._settings.salesforce_client_id)
        if settings.salesforce_client_secret:
            grant = client_credentials(client_id, settings.salesforce_client_secret)
        else:
            private_key = text_or_file("SALESFORCE_PRIVATE_KEY", settings.salesforce_private_key or "")
            grant = jwt_bearer(client_id, str(settings.salesforce_username), private_key, self.url, self._clock)
        return SalesforceTokens(self._transport, self._clock, self.url, grant)

    @functools.cached_property
    def _allowance(self) -> Allowance:
        from shared.crm.salesforce.allowance import Allowance

        return Allowance(self._clock, self._settings.salesforce_api_slow_at, self._settings.salesforce_api_stop_at)

    def service(self, key: str = "") -> Service:
        """Return the org's HTTP service; a duplicate of the field `key`, else of any, means "exists"."""
        from shared.crm.salesforce.errors import classifier

        terms = Terms("Salesforce", self.tokens, classifier(key), observe=self._allowance.observe)
        return Service(terms, self._transport, self._clock)

    def api(self, field_map: FieldMap) -> SalesforceApi:
        """Return the REST API."""
        from shared.crm.salesforce.api import SalesforceApi

        key = field_map.columns.referral_identifier
        return SalesforceApi(self.service(key), self.url, self.version, self._allowance, self._clock, key)

    @functools.cached_property
    def _together(self) -> Feeds:
        from shared.crm.together import Together

        return Together(self._clock)

    def records(self, field_map: FieldMap, turns: Turns) -> Records:
        """Return the client of the mapping's table; `turns` keeps two workers from making the same account."""
        from shared.crm.salesforce.records import Salesforce

        api, together = self.api(field_map), self._together
        if field_map.in_rows:
            from shared.crm.salesforce.with_rows import WithSolutionRows

            return WithSolutionRows(api, field_map, self._clock, turns, self.currency, together)
        return Salesforce(api, field_map, self._clock, turns, self.currency, together)
