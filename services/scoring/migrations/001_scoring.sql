CREATE TABLE score (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL,
    scheme text NOT NULL GENERATED ALWAYS AS (state ->> 'scheme') STORED,
    rule_version int NOT NULL GENERATED ALWAYS AS ((state ->> 'version')::int) STORED,
    subject text NOT NULL GENERATED ALWAYS AS (state ->> 'subject') STORED,
    indicator text NOT NULL GENERATED ALWAYS AS (state ->> 'indicator') STORED,
    numerator bigint NOT NULL GENERATED ALWAYS AS ((state ->> 'numerator')::bigint) STORED,
    denominator bigint NOT NULL GENERATED ALWAYS AS ((state ->> 'denominator')::bigint) STORED
);
CREATE UNIQUE INDEX score_of_tally ON score (scheme, rule_version, subject, indicator);

CREATE TABLE tally (
    scheme text NOT NULL, version int NOT NULL, subject text NOT NULL, indicator text NOT NULL,
    numerator bigint NOT NULL, denominator bigint NOT NULL,
    PRIMARY KEY (scheme, version, subject, indicator)
);

-- Every event that was counted, in the order in which it was: figures can be counted again.
CREATE TABLE applied (
    event_id uuid PRIMARY KEY, type text NOT NULL, data json NOT NULL,
    occurred_at timestamptz NOT NULL,
    correlation_id text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    position bigint NOT NULL GENERATED ALWAYS AS IDENTITY
);
CREATE INDEX applied_in_order ON applied (position);
CREATE INDEX applied_of_story ON applied (correlation_id);
