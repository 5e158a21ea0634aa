-- Who holds which post, and what was asked about whom, is read with a scope of everything (row P17).

DO $$
DECLARE
    part text;
BEGIN
    FOREACH part IN ARRAY ARRAY['event', 'subject_request', 'appointment'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', part);
        EXECUTE format('CREATE POLICY owning ON %I TO registry_owner USING (true)', part);
        EXECUTE format('CREATE POLICY writing ON %I TO registry_writer USING (true)', part);
        EXECUTE format(
            'CREATE POLICY reading ON %I FOR SELECT TO registry_reader USING ((SELECT sees_everything()))', part
        );
    END LOOP;
END $$;
