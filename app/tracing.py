"""Traces of OpenTelemetry: one for each request, spans by stage, a caller's `traceparent` taken up and sent on.

Rule 1: nothing of a user's text, no key and no URL in a span: names and numbers of ours. An exception is its type.
        The web framework's own instrumentation, which would send the URL with its key, is off (see `app.main`).
Rule 2: off, a stage costs the look at a variable; the SDK is needed only when tracing is on.
Rule 3: a span ends with its stage, in whichever task that runs.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING

from opentelemetry import propagate
from opentelemetry.trace import SpanKind, StatusCode, Tracer
from starlette.types import Scope

from app.request_scope import ID, ITEMS, KEY, route_of
from app.settings import TracingSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

Finish = Callable[[int], None]
CARRIED = ("traceparent", "tracestate")

_tracer: ContextVar[Tracer | None] = ContextVar("tracer", default=None)
_NO_SPAN: AbstractContextManager[None] = nullcontext()


def _unfinished(_status: int) -> None:
    """What is not traced needs no last word."""


_NO_REQUEST: AbstractContextManager[Finish] = nullcontext(_unfinished)


def stage(name: str) -> AbstractContextManager[None]:
    """A span around one stage of the request that this task works on, if it is traced."""
    tracer = _tracer.get()
    return _NO_SPAN if tracer is None else _span(tracer, name)


def headers() -> Mapping[str, str]:
    """For calls to others: where they find the trace; none where there is none."""
    found: dict[str, str] = {}
    if _tracer.get() is not None:
        propagate.inject(found)
    return found


@contextmanager
def _span(tracer: Tracer, name: str) -> Iterator[None]:
    with tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as span:
        try:
            yield
        except Exception as error:
            span.set_attribute("error.type", type(error).__qualname__)
            span.set_status(StatusCode.ERROR)
            raise


class Tracing:
    """On where the settings name a receiver."""

    def __init__(self, settings: TracingSettings) -> None:
        self._provider = _provider(settings) if settings.endpoint else None
        self._tracer = self._provider.get_tracer("touchstone") if self._provider else None

    def request(self, given: Mapping[bytes, bytes], scope: Scope) -> AbstractContextManager[Finish]:
        """A span around one request. Call what it gives with the status."""
        return _NO_REQUEST if self._tracer is None else self._request(self._tracer, given, scope)

    @contextmanager
    def _request(self, tracer: Tracer, given: Mapping[bytes, bytes], scope: Scope) -> Iterator[Finish]:
        carrier = {
            one.decode(): given[one].decode("latin-1") for one in (b"traceparent", b"tracestate") if one in given
        }
        token = _tracer.set(tracer)
        try:
            with tracer.start_as_current_span(
                "request",
                propagate.extract(carrier),
                SpanKind.SERVER,
                {ID: scope[ID]},
                record_exception=False,
                set_status_on_exception=False,
            ) as span:

                def finish(status: int) -> None:
                    method, route = scope["method"], route_of(scope)
                    span.update_name(f"{method} {route}")
                    span.set_attributes(
                        {"http.request.method": method, "http.route": route, "http.response.status_code": status}
                    )
                    span.set_attributes({one: scope[one] for one in (KEY, ITEMS) if one in scope})
                    if status >= 500:
                        span.set_status(StatusCode.ERROR)

                yield finish
        finally:
            _tracer.reset(token)

    def close(self) -> None:
        """Send what waits, for some seconds at most."""
        if self._provider is not None:
            self._provider.shutdown()


def _provider(settings: TracingSettings) -> "TracerProvider":
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - see rule 2
    except ImportError as missing:
        raise RuntimeError("traces need the extra: pip install 'touchstone[otel]'") from missing
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio  # noqa: PLC0415

    sampler = ParentBasedTraceIdRatio(settings.share)
    provider = TracerProvider(sampler, Resource.create({"service.name": settings.service_name}), shutdown_on_exit=False)
    secret = {name: value.get_secret_value() for name, value in settings.headers.items()}
    exporter = OTLPSpanExporter(settings.endpoint, headers=secret, timeout=settings.timeout_s)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
