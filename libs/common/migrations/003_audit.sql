-- Who asked for what, and what came of it. Rows are only ever added; who may add them is said with
-- the other grants. Months hold them, as they hold events.

CREATE SEQUENCE audit_position;

CREATE TABLE audit (
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    position       bigint NOT NULL DEFAULT nextval('audit_position'),
    at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor          text NOT NULL,
    acting_for     text[] NOT NULL,
    grant_id       uuid,
    action         text NOT NULL,
    resource       text NOT NULL,
    route          text NOT NULL,
    purpose        text,
    case_id        uuid,
    filters        text[] NOT NULL,
    fields         text[] NOT NULL,
    ids            uuid[] NOT NULL,
    outcome        text NOT NULL CHECK (outcome IN ('done', 'again', 'refused', 'denied')),
    code           text,
    command_id     uuid,
    correlation_id text NOT NULL
) PARTITION BY RANGE (at);
CREATE TABLE audit_default PARTITION OF audit DEFAULT;
CREATE INDEX audit_in_commit_order ON audit (transaction_id, position);

-- Rows of `audit`, numbered and chained: `positions` are those of the rows `first`, `first` + 1 and
-- so on, `hashes` theirs; `transaction_id` and `position` are where the sealer goes on from.
CREATE TABLE audit_seal (
    first          bigint PRIMARY KEY,
    transaction_id xid8 NOT NULL,
    position       bigint NOT NULL,
    positions      bigint[] NOT NULL,
    hashes         bytea[] NOT NULL,
    sealed_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE audit_chain (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL
);

-- Months of `event` and `audit`, from this one to three ahead. A month that a default partition has
-- rows of stays there.
CREATE OR REPLACE FUNCTION make_partitions() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    month date;
    whole text;
    part text;
BEGIN
    FOR n IN 0..3 LOOP
        month := date_trunc('month', now()) + make_interval(months => n);
        FOREACH whole IN ARRAY ARRAY['event', 'audit'] LOOP
            part := whole || '_' || to_char(month, 'YYYY_MM');
            CONTINUE WHEN to_regclass(part) IS NOT NULL;
            BEGIN
                EXECUTE format(
                    'CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                    part, whole, month, month + interval '1 month'
                );
                IF whole = 'audit' THEN
                    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %I FROM %I', part, current_user);
                END IF;
            EXCEPTION WHEN check_violation THEN
                RAISE NOTICE 'rows of % stay in the default partition', month;
            END;
        END LOOP;
    END LOOP;
END $$;
SELECT make_partitions();
