"""Spans reach a collector: one for each request, with the caller's trace, and one for each stage of a list."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from running import answering, serving_thread

from recsys.config import Config, load_config
from recsys.errors import ConfigError
from recsys.registry import Registry
from serving.settings import Settings

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="needs OpenTelemetry (install recsys[otel])")


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """The URL of a collector, and what it receives."""
    received: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            """Says nothing."""

    with answering(Collector) as url:
        yield f"{url}/v1/traces", received


def test_requests_and_stages_are_traced(registry: Registry, collector: tuple[str, list[bytes]]) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    url, received = collector
    config = Config.model_validate({"serving": {"traces": url, "encoder": "first use"}})
    trace = "0af7651916cd43dd8448eb211c80319c"
    with serving_thread(Settings.of(config, registry.path)) as http:
        caller = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
        assert http.post("/v1/recommend", json={"user_id": "secret user"}, headers=caller).status_code == 200
    spans = [
        span
        for body in received
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    ours = {span.name: span for span in spans if span.trace_id.hex() == trace}
    root = ours.pop("POST /v1/recommend")
    assert root.parent_span_id.hex() == "b7ad6b7169203331"
    assert {"history", "candidates", "features", "ranker", "policy"} <= set(ours)
    assert all(span.parent_span_id == root.span_id for span in ours.values())
    assert all(root.start_time_unix_nano <= span.start_time_unix_nano for span in ours.values())
    assert not any(b"secret" in body for body in received)


def test_what_is_no_url_of_a_collector() -> None:
    with pytest.raises(ConfigError, match=r"serving\.traces: write a URL that starts with http") as error:
        load_config(None, ["serving.traces=nope"])
    assert "localhost:4318" in str(error.value)
