-- One table an aggregate; what lists ask for stands beside the state, made from it.

CREATE TABLE lead (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL,
    status text NOT NULL GENERATED ALWAYS AS (state ->> 'status') STORED,
    community text GENERATED ALWAYS AS (state ->> 'community') STORED,
    unit text GENERATED ALWAYS AS (state ->> 'unit') STORED,
    source_number text GENERATED ALWAYS AS (state ->> 'source_number') STORED
);
CREATE INDEX lead_of_unit ON lead (unit, id);
CREATE INDEX lead_of_community ON lead (community, id);
CREATE INDEX lead_by_number ON lead (source_number) WHERE source_number IS NOT NULL;
CREATE INDEX lead_unrouted ON lead (id) WHERE status = 'unrouted';

CREATE TABLE supervision (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL,
    unit text GENERATED ALWAYS AS (state ->> 'unit') STORED
);
CREATE INDEX supervision_of_unit ON supervision (unit, id);

CREATE TABLE routing_rule_set (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL
);

CREATE TABLE intake_item (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL
);

CREATE TABLE routing_rules (
    rule_set int PRIMARY KEY, version int NOT NULL, valid_from timestamptz NOT NULL,
    rules text NOT NULL, fact_number bigint NOT NULL
);
