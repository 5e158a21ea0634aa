-- The key of sign-in names is the city's own: no record has its id, of version 8, and no request may
-- name it.

UPDATE subject_key SET subject_ref = '00000000-0000-8a86-9a71-29e7593fe7d7'
WHERE subject_ref = '00000000-0000-7a86-9a71-29e7593fe7d7';
