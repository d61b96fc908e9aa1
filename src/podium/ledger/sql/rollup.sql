-- Add the next `_most` entries and as many corrections to the sums by day; gives how many of both there were. Only what no
-- transaction under way can come before is taken; who finds another at it takes none.
CREATE OR REPLACE FUNCTION ledger_roll(_most int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    _rolled ledger_rolled;
    _before xid8;
    _entries int;
    _corrections int;
BEGIN
    SELECT * INTO _rolled FROM ledger_rolled FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    _before := pg_snapshot_xmin(pg_current_snapshot());
    WITH taken AS MATERIALIZED (
        SELECT e.* FROM ledger_entries e
         WHERE (e.xid, e.id) > (_rolled.entry_xid, _rolled.entry_id) AND e.xid < _before
         ORDER BY e.xid, e.id LIMIT _most
    ), summed AS (
        INSERT INTO ledger_days AS d
        SELECT (t.at AT TIME ZONE 'UTC')::date, t.tenant, t.user_id, t.key_id, t.model, t.purpose, count(*),
               count(*) FILTER (WHERE t.succeeded), sum(tokens_of(t)), sum(t.amount)
          FROM taken t GROUP BY 1, 2, 3, 4, 5, 6
        ON CONFLICT (day, tenant, user_id, key_id, model, purpose) DO UPDATE
           SET calls = d.calls + excluded.calls, succeeded = d.succeeded + excluded.succeeded,
               tokens = d.tokens + excluded.tokens, amount = d.amount + excluded.amount
    )
    SELECT count(*), (array_agg(t.xid ORDER BY t.xid DESC))[1], (array_agg(t.id ORDER BY t.xid DESC, t.id DESC))[1]
      INTO _entries, _rolled.entry_xid, _rolled.entry_id FROM taken t;
    WITH taken AS MATERIALIZED (
        SELECT c.* FROM ledger_corrections c
         WHERE (c.xid, c.entry_id, c.seq)
               > (_rolled.correction_xid, _rolled.correction_entry, _rolled.correction_seq) AND c.xid < _before
         ORDER BY c.xid, c.entry_id, c.seq LIMIT _most
    ), summed AS (
        INSERT INTO ledger_days AS d
        SELECT (e.at AT TIME ZONE 'UTC')::date, e.tenant, e.user_id, e.key_id, e.model, e.purpose, 0, 0,
               sum(tokens_learned(e, t)), sum(t.amount)
          FROM taken t JOIN ledger_entries e ON e.id = t.entry_id GROUP BY 1, 2, 3, 4, 5, 6
        ON CONFLICT (day, tenant, user_id, key_id, model, purpose) DO UPDATE
           SET tokens = d.tokens + excluded.tokens, amount = d.amount + excluded.amount
    )
    SELECT count(*), (array_agg(t.xid ORDER BY t.xid DESC))[1],
           (array_agg(t.entry_id ORDER BY t.xid DESC, t.entry_id DESC))[1],
           (array_agg(t.seq ORDER BY t.xid DESC, t.entry_id DESC, t.seq DESC))[1]
      INTO _corrections, _rolled.correction_xid, _rolled.correction_entry, _rolled.correction_seq FROM taken t;
    UPDATE ledger_rolled r
       SET entry_xid = coalesce(_rolled.entry_xid, r.entry_xid), entry_id = coalesce(_rolled.entry_id, r.entry_id),
           correction_xid = coalesce(_rolled.correction_xid, r.correction_xid),
           correction_entry = coalesce(_rolled.correction_entry, r.correction_entry),
           correction_seq = coalesce(_rolled.correction_seq, r.correction_seq)
     WHERE _entries + _corrections <> 0;
    RETURN _entries + _corrections;
END $$;

-- All tokens of an entry, as it was made.
CREATE OR REPLACE FUNCTION tokens_of(_entry ledger_entries) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT _entry.input::bigint + _entry.cached_input + _entry.cache_write + _entry.output + _entry.reasoning + _entry.audio
$$;

-- By how many tokens a correction changed what was known before it.
CREATE OR REPLACE FUNCTION tokens_learned(_entry ledger_entries, _correction ledger_corrections) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT (SELECT sum(n) FROM unnest(_correction.usage) n)
           - coalesce((SELECT (SELECT sum(n) FROM unnest(c.usage) n) FROM ledger_corrections c
                        WHERE c.entry_id = _correction.entry_id AND c.seq = _correction.seq - 1),
                      tokens_of(_entry))
$$;
