"""Rows that ask to be called at a time. The counted DELETE or UPDATE of a row, in the transaction
of what follows from it, is what lets a timer run out once."""

from __future__ import annotations

from libs.common.statement import CONFLICT, Part, insert

_COLUMNS = {
    "name": "text",
    "id": "uuid",
    "due_at": "timestamptz",
    "data": "json",
    "correlation_id": "text",
    "subject": "uuid",
    "version": "int",
    "source": "text",
}

SET = insert(
    "timer",
    _COLUMNS,
    "ON CONFLICT (name, id) DO UPDATE SET due_at = EXCLUDED.due_at, data = EXCLUDED.data,"
    " correlation_id = EXCLUDED.correlation_id, subject = EXCLUDED.subject,"
    " version = EXCLUDED.version, source = EXCLUDED.source",
)
CANCEL = Part(
    "timer_cancelled",
    (("name", "text"), ("id", "uuid")),
    "DELETE FROM timer USING {rows} WHERE timer.name = new.name AND timer.id = new.id RETURNING 1",
)
FIRED = Part(
    "timer_fired",
    (("name", "text"), ("id", "uuid"), ("due_at", "timestamptz")),
    "DELETE FROM timer USING {rows} WHERE timer.name = new.name AND timer.id = new.id"
    " AND timer.due_at = new.due_at RETURNING 1",
    CONFLICT,
)
MOVED = Part(
    "timer_moved",
    (*FIRED.columns, ("next_due_at", "timestamptz"), ("data", "json")),
    "UPDATE timer SET due_at = new.next_due_at, data = new.data FROM {rows}"
    " WHERE timer.name = new.name AND timer.id = new.id AND timer.due_at = new.due_at RETURNING 1",
    CONFLICT,
)

DUE = """
SELECT name, id, due_at, data, correlation_id FROM timer WHERE due_at <= $1
ORDER BY due_at, version, name, id LIMIT $2
"""
"""What waits for one another falls due together, and is brought in its order."""
NEXT_DUE = "SELECT min(due_at) FROM timer"
