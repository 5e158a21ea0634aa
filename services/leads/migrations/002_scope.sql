-- A reader sees what its transaction's scope holds (rows P17, S13); the writer's rights were checked before.

ALTER TABLE lead ADD COLUMN cell text GENERATED ALWAYS AS (state ->> 'cell') STORED;
CREATE INDEX lead_of_cell ON lead (cell, id);
ALTER TABLE supervision
    ADD COLUMN cell text GENERATED ALWAYS AS (state ->> 'cell') STORED,
    ADD COLUMN community text GENERATED ALWAYS AS (state ->> 'community') STORED;
CREATE INDEX supervision_of_community ON supervision (community, id);

ALTER TABLE lead ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY writing ON lead TO leads_writer USING (true);
CREATE POLICY reading ON lead FOR SELECT TO leads_reader USING (
    (SELECT sees_everything())
    OR community = ANY ((SELECT in_scope('community'))::text[])
    OR cell = ANY ((SELECT in_scope('cell'))::text[])
    OR unit = ANY ((SELECT in_scope('unit'))::text[])
);

ALTER TABLE supervision ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY writing ON supervision TO leads_writer USING (true);
CREATE POLICY reading ON supervision FOR SELECT TO leads_reader USING (
    (SELECT sees_everything())
    OR community = ANY ((SELECT in_scope('community'))::text[])
    OR cell = ANY ((SELECT in_scope('cell'))::text[])
    OR unit = ANY ((SELECT in_scope('unit'))::text[])
);

ALTER TABLE event ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owning ON event TO leads_owner USING (true);
CREATE POLICY writing ON event TO leads_writer USING (true);
CREATE POLICY reading ON event FOR SELECT TO leads_reader USING (
    (SELECT sees_everything())
    OR aggregate = 'lead' AND EXISTS (SELECT FROM lead WHERE lead.id = stream_id)
);
