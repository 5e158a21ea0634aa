"""Spans for OpenTelemetry: one for each work, under the trace that its cause names.

Needs the extra `traces`, and OTEL_EXPORTER_OTLP_ENDPOINT in the environment; else nothing is done.
A span holds names of types and outcomes, never content.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from libs.common.settings import SettingsError
from libs.common.work import Work

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"

_tracer: Tracer | None = None


def start(service: str) -> None:
    """Send spans to the endpoint that the environment names, if it does. Raises SettingsError."""
    if not os.environ.get(ENDPOINT):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise SettingsError(f"{ENDPOINT} is set: install the extra civicgrid[traces]") from None
    provider = TracerProvider(resource=Resource.create({"service.name": f"civicgrid-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use(provider.get_tracer("civicgrid"))


def use(tracer: Tracer | None) -> None:
    global _tracer
    _tracer = tracer


def record(service: str, works: Sequence[Work], begun: int) -> None:
    """Works that were stored between `begun` (nanoseconds since 1970) and now."""
    if _tracer is None:
        return
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    propagator, now = TraceContextTextMapPropagator(), time.time_ns()
    for work in works:
        if work.cause.traceparent is None:
            continue
        parent = propagator.extract({"traceparent": work.cause.traceparent})
        result = type(work.result).__name__.lower()
        attributes = {"civicgrid.service": service, "civicgrid.result": result}
        span = _tracer.start_span(_name(work), parent, attributes=attributes, start_time=begun)
        span.end(now)


def _name(work: Work) -> str:
    if work.envelope:
        return work.envelope.event.type
    if work.request:
        return work.request.source.partition(" ")[2]
    return work.fired.name if work.fired else "work"
