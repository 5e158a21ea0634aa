-- What the police share: who may see that there is something is decided here; what it says is sealed (R14, R15).

-- States write a time in UTC (RFC 3339), so that what it says hangs on no setting.
CREATE FUNCTION instant(told text) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN told::timestamptz;

CREATE TABLE shared_batch (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL,
    status text NOT NULL GENERATED ALWAYS AS (state ->> 'status') STORED,
    community text GENERATED ALWAYS AS (state ->> 'community') STORED,
    expires_at timestamptz GENERATED ALWAYS AS (instant(state ->> 'expires_at')) STORED
);
CREATE INDEX shared_batch_of_status ON shared_batch (status, id);
CREATE INDEX shared_batch_lapsing ON shared_batch (expires_at) WHERE status = 'submitted';
CREATE INDEX shared_batch_of_community ON shared_batch (community, id);

CREATE TABLE shared_entry (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL,
    status text NOT NULL GENERATED ALWAYS AS (state ->> 'status') STORED,
    community text GENERATED ALWAYS AS (state ->> 'community') STORED,
    expires_at timestamptz GENERATED ALWAYS AS (instant(state ->> 'expires_at')) STORED,
    delete_at timestamptz GENERATED ALWAYS AS (instant(state ->> 'delete_at')) STORED
);
CREATE INDEX shared_entry_of_community ON shared_entry (community, id);
CREATE INDEX shared_entry_of_status ON shared_entry (status, id);
CREATE INDEX shared_entry_expiring ON shared_entry (expires_at) WHERE status = 'active';
CREATE INDEX shared_entry_passing ON shared_entry (delete_at) WHERE status = 'expired';

-- As a cell a community is that of whose post is of exactly this one; who issued a batch sees its papers.
SELECT scoped('shared_batch', $$(SELECT sees_everything())
    OR community = ANY ((SELECT in_scope('community'))::text[])
    OR community = ANY ((SELECT in_scope('cell'))::text[])
    OR state ->> 'issued_by' = ANY ((SELECT in_scope('person'))::text[])$$);
SELECT scoped('shared_entry', $$(SELECT sees_everything())
    OR community = ANY ((SELECT in_scope('community'))::text[])
    OR community = ANY ((SELECT in_scope('cell'))::text[])$$);

-- Of their events a reader sees those of what is in its scope: they hold what is sealed.
DROP POLICY reading ON event;
CREATE POLICY reading ON event FOR SELECT TO registry_reader USING (
    (SELECT sees_everything())
    OR aggregate = 'shared_batch' AND EXISTS (SELECT FROM shared_batch WHERE id = stream_id)
    OR aggregate = 'shared_entry' AND EXISTS (SELECT FROM shared_entry WHERE id = stream_id)
);
