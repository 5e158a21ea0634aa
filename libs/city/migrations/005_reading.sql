-- Who holds which post, whose account is barred and who sees what under a grant is of persons: a reader sees it
-- with a scope of everything alone (row P17 of the requirements).
SELECT scoped(part)
FROM unnest(ARRAY['city_appointment', 'city_account', 'city_grant']::regclass[]) AS part;
