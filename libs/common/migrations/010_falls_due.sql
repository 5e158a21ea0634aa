-- What falls due at one moment, as all cases of a day do, is brought in its order: so much of it as is asked for is
-- read, and no more.
CREATE INDEX timer_in_order ON timer (due_at, version, name, id);
DROP INDEX timer_by_due;

CREATE INDEX request_by_age ON request USING brin (handled_at);
