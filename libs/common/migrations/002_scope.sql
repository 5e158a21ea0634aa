-- What a transaction may see: everything, or what belongs to something of its scope, by kind.
-- Without a scope it sees nothing. Policies of tables ask these two.

CREATE FUNCTION scope() RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(nullif(current_setting('civicgrid.scope', true), ''), '{}')::jsonb;

CREATE FUNCTION sees_everything() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce((scope() ->> 'everything')::boolean, false);

CREATE FUNCTION in_scope(kind text) RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE
RETURN ARRAY(SELECT jsonb_array_elements_text(scope() -> kind));
