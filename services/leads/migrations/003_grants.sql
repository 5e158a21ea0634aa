-- Besides its scope a reader sees the record of a break-glass grant (row P6).

DROP POLICY reading ON lead;
CREATE POLICY reading ON lead FOR SELECT TO leads_reader USING (
    (SELECT sees_everything())
    OR community = ANY ((SELECT in_scope('community'))::text[])
    OR cell = ANY ((SELECT in_scope('cell'))::text[])
    OR unit = ANY ((SELECT in_scope('unit'))::text[])
    OR id = ANY ((SELECT in_scope('record'))::uuid[])
);
