"""Spans for OpenTelemetry: a work's under the trace that its cause names, a large batch's one for
all, with links to the traces of its works.

Needs the extra `traces`, and OTEL_EXPORTER_OTLP_ENDPOINT in the environment; else nothing is done.
A span holds names of types and outcomes, never content.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from libs.common.settings import SettingsError
from libs.common.work import Work

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"

FEW, LINKS = 10, 128
"""A span each costs more than all else that is done for a work, so a batch over the first has one,
with links up to the second, which is the SDK's own limit."""

_SAMPLED = frozenset("13579bdf")
"""Last figures of a `traceparent` whose flags say so."""

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
    from opentelemetry.trace import Link, get_current_span

    traced = [work for work in works if work.cause.traceparent]
    if len(traced) <= FEW:
        for work in traced:
            result = type(work.result).__name__.lower()
            told = {"civicgrid.service": service, "civicgrid.result": result}
            _tracer.start_span(_name(work), _parent(work), attributes=told, start_time=begun).end()
    else:
        sampled = [work for work in traced if _is_sampled(work)]
        links = [
            Link(get_current_span(_parent(work)).get_span_context()) for work in sampled[:LINKS]
        ]
        count: dict[str, str | int] = {
            "civicgrid.service": service,
            "messaging.batch.message_count": len(works),
        }
        name = f"{service} batch"
        _tracer.start_span(name, attributes=count, links=links, start_time=begun).end()


def _is_sampled(work: Work) -> bool:
    """Of a trace that is not, nothing was kept that a link could lead to."""
    return (work.cause.traceparent or "")[-1:] in _SAMPLED


def _parent(work: Work) -> Context:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": work.cause.traceparent or ""})


def _name(work: Work) -> str:
    if work.envelope:
        return work.envelope.event.type
    if work.request:
        return work.request.source.partition(" ")[2]
    return work.fired.name if work.fired else "work"
