-- A reader sees what its transaction's scope holds (rows P17, S13); the writer's rights were checked before.

ALTER TABLE mediation_case
    ADD COLUMN cell text GENERATED ALWAYS AS (state ->> 'cell') STORED,
    ADD COLUMN community text GENERATED ALWAYS AS (state ->> 'community') STORED;
CREATE INDEX mediation_case_of_community ON mediation_case (community, id);

ALTER TABLE mediation_case ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY writing ON mediation_case TO mediation_writer USING (true);
CREATE POLICY reading ON mediation_case FOR SELECT TO mediation_reader USING (
    (SELECT sees_everything())
    OR community = ANY ((SELECT in_scope('community'))::text[])
    OR cell = ANY ((SELECT in_scope('cell'))::text[])
    OR centre = ANY ((SELECT in_scope('unit'))::text[])
    OR state -> 'mediators' ?| (SELECT in_scope('person'))::text[]
);

ALTER TABLE event ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owning ON event TO mediation_owner USING (true);
CREATE POLICY writing ON event TO mediation_writer USING (true);
CREATE POLICY reading ON event FOR SELECT TO mediation_reader USING (
    (SELECT sees_everything())
    OR aggregate = 'mediation_case' AND EXISTS (SELECT FROM mediation_case WHERE id = stream_id)
);
