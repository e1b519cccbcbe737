"""From settings to Dynamics 365: the sign-in, the Web API, and the tables' clients."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Protocol

from shared.clock import Clock
from shared.crm.port import Records, Turns
from shared.http import Service, Terms, Transport
from shared.identity import Identity

if TYPE_CHECKING:
    from shared.crm.dynamics365.api import DataverseApi
    from shared.crm.dynamics365.feed import Feeds
    from shared.mapping.field_map import FieldMap


class Settings(Protocol):
    """The settings that this vendor reads."""

    @property
    def dynamics_url(self) -> str | None: ...  # noqa: D102 - the setting of that name
    @property
    def dynamics_tenant_id(self) -> str | None: ...  # noqa: D102
    @property
    def dynamics_client_id(self) -> str | None: ...  # noqa: D102
    @property
    def dynamics_client_secret(self) -> str | None: ...  # noqa: D102
    @property
    def entra_authority(self) -> str: ...  # noqa: D102


class Dynamics365Connection:
    """One environment under the app registration, or else under `identity`. Implements Connection."""

    def __init__(self, settings: Settings, transport: Transport, clock: Clock, identity: Identity) -> None:
        self.url = str(settings.dynamics_url)
        self._settings = settings
        self._transport = transport
        self._clock = clock
        self._identity = identity

    @functools.cached_property
    def api(self) -> DataverseApi:
        """The Web API."""
        from shared.crm.dynamics365.api import DataverseApi
        from shared.crm.dynamics365.errors import classifier
        from shared.identity import AzureTokens, Registration

        settings = self._settings
        tenant, client_id, secret = (
            settings.dynamics_tenant_id,
            settings.dynamics_client_id,
            settings.dynamics_client_secret,
        )
        remedy = "Check DYNAMICS_TENANT_ID, DYNAMICS_CLIENT_ID and DYNAMICS_CLIENT_SECRET; secrets expire."
        identity = self._identity
        if tenant and client_id and secret:
            identity = Registration(settings.entra_authority, tenant, client_id, secret, remedy)
        tokens = AzureTokens(f"{self.url}/.default", identity)
        service = Service(Terms("Dynamics 365", tokens, classifier(self._clock)), self._transport, self._clock)
        return DataverseApi(service, self.url)

    @functools.cached_property
    def _together(self) -> Feeds:
        from shared.crm.together import Together

        return Together(self._clock)

    def records(self, field_map: FieldMap, turns: Turns) -> Records:  # noqa: ARG002 - alternate keys make turns needless
        """Return the client of the table that the mapping names. Raises MappingError for one that it does not know."""
        from shared.crm.dynamics365.records import Dynamics365

        if field_map.in_rows:
            from shared.crm.dynamics365.with_rows import WithSolutionRows

            return WithSolutionRows(self.api, field_map, self._clock, self._together)
        return Dynamics365(self.api, field_map, self._clock, self._together)
