"""Creates, updates and deletes rows: required columns, defaults, computed columns, uniqueness, plug-ins."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

from tools.simulators.dataverse.columns import Column, Kind, Required, Table
from tools.simulators.dataverse.environment import Caller, Environment, Hook
from tools.simulators.dataverse.errors import RefusedError, Rule
from tools.simulators.dataverse.payload import Payload
from tools.simulators.dataverse.rows import Reference, Row, Values
from tools.simulators.dataverse.states import settle_new, settle_update


@dataclass
class Writer:
    """Applies checked changes as one caller.

    Plug-ins that run asynchronously wait in `after_reply` until the reply was composed, as they do at the platform.
    """

    environment: Environment
    caller: Caller
    run_hooks: bool = True
    after_reply: list[Callable[[], None]] = field(default_factory=list)

    def create(self, table: Table, changes: Values) -> Row:
        """Insert a row; its id may be among the changes."""
        row_id = str(changes.pop(table.primary_id, None) or uuid.uuid4())
        if self.run_hooks:
            self.environment.rules.require_writable(table.name, changes, self.caller, creating=True)
        if self.environment.store.find(table.name, row_id):
            raise RefusedError(Rule.DUPLICATE_ID, id=row_id, table=table.name)
        values = {name: value for name, value in changes.items() if value is not None}
        self._give_defaults(table, values)
        settle_new(table, row_id, values)
        self._complete(table, row_id, values)
        self._stamp(table, values, "createdon", "createdby")
        row = self.environment.store.insert(table, row_id, {table.primary_id: row_id} | values)
        self._run_hooks(row)
        return row

    def update(self, row: Row, changes: Values) -> Row:
        """Change a row. A change that equals what is there still makes a new version, as it does at the platform."""
        table = self.environment.table(row.table)
        if changes.pop(table.primary_id, row.id) != row.id:
            raise RefusedError(Rule.NOT_UPDATABLE, column=table.primary_id, table=table.name)
        if self.run_hooks:
            self.environment.rules.require_writable(table.name, changes, self.caller, creating=False)
        settle_update(table, row, changes)
        self.replace(row, row.values | changes)
        self._run_hooks(row)
        return row

    def replace(self, row: Row, values: Values) -> None:
        """Store a row's new values without the rules for states: for actions and plug-ins."""
        table = self.environment.table(row.table)
        kept = {name: value for name, value in values.items() if value is not None}
        self._complete(table, row.id, kept)
        self.environment.store.update(table, row, kept)

    def delete(self, row: Row) -> None:
        """Remove a row."""
        self.environment.store.delete(self.environment.table(row.table), row)

    def _give_defaults(self, table: Table, values: Values) -> None:
        caller = Reference("systemuser", self.caller.user_id)
        currency = self.environment.base_currency() if "transactioncurrencyid" in table.columns else None
        for name, value in (("ownerid", caller), ("transactioncurrencyid", currency)):
            if name in table.columns and value is not None:
                values.setdefault(name, value)
        for column in table.visible_columns(self.environment.now()):
            if column.kind is Kind.BOOLEAN:
                values.setdefault(column.name, False)

    def _complete(self, table: Table, row_id: str, values: Values) -> None:
        """Check what only the whole row can tell, then set the computed columns."""
        for column in table.columns.values():
            if self._is_required(table, column) and values.get(column.name) is None:
                raise RefusedError(Rule.REQUIRED, table=table.name, column=column.name)
        key = self.environment.store.key_conflict(table, values, row_id)
        if key:
            raise RefusedError(Rule.DUPLICATE_KEY, columns=", ".join(key.columns), key=key.schema_name)
        if table.name == "opportunity":
            self._settle_opportunity(values)
        if "fullname" in table.columns and table.name != "systemuser":
            names = (values.get("firstname"), values.get("lastname"))
            values["fullname"] = " ".join(str(name) for name in names if name) or None
        self._convert_money(table, values)
        self._stamp(table, values, "modifiedon", "modifiedby")
        if "owninguser" in table.columns:
            owner = values["ownerid"]
            self._check_owner(owner)
            values["owninguser"] = owner if isinstance(owner, Reference) and owner.table == "systemuser" else None

    def _is_required(self, table: Table, column: Column) -> bool:
        if column.name == table.primary_id:
            return False
        insisted = f"{table.name}.{column.name}" in self.environment.quirks.application_required
        return column.required is Required.SYSTEM or insisted

    def _settle_opportunity(self, values: Values) -> None:
        """A system-calculated revenue replaces the given one without a word; there are no product lines, so it is 0."""
        if values.get("isrevenuesystemcalculated"):
            values["estimatedvalue"] = values.get("totalamount", Decimal("0.00"))
        if self.environment.quirks.customer_follows_parent and "customerid" not in values:
            parent = values.get("parentaccountid") or values.get("parentcontactid")
            if parent:
                values["customerid"] = parent

    def _convert_money(self, table: Table, values: Values) -> None:
        currency = values.get("transactioncurrencyid")
        if not isinstance(currency, Reference) or "exchangerate" not in table.columns:
            return
        held = self.environment.row(currency.table, currency.id).values
        self._round_money(table, values, held["currencyprecision"])
        rate = held["exchangerate"]
        assert isinstance(rate, Decimal)  # noqa: S101 - stored so
        values["exchangerate"] = rate
        for column in table.columns.values():
            amount = values.get(column.name.removesuffix("_base"))
            if column.name.endswith("_base"):
                values[column.name] = (amount / rate).quantize(Decimal("1e-4")) if isinstance(amount, Decimal) else None

    def _round_money(self, table: Table, values: Values, by_currency: object) -> None:
        """Cut amounts to what the organization or the currency keeps, without a word."""
        organization = next(self.environment.store.all("organization")).values
        digits = {1: organization["pricingdecimalprecision"], 2: by_currency}
        for column in table.columns.values():
            amount = values.get(column.name)
            if column.precision_source and isinstance(amount, Decimal):
                unit = Decimal(1).scaleb(-int(str(digits[column.precision_source])))
                values[column.name] = amount.quantize(unit, self.environment.quirks.money_rounding)

    def _check_owner(self, owner: object) -> None:
        """Refuse an owner without rights: an access team, and a user without any role."""
        if not isinstance(owner, Reference):
            return
        held = self.environment.store.find(owner.table, owner.id)
        is_access_team = owner.table == "team" and held is not None and held.values.get("teamtype") == 1
        if is_access_team or owner.id in self.environment.rules.without_roles:
            raise RefusedError(Rule.OWNER_WITHOUT_RIGHTS, owner=owner.table, id=owner.id)

    def _stamp(self, table: Table, values: Values, when: str, who: str) -> None:
        if when in table.columns:
            values[when] = self.environment.stamp()
            values[who] = Reference("systemuser", self.caller.user_id)

    def _run_hooks(self, row: Row) -> None:
        if not self.run_hooks:
            return
        for hook in self.environment.hooks:
            if hook.asynchronous:
                self.after_reply.append(partial(self._run_hook, hook, row))
            else:
                self._run_hook(hook, row)

    def _run_hook(self, hook: Hook, row: Row) -> None:
        table = self.environment.table(row.table)
        wanted = hook.run(row.table, row.id, dict(row.values))
        if not wanted or self.environment.store.find(row.table, row.id) is not row:
            return
        changes = Payload(self.environment, table, creating=False).changes(wanted)
        author = Caller(hook.user_id) if hook.user_id else self.caller
        Writer(self.environment, author, run_hooks=False).replace(row, row.values | changes)
