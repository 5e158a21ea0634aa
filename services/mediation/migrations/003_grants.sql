-- Besides its scope a reader sees the record of a break-glass grant (row P6).

DROP POLICY reading ON mediation_case;
CREATE POLICY reading ON mediation_case FOR SELECT TO mediation_reader USING (
    (SELECT sees_everything())
    OR community = ANY ((SELECT in_scope('community'))::text[])
    OR cell = ANY ((SELECT in_scope('cell'))::text[])
    OR centre = ANY ((SELECT in_scope('unit'))::text[])
    OR state -> 'mediators' ?| (SELECT in_scope('person'))::text[]
    OR id = ANY ((SELECT in_scope('record'))::uuid[])
);
