-- A hold is read by whoever may read its lead, what came from elsewhere with a scope of everything (row P17).

DO $$
DECLARE
    part text;
BEGIN
    FOREACH part IN ARRAY ARRAY['intake_item', 'held_subject'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', part);
        EXECUTE format('CREATE POLICY owning ON %I TO leads_owner USING (true)', part);
        EXECUTE format('CREATE POLICY writing ON %I TO leads_writer USING (true)', part);
    END LOOP;
END $$;

CREATE POLICY reading ON intake_item FOR SELECT TO leads_reader USING ((SELECT sees_everything()));
CREATE POLICY reading ON held_subject FOR SELECT TO leads_reader USING (
    (SELECT sees_everything()) OR EXISTS (SELECT FROM lead WHERE lead.id = subject_ref)
);
