"""Stand-ins for the protobuf classes between host and worker.

`azure-functions-runtime-v1` gets its message classes injected, builds its answers with them and reads plain attributes
(its `handle_event.py` and `bindings/datumdef.py`), so classes that only hold keyword arguments are enough.
"""

from collections.abc import Mapping
from types import SimpleNamespace


class Message(SimpleNamespace):
    """Any message: exactly the attributes it was built with."""


class TypedData(Message):
    """One value under the name of its kind: string, json, bytes, http, int or double."""

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 (protobuf's name)
        """The name of the kind that is set."""
        return next((kind for kind, value in vars(self).items() if value is not None), None)


class ParameterBinding(Message):
    """A parameter's name and its TypedData."""

    def WhichOneof(self, _group: str) -> str:  # noqa: N802 (protobuf's name)
        """Data always travels in the message here, never through shared memory."""
        return "data"


class StatusResult(Message):
    """Whether a request succeeded."""

    Failure, Success, Cancelled = 0, 1, 2


class BindingInfo(Message):
    """A binding's type and direction."""

    out, inout = 1, 2
    undefined, string, binary, stream = 0, 1, 2, 3


class RpcHttpCookie(Message):
    """A cookie to set."""

    SameSite = SimpleNamespace(**{"None": 0, "Lax": 1, "Strict": 2, "ExplicitNone": 3})


_PLAIN = (
    *("WorkerInitResponse", "WorkerMetadata", "RpcException", "FunctionLoadResponse", "FunctionMetadataResponse"),
    *("RpcHttp", "InvocationResponse", "NullableString", "NullableBool", "NullableDouble", "NullableTimestamp"),
    "Timestamp",
)

PROTOS = SimpleNamespace(
    **{name: type(name, (Message,), {}) for name in _PLAIN},
    **{c.__name__: c for c in (TypedData, ParameterBinding, StatusResult, BindingInfo, RpcHttpCookie)},
)
"""What the library takes as its `protos`."""


def http_data(
    method: str,
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    params: Mapping[str, str],
    query: Mapping[str, str],
) -> TypedData:
    """An HTTP request as the host sends it to the worker: raw bytes, and no body at all when it is empty."""
    content = TypedData(bytes=body) if body else TypedData()
    return TypedData(http=Message(method=method, url=url, headers=headers, params=params, query=query, body=content))


def invocation(
    invocation_id: str,
    function_id: str,
    trigger: ParameterBinding,
    metadata: Mapping[str, TypedData],
    retry: tuple[int, int],
) -> Message:
    """An invocation request; `retry` is the attempt and the maximum."""
    return Message(
        invocation_id=invocation_id,
        function_id=function_id,
        input_data=[trigger],
        trigger_metadata=metadata,
        trace_context=Message(trace_parent="", trace_state="", attributes={}),
        retry_context=Message(retry_count=retry[0], max_retry_count=retry[1], exception=None),
    )
