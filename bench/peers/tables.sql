CREATE TABLE inbox (
    message_id uuid PRIMARY KEY, handled_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE lead (
    id uuid PRIMARY KEY, state jsonb NOT NULL, changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id uuid NOT NULL, key text NOT NULL, data json NOT NULL
);
