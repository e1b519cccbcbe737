"""A table's client whose transactions are written and read as text.

The SDK starts two pools of threads for each transaction, and writes and reads it as an e-mail with an e-mail in it:
more than two thirds of the processor time of a commit. The requests in it, sign-in, retries and the network stay the
SDK's; only the form is ours (learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from azure.core.rest import HttpRequest, HttpResponse
from azure.data.tables import TableClient, TableTransactionError

from shared.multipart import answers, joined, request

_HEADERS = {"DataServiceVersion": "3.0", "MaxDataServiceVersion": "3.0;NetFx", "Accept": "application/json"}


class TransactionClient(TableClient):
    """A TableClient whose `submit_transaction` starts no thread and makes no e-mail."""

    def _batch_send(self, table_name: str, *reqs: HttpRequest, **kwargs: Any) -> list[Mapping[str, Any]]:  # noqa: ARG002
        """Send the requests of a transaction; returns the version that each stored. Raises TableTransactionError."""
        boundary, body = _batch(reqs)
        kind = {"Content-Type": f"multipart/mixed; boundary={boundary}", "x-ms-version": self.api_version}
        url = f"{self.scheme}://{self._primary_hostname}/$batch"
        sent = HttpRequest("POST", url, headers={**_HEADERS, **kind}, content=body.encode())
        answered = self._client.send_request(sent, stream=True, **kwargs)  # Else the SDK would take the body for XML.
        content = answered.read()
        if answered.status_code != 202:
            raise _refusal(answered, answered.status_code, content)
        done = answers(answered.headers.get("content-type") or "", content)
        for each in done:
            if each is None or not 200 <= each.status < 300:
                raise _refusal(answered, each.status if each else 502, each.content if each else b"")
        if len(done) != len(reqs):
            raise _refusal(answered, 502, b"")
        return [{"etag": each.headers.get("etag")} for each in done if each]


def _batch(requests: Sequence[HttpRequest]) -> tuple[str, str]:
    """Return the body, and its boundary: a batch with one set of changes in it, of which all are done or none."""
    name = str(uuid4())
    changes = (
        request(each.method, each.url, each.headers, each.content or "", number) for number, each in enumerate(requests)
    )
    changeset = joined(f"changeset_{name}", changes)
    kind = f"Content-Type: multipart/mixed; boundary=changeset_{name}"
    return f"batch_{name}", joined(f"batch_{name}", [f"{kind}\r\n\r\n{changeset}"])


def _refusal(answered: HttpResponse, status: int, content: bytes) -> TableTransactionError:
    """Return the SDK's error for what was answered to the whole transaction, or to the request that it failed for."""
    try:
        code = json.loads(content)["odata.error"]["code"]
    except (ValueError, KeyError, TypeError):
        code = answered.headers.get("x-ms-error-code")
    error = TableTransactionError(message=f"Table Storage refused the transaction: {status} {code}", response=answered)
    error.status_code = status
    vars(error)["error_code"] = code  # Where the SDK keeps it.
    return error
