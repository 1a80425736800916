"""OpenTelemetry, for programs that use it: one span for each call, whatever its number of requests, and its
`traceparent` on each of them.

Rule 1: nothing of it is imported unless the program has done so: for all others it costs a look-up.
"""

import importlib
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any


def call(requests: int) -> AbstractContextManager[Any]:
    """A span around one call of the client, which takes so many requests."""
    if (trace := sys.modules.get("opentelemetry.trace")) is None:
        return nullcontext()
    span: AbstractContextManager[Any] = trace.get_tracer("touchstone_client").start_as_current_span(
        "touchstone call", kind=trace.SpanKind.CLIENT, attributes={"touchstone.requests": requests},
        record_exception=False, set_status_on_exception=False,
    )  # fmt: skip
    return span


def headers() -> Mapping[str, str]:
    """Where the service finds the trace that this task or thread is in; none where there is none."""
    found: dict[str, str] = {}
    if "opentelemetry.trace" in sys.modules:
        importlib.import_module("opentelemetry.propagate").inject(found)
    return found
