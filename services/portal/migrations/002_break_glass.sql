CREATE TABLE break_glass (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL,
    status text NOT NULL GENERATED ALWAYS AS (state ->> 'status') STORED,
    person text GENERATED ALWAYS AS (state ->> 'person_ref') STORED,
    cell text GENERATED ALWAYS AS (state ->> 'place') STORED,
    community text GENERATED ALWAYS AS (state ->> 'community') STORED
);
CREATE INDEX break_glass_of_status ON break_glass (status, id);

CREATE TABLE grantee (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL
);

-- A reader sees what its transaction's scope holds (rows P17, S13); the writer's rights were checked before.

DO $$
DECLARE
    part text;
BEGIN
    FOREACH part IN ARRAY ARRAY['account', 'sign_in_name', 'grantee', 'break_glass', 'event'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', part);
        EXECUTE format('CREATE POLICY owning ON %I TO portal_owner USING (true)', part);
        EXECUTE format('CREATE POLICY writing ON %I TO portal_writer USING (true)', part);
    END LOOP;
    FOREACH part IN ARRAY ARRAY['account', 'sign_in_name', 'grantee'] LOOP
        EXECUTE format(
            'CREATE POLICY reading ON %I FOR SELECT TO portal_reader USING ((SELECT sees_everything()))', part
        );
    END LOOP;
END $$;

CREATE POLICY reading ON break_glass FOR SELECT TO portal_reader USING (
    (SELECT sees_everything())
    OR person = ANY ((SELECT in_scope('person'))::text[])
    OR cell = ANY ((SELECT in_scope('cell'))::text[])
    OR community = ANY ((SELECT in_scope('community'))::text[])
);
CREATE POLICY reading ON event FOR SELECT TO portal_reader USING (
    (SELECT sees_everything())
    OR aggregate = 'break_glass' AND EXISTS (SELECT FROM break_glass WHERE break_glass.id = stream_id)
);
