"""One trace from the trainer through the service to the model server, read by a real OTLP/HTTP receiver."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.settings import TracingSettings
from app.tracing import Tracing, headers, stage
from tests.live import LiveService
from tests.processes import until
from tests.scripted_openai import ScriptedOpenAI

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

TEXT = "PlUgH"
TRAINER = f"""
import json, sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from touchstone_client import Client
trace.set_tracer_provider(TracerProvider())
answers = [f"so {TEXT} it is \\boxed{{{{{TEXT} x + {{n}}}}}}" for n in range(300)]
items = [{{"response": answer, "reference": "{TEXT} y", "question": "{TEXT}"}} for answer in answers]
with trace.get_tracer("trainer").start_as_current_span("step") as span, Client(sys.argv[1]) as client:
    client.verify(items, recall=sys.argv[2])
    print(json.dumps(f"{{span.get_span_context().trace_id:032x}}"))
"""


class Receiver:
    """Takes spans as a collector does. `headers` are those of the last delivery."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.raw = b""
        self.headers: dict[str, str] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.take(body, dict(self.headers))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/traces"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, body: bytes, headers: dict[str, str]) -> None:
        self.raw += body
        self.headers = headers
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.spans += scope.spans

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    opened = Receiver()
    yield opened
    opened.close()


def trained(url: str, recall: str) -> str:
    """A trainer that traces verifies a batch; returns its trace's id."""
    done = subprocess.run([sys.executable, "-c", TRAINER, url, recall], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    trace_id: str = json.loads(done.stdout)
    return trace_id


async def test_one_batch_is_one_trace(start_service: Callable[..., LiveService], receiver: Receiver) -> None:
    """A trainer's step, the client's requests, the service's stages and the calls of the model server are one trace,
    each stage under its request; no text of an item is in it, and the receiver gets the header that it wants.
    """
    with ScriptedOpenAI() as model:
        live = start_service(
            {
                "TOUCHSTONE_POOL__WORKERS": "1",
                "TOUCHSTONE_MODEL__SOURCE": model.url,
                "TOUCHSTONE_TRACING__ENDPOINT": receiver.url,
                "TOUCHSTONE_TRACING__HEADERS": '{"x-token": "collector"}',
            }
        )
        await until(lambda: live.client.get("/readyz").status_code == 200)
        trace_id = trained(live.url, "auto")
        asked = [one.headers for one in model.asked if "traceparent" in {name.lower() for name in one.headers}]
        assert live.stop() == 0
    ours = [span for span in receiver.spans if span.trace_id.hex() == trace_id]
    requests = {span.span_id: span for span in ours if span.name == "POST /v1/verify"}
    assert len(requests) > 1
    stages = [span for span in ours if span.parent_span_id in requests]
    assert {"parse", "quick", "cache", "rules and model", "encode"} <= {span.name for span in stages}
    models = {span.span_id.hex() for span in ours if span.name == "model"}
    sent = [{name.lower(): value for name, value in headers.items()}["traceparent"].split("-") for headers in asked]
    assert {parts[1] for parts in sent if parts[2] in models} == {trace_id}
    assert TEXT.encode() not in receiver.raw
    assert receiver.headers["x-token"] == "collector"
    assert {attribute(span, "http.response.status_code") for span in requests.values()} == {200}
    assert sum(attribute(span, "touchstone.items") for span in requests.values()) == 300


def attribute(span: "Span", name: str) -> int:
    return next(int(one.value.int_value) for one in span.attributes if one.key == name)


def test_off_a_stage_is_nothing() -> None:
    """Without an endpoint every stage and every request is one and the same thing that does nothing."""
    off = Tracing(TracingSettings())
    assert stage("parse") is stage("encode")
    assert off.request({}, {"type": "http"}) is off.request({b"traceparent": b"00-1-1-01"}, {"type": "http"})
    assert headers() == {}
