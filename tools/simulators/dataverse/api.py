"""The Web API's routes: which request is answered by what, and what refuses it before that."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from werkzeug.wrappers import Request, Response

from tools.simulators.dataverse import actions
from tools.simulators.dataverse.addresses import parse_key, split_segment
from tools.simulators.dataverse.batch import answer_batch
from tools.simulators.dataverse.customize import Customizer
from tools.simulators.dataverse.environment import BUSINESS_UNIT_ID, ORGANIZATION_ID, Caller, Environment
from tools.simulators.dataverse.errors import RefusedError, Rule
from tools.simulators.dataverse.exchange import Exchange
from tools.simulators.dataverse.metadata import MetadataReader, metadata_id
from tools.simulators.dataverse.resources import Collection, SingleRow
from tools.simulators.dataverse.rows import Row

_ROOT = re.compile(r"/api/data/v9\.\d/")
_CLOSING = {"WinOpportunity": actions.WON, "LoseOpportunity": actions.LOST}
_ATTRIBUTE_PRIVILEGES = "Microsoft.Dynamics.CRM.RetrievePrincipalAttributePrivileges"
_BOUND = re.compile(r"(?:Microsoft\.Dynamics\.CRM\.)(\w+)")
_DEFINITIONS = re.compile(r"EntityDefinitions(\(|$)")

Handler = Callable[[], Response]


@dataclass(frozen=True)
class Router:
    """Finds and runs the handler of one request."""

    exchange: Exchange
    segments: list[str]

    @classmethod
    def open(cls, environment: Environment, request: Request, caller: Caller) -> Router:
        """Prepare a request for routing; refuses addresses outside the service root."""
        match = _ROOT.match(request.path)
        if match is None:
            raise RefusedError(Rule.UNKNOWN_RESOURCE, segment=request.path)
        accepts = request.accept_mimetypes
        if request.headers.get("Accept") and not accepts.accept_json:
            raise RefusedError(Rule.NOT_ACCEPTABLE, accept=request.headers["Accept"])
        root = request.host_url.rstrip("/") + match[0]
        exchange = Exchange.open(environment, request, caller, root)
        return cls(exchange, request.path[match.end() :].rstrip("/").split("/"))

    def answer(self) -> Response:
        """Run the handler of the request's path and method."""
        handlers = self._handlers()
        handler = handlers.get(self.exchange.request.method)
        if handler is None:
            raise RefusedError(Rule.METHOD_NOT_ALLOWED, method=self.exchange.request.method)
        return handler()

    def _handlers(self) -> dict[str, Handler]:
        first = self.segments[0]
        if first in {"WhoAmI", "WhoAmI()"}:
            return {"GET": self._who_am_i}
        if first == "$batch":
            return {"POST": self._batch}
        if first == "$metadata":
            raise RefusedError(Rule.NOT_IMPLEMENTED, what=first)
        if first in _CLOSING:
            return {"POST": self._close}
        if first in {"PublishXml", "PublishAllXml"}:
            return {"POST": self._publish}
        if _DEFINITIONS.match(first):
            return self._metadata_handlers()
        return self._row_handlers()

    def _row_handlers(self) -> dict[str, Handler]:
        name, key = split_segment(self.segments[0])
        table = self.exchange.environment.table_of_set(name)
        rest = self.segments[1:]
        if key is None:
            collection = Collection(self.exchange, table)
            if rest == ["$count"]:
                return {"GET": collection.count}
            self._require_end(rest)
            return {"GET": collection.read, "POST": collection.create}
        single = SingleRow(self.exchange, parse_key(self.exchange.environment, table, key))
        if table.name == "systemuser" and len(rest) == 1 and rest[0].removesuffix("()") == _ATTRIBUTE_PRIVILEGES:
            return {"GET": lambda: self._attribute_privileges(single)}
        if rest and _BOUND.fullmatch(rest[0]) and table.name == "lead":
            self._require_action(rest)
            return {"POST": lambda: self._qualify(single)}
        self._require_end(rest)
        return {"GET": single.read, "PATCH": single.upsert, "DELETE": single.delete}

    def _require_action(self, rest: list[str]) -> None:
        if rest != ["Microsoft.Dynamics.CRM.QualifyLead"]:
            raise RefusedError(Rule.UNKNOWN_RESOURCE, segment="/".join(rest))

    def _require_end(self, rest: list[str]) -> None:
        if rest:
            # A slash in a key value arrives here as well, and is refused as the platform refuses it.
            raise RefusedError(Rule.UNKNOWN_RESOURCE, segment=rest[0])

    def _who_am_i(self) -> Response:
        document = {
            "@odata.context": f"{self.exchange.renderer.service_root}$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
            "BusinessUnitId": BUSINESS_UNIT_ID,
            "UserId": self.exchange.caller.user_id,
            "OrganizationId": ORGANIZATION_ID,
        }
        return self.exchange.json(document)

    def _batch(self) -> Response:
        def answer(part: Request) -> Response:
            router = Router.open(self.exchange.environment, part, self.exchange.caller)
            if router.segments[0] == "$batch":
                raise RefusedError(Rule.MALFORMED_BODY, detail="Batches do not nest.")
            return router.answer()

        return answer_batch(self.exchange.request, answer)

    def _close(self) -> Response:
        state = _CLOSING[self.segments[0]]
        actions.close_opportunity(self.exchange.environment, self.exchange.writer, state, self.exchange.body())
        return self.exchange.empty()

    def _qualify(self, single: SingleRow) -> Response:
        lead = single.address.find(self.exchange.environment)
        if lead is None:
            raise single.address.missing()
        created = actions.qualify_lead(self.exchange.environment, self.exchange.writer, lead, self.exchange.body())
        context = f"{self.exchange.renderer.service_root}$metadata#Collection(Microsoft.Dynamics.CRM.crmbaseentity)"
        return self.exchange.json({"@odata.context": context, "value": [self._created(row) for row in created]})

    def _attribute_privileges(self, single: SingleRow) -> Response:
        """Answer which secured columns the user's profiles let him use: 4 is allowed, 0 is not."""
        user = single.address.find(self.exchange.environment)
        if user is None:
            raise single.address.missing()
        privileges = [
            {
                "AttributeId": metadata_id(table, column),
                "CanCreate": 4 * (user.id in secured.writers),
                "CanRead": 4 * (user.id in secured.readers),
                "CanUpdate": 4 * (user.id in secured.writers),
            }
            for (table, column), secured in self.exchange.environment.rules.secured.items()
            if user.id in secured.readers | secured.writers
        ]
        kind = "Microsoft.Dynamics.CRM.RetrievePrincipalAttributePrivilegesResponse"
        context = f"{self.exchange.renderer.service_root}$metadata#{kind}"
        return self.exchange.json({"@odata.context": context, "AttributePrivileges": privileges})

    def _created(self, row: Row) -> dict[str, object]:
        table = self.exchange.environment.table(row.table)
        return {"@odata.type": f"#Microsoft.Dynamics.CRM.{row.table}", table.primary_id: row.id}

    def _publish(self) -> Response:
        if self.segments[0] == "PublishXml" and not isinstance(self.exchange.body().get("ParameterXml"), str):
            raise RefusedError(Rule.MALFORMED_BODY, detail="The parameter 'ParameterXml' of type str is missing.")
        return self.exchange.empty()

    def _metadata_handlers(self) -> dict[str, Handler]:
        reader = self._reader()
        handlers: dict[str, Handler] = {
            "GET": lambda: self.exchange.json(reader.read(self.segments, self.exchange.options))
        }
        if len(self.segments) == 1:
            handlers["PUT"] = lambda: self._put_definition(reader)
        if self.segments[1:] == ["Attributes"]:
            handlers["POST"] = lambda: self._post_column(reader)
        if self.segments[1:] == ["Keys"]:
            handlers["POST"] = lambda: self._post_key(reader)
        return handlers

    def _reader(self) -> MetadataReader:
        """Read with `Consistency: Strong` sees at once what other reads see after the delay."""
        environment = self.exchange.environment
        strong = self.exchange.request.headers.get("Consistency") == "Strong"
        ahead = environment.quirks.column_delay * int(strong)
        return MetadataReader(environment, self.exchange.renderer.service_root, environment.now() + ahead)

    def _customizer(self) -> Customizer:
        return Customizer(self.exchange.environment, self.exchange.caller)

    def _table_key(self) -> str:
        return split_segment(self.segments[0])[1] or ""

    def _put_definition(self, reader: MetadataReader) -> Response:
        table = reader.table(self._table_key())
        self._customizer().replace_definition(table, self.exchange.body())
        return self.exchange.empty()

    def _post_column(self, reader: MetadataReader) -> Response:
        table = reader.table(self._table_key())
        column = self._customizer().add_column(table, self.exchange.body())
        path = f"Attributes({metadata_id(table.name, column.name)})"
        return self._made(metadata_id(table.name), path)

    def _post_key(self, reader: MetadataReader) -> Response:
        table = reader.table(self._table_key())
        key = self._customizer().add_key(table, self.exchange.body())
        return self._made(metadata_id(table.name), f"Keys({metadata_id(table.name, 'key', key.name)})")

    def _made(self, table_id: str, path: str) -> Response:
        return self.exchange.empty(
            entity_id=f"{self.exchange.renderer.service_root}EntityDefinitions({table_id})/{path}"
        )
