-- In which scope a request was asked, as a digest: sent again in another one, its first answer is given only for what
-- is in that too. What is not known matches none.
ALTER TABLE request ADD COLUMN scope bytea NOT NULL DEFAULT decode(repeat('00', 16), 'hex');

-- Whether somebody else used a key (row P17 of the requirements).
CREATE INDEX request_by_key ON request (key);
