"""One trace from the request to what another service made of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from libs.common import tracing
from libs.common.ids import named
from libs.common.messages import Cause
from libs.common.work import Work
from tests.integration.test_two_services import open_shop
from tests.support.awaiting import eventually
from tests.support.servers import Ground

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use(provider.get_tracer("test"))
    yield exporter
    tracing.use(None)


async def test_a_sale_and_its_counting_are_in_the_callers_trace(
    servers: Ground, spans: InMemorySpanExporter
) -> None:
    async with open_shop(servers) as there:
        await there.list_good("tea")
        traceparent = f"00-{TRACE}-00f067aa0ba902b7-01"
        body = {"till": "00000000-0000-7000-8000-000000000001", "amount": 5}
        answer = await there.client.post("/sales", json=body, headers={"traceparent": traceparent})
        assert answer.status_code == 201

        async def names() -> set[str]:
            return {
                span.name
                for span in spans.get_finished_spans()
                if span.context and format(span.context.trace_id, "032x") == TRACE
            }

        assert await eventually(names, {"POST /sales", "till.sold.v1"}.__eq__)


def test_a_large_batch_has_one_span_that_links_to_the_traces_of_its_works(
    spans: InMemorySpanExporter,
) -> None:
    causes = [
        Cause("system", "", named(f"{n}"), "", f"00-{TRACE[:-2]}{n:02x}-00f067aa0ba902b7-01")
        for n in range(tracing.FEW + 1)
    ]
    tracing.record("till", [Work(lambda _: (), cause) for cause in causes], begun=1)
    (span,) = spans.get_finished_spans()
    assert span.name == "till batch"
    linked = {format(link.context.trace_id, "032x") for link in span.links}
    assert linked == {f"{TRACE[:-2]}{n:02x}" for n in range(tracing.FEW + 1)}
