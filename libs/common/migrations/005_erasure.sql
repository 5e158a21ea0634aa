-- Subjects whose keys were destroyed, as this service knows: before it answers anybody they are destroyed
-- again, so that an older backup of the keys brings nothing back.

CREATE TABLE erasure (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL
);
