CREATE TABLE unit_of_cell (cell text PRIMARY KEY, unit text NOT NULL);
CREATE TABLE request (key uuid PRIMARY KEY, handled_at timestamptz NOT NULL DEFAULT now());
