CREATE TABLE device (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL,
    account text NOT NULL GENERATED ALWAYS AS (state ->> 'account_id') STORED
);
CREATE INDEX device_of_account ON device (account, id);

ALTER TABLE device ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owning ON device TO portal_owner USING (true);
CREATE POLICY writing ON device TO portal_writer USING (true);
CREATE POLICY reading ON device FOR SELECT TO portal_reader USING (
    (SELECT sees_everything()) OR account = ANY ((SELECT in_scope('account'))::text[])
);
