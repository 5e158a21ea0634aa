-- Besides its scope a reader sees the record of a break-glass grant (row P6).

DROP POLICY reading ON alert;
CREATE POLICY reading ON alert FOR SELECT TO alerts_reader USING (
    (SELECT sees_everything())
    OR community = ANY ((SELECT in_scope('community'))::text[])
    OR cell = ANY ((SELECT in_scope('cell'))::text[])
    OR state -> 'told' ?| (SELECT in_scope('person'))::text[]
    OR id = ANY ((SELECT in_scope('record'))::uuid[])
);
