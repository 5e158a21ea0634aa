-- Police of a community near whose border a lead was captured see it, masked, while it is open (row P18).

CREATE TABLE lead_candidate (lead_id uuid NOT NULL, community text NOT NULL, PRIMARY KEY (lead_id, community));
CREATE INDEX lead_candidate_of_community ON lead_candidate (community, lead_id);
SELECT scoped('lead_candidate');

-- Only of what is open, so that looking through it costs the same after years.
CREATE FUNCTION forget_candidates() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM lead_candidate WHERE lead_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER ended AFTER UPDATE OF state ON lead FOR EACH ROW
    WHEN (NEW.status IN ('closed', 'dismissed')) EXECUTE FUNCTION forget_candidates();

CREATE POLICY owning ON lead FOR SELECT TO leads_owner USING (true);

-- It asks with its owner's rights, for its readers have none on these leads: so whatever a query forgets, what is
-- masked is not there to be read. `security_barrier`: nor by a condition that is tried on rows of others.
CREATE VIEW neighbour_lead WITH (security_barrier) AS
    SELECT id, version, status, community, cell, state ->> 'lead_type' AS lead_type, state ->> 'kind' AS kind,
           state ->> 'urgency' AS urgency, state ->> 'received_at' AS received_at
    FROM lead
    WHERE status NOT IN ('closed', 'dismissed') AND id IN (
        SELECT lead_id FROM lead_candidate WHERE community = ANY ((SELECT in_scope('neighbour'))::text[])
    );

INSERT INTO lead_candidate
    SELECT lead.id, candidate FROM lead
    JOIN event ON stream_id = lead.id AND event.version = 1 AND type = 'lead.captured.v1'
    CROSS JOIN json_array_elements_text(data -> 'candidates') AS candidate
    WHERE status NOT IN ('closed', 'dismissed') AND candidate IS DISTINCT FROM community;
