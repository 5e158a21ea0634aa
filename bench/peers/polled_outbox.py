"""Two services by hand, one behind the other, each with an outbox that is polled once a second.

`python -m bench.peers.polled_outbox BOOTSTRAP DATABASE_URL SOURCE TARGET GROUP ROLE`, ROLE one of
`leads` (takes intake) and `alerts` (takes what the other publishes).
"""

from __future__ import annotations

import json
import sys
from typing import Any
from uuid import UUID

import uvloop

from bench.peers import arguments
from bench.peers.handwritten import Outcome, loop
from libs.common.contracts.leads import IncidentReported
from libs.common.ids import derived, named, uuid7
from services.leads.policies import lead_id

POLL_SECONDS = 1.0


def lead(record: Any) -> Outcome:
    report = IncidentReported.model_validate_json(record.value)
    id = lead_id("sandbox", report.source_number)
    data = {"lead_id": str(id), "cell": report.cell, "lead_type": report.lead_type}
    message = named(dict(record.headers)["ce_id"].decode())
    return Outcome(message, id, report.cell or "", json.dumps(data))


def alert(record: Any) -> Outcome:
    told = json.loads(record.value)
    data = {"about": told["lead_id"], "cell": told["cell"], "recipients": [str(uuid7())]}
    message = UUID(dict(record.headers)["ce_id"].decode())
    return Outcome(message, derived(UUID(told["lead_id"]), "alert"), told["cell"], json.dumps(data))


if __name__ == "__main__":
    decide = {"leads": lead, "alerts": alert}[sys.argv[6]]
    uvloop.run(loop(arguments.read(), decide, POLL_SECONDS))
