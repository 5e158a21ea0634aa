CREATE TABLE account (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL,
    status text NOT NULL GENERATED ALWAYS AS (state ->> 'status') STORED,
    founder boolean NOT NULL GENERATED ALWAYS AS ((state ->> 'founder')::boolean) STORED
);
CREATE INDEX account_of_status ON account (status, id);

-- A name is not stored: the id is made from it with a key of the city.
CREATE TABLE sign_in_name (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL
);
