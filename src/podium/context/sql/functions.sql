-- Keep what was signed around calls, the later word where an id comes again. `_given` holds for each tenant named beside it
-- a JSON array of {id, block}. Rows are taken in one order, whoever writes at the same time.
CREATE OR REPLACE FUNCTION signed_keep(_tenants text[], _given text[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO signed_calls (tenant, call_id, block)
    SELECT DISTINCT ON (g.tenant, e.value ->> 'id') g.tenant, e.value ->> 'id', e.value ->> 'block'
      FROM unnest(_tenants, _given) WITH ORDINALITY AS g(tenant, given, n),
           json_array_elements(g.given::json) WITH ORDINALITY AS e(value, m)
     ORDER BY g.tenant, e.value ->> 'id', g.n DESC, e.m DESC
    ON CONFLICT (tenant, call_id) DO UPDATE SET block = excluded.block, created_at = clock_timestamp()
$$;

-- What was signed around these calls within a day.
CREATE OR REPLACE FUNCTION signed_find(_tenant text, _ids text[])
RETURNS TABLE (call_id text, block text) LANGUAGE sql STABLE AS $$
    SELECT s.call_id, s.block FROM signed_calls s
     WHERE s.tenant = _tenant AND s.call_id = ANY(_ids)
       AND s.created_at > clock_timestamp() - interval '24 hours'
$$;

-- Forget what is older, at most so many at once.
CREATE OR REPLACE FUNCTION signed_sweep(_most int) RETURNS void LANGUAGE sql AS $$
    DELETE FROM signed_calls s WHERE (s.tenant, s.call_id) IN (
        SELECT o.tenant, o.call_id FROM signed_calls o
         WHERE o.created_at < clock_timestamp() - interval '24 hours' ORDER BY o.created_at LIMIT _most)
$$;
