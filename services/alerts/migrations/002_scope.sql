-- A reader sees what its transaction's scope holds (rows P17, S13); the writer's rights were checked before.

ALTER TABLE alert ADD COLUMN cell text GENERATED ALWAYS AS (state ->> 'cell') STORED;
CREATE INDEX alert_of_cell ON alert (cell, id);

ALTER TABLE alert ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY writing ON alert TO alerts_writer USING (true);
CREATE POLICY reading ON alert FOR SELECT TO alerts_reader USING (
    (SELECT sees_everything())
    OR community = ANY ((SELECT in_scope('community'))::text[])
    OR cell = ANY ((SELECT in_scope('cell'))::text[])
    OR state -> 'told' ?| (SELECT in_scope('person'))::text[]
);

ALTER TABLE receipt ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY writing ON receipt TO alerts_writer USING (true);
CREATE POLICY reading ON receipt FOR SELECT TO alerts_reader USING (
    EXISTS (SELECT FROM alert WHERE alert.id = alert_id)
);
ALTER TABLE signature ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY writing ON signature TO alerts_writer USING (true);
CREATE POLICY reading ON signature FOR SELECT TO alerts_reader USING (
    EXISTS (SELECT FROM alert WHERE alert.id = alert_id)
);

ALTER TABLE event ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owning ON event TO alerts_owner USING (true);
CREATE POLICY writing ON event TO alerts_writer USING (true);
CREATE POLICY reading ON event FOR SELECT TO alerts_reader USING ((SELECT sees_everything()));
