-- The tables of the core, in every service's database. Owned by <service>_owner.

CREATE SEQUENCE event_position;

CREATE TABLE event (
    aggregate        text NOT NULL,
    stream_id        uuid NOT NULL,
    version          int NOT NULL,
    transaction_id   xid8 NOT NULL DEFAULT pg_current_xact_id(),
    position         bigint NOT NULL DEFAULT nextval('event_position'),
    event_id         uuid NOT NULL,
    topic            text NOT NULL,
    type             text NOT NULL,
    key              text NOT NULL,
    data             json NOT NULL,
    sealed           json,
    actor            text NOT NULL,
    correlation_id   text NOT NULL,
    causation_id     uuid NOT NULL,
    causation_source text NOT NULL,
    traceparent      text,
    exercise         boolean NOT NULL,
    recorded_at      timestamptz NOT NULL
) PARTITION BY RANGE (recorded_at);
CREATE TABLE event_default PARTITION OF event DEFAULT;
CREATE INDEX event_of_stream ON event (stream_id, version);
CREATE INDEX event_in_commit_order ON event (transaction_id, position);

CREATE TABLE inbox (
    message_id uuid NOT NULL,
    source     text NOT NULL,
    outcome    text NOT NULL CHECK (outcome IN ('applied', 'waiting', 'dead')),
    handled_at timestamptz NOT NULL,
    PRIMARY KEY (message_id, source)
);
CREATE INDEX inbox_by_age ON inbox USING brin (handled_at);

CREATE TABLE request (
    source     text NOT NULL,
    key        text NOT NULL,
    digest     bytea NOT NULL,
    status     int NOT NULL,
    answer     json NOT NULL,
    handled_at timestamptz NOT NULL,
    PRIMARY KEY (source, key)
);

CREATE TABLE position (
    topic     text NOT NULL,
    partition int NOT NULL,
    previous  bigint,
    next      bigint NOT NULL,
    last_id   text NOT NULL,
    PRIMARY KEY (topic, partition)
);

CREATE TABLE timer (
    name           text NOT NULL,
    id             uuid NOT NULL,
    due_at         timestamptz NOT NULL,
    data           json NOT NULL,
    correlation_id text NOT NULL,
    PRIMARY KEY (name, id)
);
CREATE INDEX timer_by_due ON timer (due_at);

CREATE TABLE dead_letter (
    id         uuid PRIMARY KEY,
    topic      text NOT NULL,
    partition  int,
    offset_    bigint,
    timestamp_ bigint NOT NULL,
    key        bytea,
    headers    json NOT NULL,
    value      bytea,
    stage      text NOT NULL,
    reason     text NOT NULL,
    died_at    timestamptz NOT NULL,
    retries    int NOT NULL DEFAULT 0
);

CREATE TABLE relay (
    only_one       boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    transaction_id xid8 NOT NULL DEFAULT '0',
    position       bigint NOT NULL DEFAULT 0,
    holder         int,
    heartbeat      timestamptz NOT NULL DEFAULT now()
);
INSERT INTO relay DEFAULT VALUES;

CREATE TABLE facts (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    number   bigint NOT NULL
);
INSERT INTO facts (number) VALUES (0);

-- Set by demo and tests alone, before a service begins: now = base + (real - began) * rate.
CREATE TABLE clock (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    base     timestamptz NOT NULL,
    began    timestamptz NOT NULL,
    rate     double precision NOT NULL
);

CREATE FUNCTION expect(actual bigint, expected bigint, code text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF actual <> expected THEN
        RAISE 'someone else was first' USING ERRCODE = code;
    END IF;
END $$;

-- Months of `event`, from this one to three ahead. A month that the default partition has rows of
-- stays there.
CREATE FUNCTION make_partitions() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    month date;
BEGIN
    FOR n IN 0..3 LOOP
        month := date_trunc('month', now()) + make_interval(months => n);
        BEGIN
            EXECUTE format(
                'CREATE TABLE IF NOT EXISTS %I PARTITION OF event FOR VALUES FROM (%L) TO (%L)',
                'event_' || to_char(month, 'YYYY_MM'), month, month + interval '1 month'
            );
        EXCEPTION WHEN check_violation THEN
            RAISE NOTICE 'events of % stay in the default partition', month;
        END;
    END LOOP;
END $$;
SELECT make_partitions();
