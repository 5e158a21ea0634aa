-- Since when a partition is read: what is older than ids are remembered for, in a topic that was read
-- by then, may have been applied, and nobody knows any more (row Q8).
ALTER TABLE position ADD COLUMN since timestamptz NOT NULL DEFAULT clock_timestamp();
