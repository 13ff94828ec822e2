"""OpenTelemetry: a span for each request and, inside it, for each stage of a list, sent to a collector.

See https://opentelemetry.io/docs/specs/otel/trace/ and the extra `otel`. No span holds an id of a user or an item.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol

from starlette.datastructures import Headers
from starlette.types import Scope

from recsys.errors import ConfigError
from serving.errors import METHODS

if TYPE_CHECKING:
    from opentelemetry.trace import Span

SERVICE = "recsys"

NAMED_METHODS = frozenset({*METHODS, "OPTIONS"})
"""Methods that are named; a caller can make up any number of others."""


class RequestSpan(Protocol):
    """A request under way."""

    def answered(self, route: str, status: int) -> None:
        """What became of it."""
        ...


class Traces(Protocol):
    """Where spans go."""

    def request(self, scope: Scope) -> AbstractContextManager[RequestSpan]:
        """A span around a request, inside the caller's own where its headers name one."""
        ...

    def stages(self, started: int, seconds: Mapping[str, float]) -> None:
        """Spans of stages that followed one another, inside the request's; `started` in nanoseconds since 1970."""
        ...

    def close(self) -> None:
        """Send what waits, and end."""
        ...


class NoTraces:
    """Nobody asked for traces."""

    def request(self, scope: Scope) -> AbstractContextManager[RequestSpan]:
        """Does nothing."""
        return nullcontext(self)

    def answered(self, route: str, status: int) -> None:
        """Does nothing."""

    def stages(self, started: int, seconds: Mapping[str, float]) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Does nothing."""


class _Open:
    def __init__(self, span: "Span", method: str) -> None:
        self._span = span
        self._method = method

    def answered(self, route: str, status: int) -> None:
        self._span.update_name(f"{self._method} {route}")
        self._span.set_attributes({"http.route": route, "http.response.status_code": status})
        if status >= 500:
            from opentelemetry.trace import StatusCode

            self._span.set_status(StatusCode.ERROR)


class CollectedTraces:
    """Traces sent to a collector by OTLP over HTTP, in batches, from a thread.

    Args:
        url: of the collector, for example `http://localhost:4318/v1/traces`.

    Raises:
        ConfigError: OpenTelemetry is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ImportError as error:
            raise ConfigError("serving.traces needs OpenTelemetry: install recsys[otel]") from error
        self._provider = TracerProvider(resource=Resource.create({"service.name": SERVICE}))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
        self._tracer = self._provider.get_tracer(SERVICE)
        self._callers = TraceContextTextMapPropagator()

    @contextmanager
    def request(self, scope: Scope) -> Iterator[RequestSpan]:
        """See `Traces`."""
        from opentelemetry.trace import SpanKind

        method = scope["method"] if scope["method"] in NAMED_METHODS else "_OTHER"
        caller = self._callers.extract(dict(Headers(scope=scope)))
        with self._tracer.start_as_current_span(method, context=caller, kind=SpanKind.SERVER) as span:
            span.set_attribute("http.request.method", method)
            yield _Open(span, method)

    def stages(self, started: int, seconds: Mapping[str, float]) -> None:
        """See `Traces`."""
        for name, duration in seconds.items():
            ended = started + int(duration * 1e9)
            self._tracer.start_span(name, start_time=started).end(ended)
            started = ended

    def close(self) -> None:
        """See `Traces`."""
        self._provider.shutdown()


def traces_to(url: str) -> Traces:
    """Traces for a collector; none without a URL."""
    return CollectedTraces(url) if url else NoTraces()
