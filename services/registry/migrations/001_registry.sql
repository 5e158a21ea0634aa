-- One table an aggregate, and every description that an area ever had.

CREATE TABLE area (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL
);

CREATE TABLE organisation (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL
);

CREATE TABLE post (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL
);

CREATE TABLE appointment (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL
);

CREATE TABLE work_calendar (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL
);

CREATE TABLE area_history (
    code text NOT NULL, version int NOT NULL, since timestamptz NOT NULL, closed boolean NOT NULL,
    name text NOT NULL, level text NOT NULL, parent text, kind text NOT NULL, community text,
    households int, has_polygon boolean NOT NULL, recorded_at timestamptz NOT NULL,
    PRIMARY KEY (code, version)
);
CREATE INDEX area_history_as_of ON area_history (code, since DESC, version DESC);
