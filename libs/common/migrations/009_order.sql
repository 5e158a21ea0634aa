-- A message that waits, by what it tells of: later ones of the same subject wait behind it.
ALTER TABLE timer ADD COLUMN subject uuid, ADD COLUMN version int;
CREATE INDEX timer_by_subject ON timer (subject) WHERE subject IS NOT NULL;

-- False from when the mark was set back until who publishes goes on from there.
ALTER TABLE relay ADD COLUMN taken_up boolean NOT NULL DEFAULT true;
