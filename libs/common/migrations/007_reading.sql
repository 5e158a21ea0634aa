-- What the core keeps besides events names accounts, records and units: a reader sees it with a scope of
-- everything alone (row P17 of the requirements).

CREATE FUNCTION scoped(part regclass, reading text DEFAULT '(SELECT sees_everything())') RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    service text := current_database();
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', part);
    EXECUTE format('CREATE POLICY owning ON %s TO %I USING (true)', part, service || '_owner');
    EXECUTE format('CREATE POLICY writing ON %s TO %I USING (true)', part, service || '_writer');
    EXECUTE format('CREATE POLICY reading ON %s FOR SELECT TO %I USING (%s)', part, service || '_reader', reading);
END $$;

SELECT scoped(part) FROM unnest(ARRAY['inbox', 'request', 'timer', 'dead_letter', 'erasure']::regclass[]) AS part;
