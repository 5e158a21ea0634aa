-- Figures are for all; what they were made of is read with a scope of everything (row P17).

SELECT scoped(part) FROM unnest(ARRAY['event', 'applied']::regclass[]) AS part;
