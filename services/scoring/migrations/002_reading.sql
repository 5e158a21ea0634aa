-- Figures are for all; what they were made of is read with a scope of everything (row P17).

DO $$
DECLARE
    part text;
BEGIN
    FOREACH part IN ARRAY ARRAY['event', 'applied'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', part);
        EXECUTE format('CREATE POLICY owning ON %I TO scoring_owner USING (true)', part);
        EXECUTE format('CREATE POLICY writing ON %I TO scoring_writer USING (true)', part);
        EXECUTE format(
            'CREATE POLICY reading ON %I FOR SELECT TO scoring_reader USING ((SELECT sees_everything()))', part
        );
    END LOOP;
END $$;
