-- What was asked about subjects: who they are stands nowhere here.

CREATE TABLE subject_request (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL,
    status text NOT NULL GENERATED ALWAYS AS (state ->> 'status') STORED
);
CREATE INDEX subject_request_of_status ON subject_request (status, id);
