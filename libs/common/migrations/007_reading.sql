-- What the core keeps besides events names accounts, records and units: a reader sees it with a scope of
-- everything alone (row P17 of the requirements).

DO $$
DECLARE
    part text;
BEGIN
    FOREACH part IN ARRAY ARRAY['inbox', 'request', 'timer', 'dead_letter', 'erasure'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', part);
        EXECUTE format('CREATE POLICY owning ON %I TO %I USING (true)', part, current_database() || '_owner');
        EXECUTE format('CREATE POLICY writing ON %I TO %I USING (true)', part, current_database() || '_writer');
        EXECUTE format(
            'CREATE POLICY reading ON %I FOR SELECT TO %I USING ((SELECT sees_everything()))',
            part, current_database() || '_reader'
        );
    END LOOP;
END $$;
