-- Break-glass grants: who sees a record or an area for a short time.

CREATE TABLE city_grant (
    grant_id uuid PRIMARY KEY, version int NOT NULL, person_ref uuid NOT NULL, record uuid,
    area text, ends_at timestamptz NOT NULL, over boolean NOT NULL, fact_number bigint NOT NULL
);
CREATE INDEX city_grant_fact ON city_grant (fact_number);
