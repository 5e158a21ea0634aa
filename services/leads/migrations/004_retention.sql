-- What a lead holds goes when its time is over (rows P8 and P24), unless a legal hold is on it.

CREATE TABLE retention_review (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL,
    status text NOT NULL GENERATED ALWAYS AS (state ->> 'status') STORED,
    community text GENERATED ALWAYS AS (state ->> 'community') STORED,
    cell text GENERATED ALWAYS AS (state ->> 'cell') STORED
);
CREATE INDEX retention_review_open ON retention_review (status, id) WHERE status <> 'deleted';

-- What fell due is not looked at again, however many years of it there are.
ALTER TABLE lead ADD COLUMN is_reviewed boolean NOT NULL DEFAULT false;
CREATE INDEX lead_ended ON lead (status, changed_at)
    WHERE status IN ('closed', 'dismissed') AND NOT is_reviewed;
CREATE FUNCTION mark_reviewed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE lead SET is_reviewed = true WHERE id = (NEW.state ->> 'record')::uuid;
    RETURN NEW;
END $$;
CREATE TRIGGER reviewed AFTER INSERT ON retention_review FOR EACH ROW EXECUTE FUNCTION mark_reviewed();

ALTER TABLE retention_review ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY writing ON retention_review TO leads_writer USING (true);
CREATE POLICY reading ON retention_review FOR SELECT TO leads_reader USING (
    (SELECT sees_everything())
    OR community = ANY ((SELECT in_scope('community'))::text[])
    OR cell = ANY ((SELECT in_scope('cell'))::text[])
);

CREATE TABLE held_subject (
    subject_ref uuid PRIMARY KEY, version int NOT NULL, held boolean NOT NULL, fact_number bigint NOT NULL
);
