CREATE TABLE alert (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL,
    status text NOT NULL GENERATED ALWAYS AS (state ->> 'status') STORED,
    community text GENERATED ALWAYS AS (state ->> 'community') STORED,
    about uuid GENERATED ALWAYS AS ((state ->> 'about')::uuid) STORED
);
CREATE INDEX alert_of_community ON alert (community, id);
CREATE INDEX alert_about ON alert (about, id);

CREATE TABLE receipt (
    person_ref uuid NOT NULL, alert_id uuid NOT NULL, level int NOT NULL,
    told_at timestamptz NOT NULL,
    PRIMARY KEY (person_ref, alert_id)
);
CREATE INDEX receipt_of_alert ON receipt (alert_id, person_ref);

CREATE TABLE signature (
    alert_id uuid NOT NULL, person_ref uuid NOT NULL, signed_at timestamptz NOT NULL,
    PRIMARY KEY (alert_id, person_ref)
);
