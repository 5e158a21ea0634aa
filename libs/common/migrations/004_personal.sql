-- What a dead letter held is sealed, under a key of its day that expires. The clear columns stay for
-- letters of versions before this one, until their time is over too.

ALTER TABLE dead_letter ALTER COLUMN headers DROP NOT NULL, ADD COLUMN sealed json;
CREATE INDEX dead_letter_by_age ON dead_letter (died_at);
