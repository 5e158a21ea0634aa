"""Everything that is measured, in one place. No label holds a person, an account or a cell."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

BATCH_SIZE = Histogram(
    "civicgrid_batch_size", "Works of a batch.", ["service"], buckets=(1, 3, 10, 30, 100, 300, 1000)
)
STAGE_SECONDS = Histogram(
    "civicgrid_stage_seconds", "Time in a stage of a batch.", ["service", "stage"], buckets=_SECONDS
)
CONFLICTS = Counter("civicgrid_conflicts", "Batches decided again.", ["service"])
RESULTS = Counter("civicgrid_results", "Works by what came of them.", ["service", "result"])
REFUSALS = Counter("civicgrid_refusals", "Commands refused, by rule.", ["service", "rule"])
QUEUE = Gauge("civicgrid_queue", "Works that wait for the writer.", ["service"])
PUBLISHED = Counter("civicgrid_published_events", "Events sent to Kafka.", ["service"])
UNPUBLISHED = Gauge("civicgrid_unpublished_events", "Events not published.", ["service"])
UNPUBLISHED_SECONDS = Gauge(
    "civicgrid_unpublished_seconds", "Age of the oldest event not published.", ["service"]
)
UNSEALED_SECONDS = Gauge(
    "civicgrid_unsealed_seconds", "Age of the oldest row of audit without a seal.", ["service"]
)
LAG = Gauge("civicgrid_lag", "Records of Kafka that the service has not handled.", ["service"])
STOPPED = Gauge("civicgrid_stopped_topics", "Topics that are no longer read.", ["service"])
DEAD_LETTERS = Counter("civicgrid_dead_letters", "Dead letters by stage.", ["service", "stage"])
TIMERS = Counter("civicgrid_timers_fired", "Timers that ran out.", ["service"])
