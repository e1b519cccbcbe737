"""The currency of a record: a separate field only where several currencies are on (object_reference: Opportunity)."""

from __future__ import annotations

import threading

from shared.crm.salesforce.api import SalesforceApi
from shared.crm.salesforce.errors import TITLE
from shared.deal import CURRENCY
from shared.errors import DataError, SchemaMismatch, SettingsError
from shared.problems import problem

COLUMN = "CurrencyIsoCode"


class OrgCurrency:
    """Whether the org has one currency, and which; asked once per process.

    `configured` is for orgs that do not tell (setting SALESFORCE_CURRENCY).
    """

    def __init__(self, api: SalesforceApi, table: str, configured: str | None) -> None:
        self._api = api
        self._table = table
        self._configured = configured
        self._lock = threading.Lock()
        self._asked = False
        self._only: str | None = None

    def only(self) -> str | None:
        """Return the one currency of the org, or None when every record has its own. Raises SettingsError."""
        with self._lock:
            if not self._asked:
                self._only = self._ask()
                self._asked = True
            return self._only

    def check(self, value: object) -> None:
        """Refuse a currency that an org with one currency does not have. Raises DataError."""
        only = self.only()
        if value not in (None, only):
            raise DataError(problem("crm.currency_not_offered", CURRENCY, crm=TITLE, only=only, value=value))

    def _ask(self) -> str | None:
        try:
            self._api.query(f"SELECT {COLUMN} FROM {self._table} LIMIT 1")  # noqa: S608
        except SchemaMismatch as error:
            if COLUMN not in str(error):
                raise
        else:
            return None
        return self._configured or self._default()

    def _default(self) -> str:
        try:
            rows = self._api.query("SELECT DefaultCurrencyIsoCode FROM Organization").rows
        except SchemaMismatch:
            rows = ()
        code = rows[0].get("DefaultCurrencyIsoCode") if rows else None
        if not code:
            raise SettingsError("SALESFORCE_CURRENCY: the org has one currency and does not tell which; set its code.")
        return str(code)
