CREATE TABLE mediation_case (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL,
    status text NOT NULL GENERATED ALWAYS AS (state ->> 'status') STORED,
    centre text GENERATED ALWAYS AS (state ->> 'centre') STORED,
    lead_id uuid GENERATED ALWAYS AS ((state ->> 'lead_id')::uuid) STORED
);
CREATE INDEX mediation_case_of_centre ON mediation_case (centre, id);
CREATE INDEX mediation_case_of_lead ON mediation_case (lead_id, id) WHERE lead_id IS NOT NULL;
