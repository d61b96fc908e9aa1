-- Take the owner's fence and say whether the owner still counts. Held shared by every statement that an owner writes with,
-- exclusively by who judges it dead: so nothing of a dead owner is under way when its logs are read.
CREATE OR REPLACE FUNCTION journal_fence(_owner text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(_owner, 0));
    RETURN EXISTS (SELECT 1 FROM processes p WHERE p.id = _owner AND NOT p.over);
END $$;

-- Enter a process, and judge those that cannot live any more because we hold their data directory: of another boot of
-- the same home, or of our own slot.
CREATE OR REPLACE FUNCTION process_register(_id text, _home text, _boot text, _slot int, _lease interval)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    _dead text;
BEGIN
    FOR _dead IN
        SELECT p.id FROM processes p
         WHERE p.home = _home AND NOT p.over AND p.id <> _id AND (p.boot <> _boot OR p.slot = _slot)
         ORDER BY p.id
    LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended(_dead, 0));
        UPDATE processes p SET over = true WHERE p.id = _dead;
    END LOOP;
    INSERT INTO processes (id, home, boot, slot, expires_at)
    VALUES (_id, _home, _boot, _slot, clock_timestamp() + _lease)
    ON CONFLICT (id) DO NOTHING;
END $$;

-- Renew a lease; false if the process was judged dead meanwhile. Notes a gap: the beat before is more than half a lease ago.
CREATE OR REPLACE FUNCTION process_beat(_id text, _lease interval) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    _now timestamptz := clock_timestamp();
BEGIN
    UPDATE processes p
       SET steady_since = CASE WHEN p.expires_at < _now + _lease / 2 THEN _now ELSE p.steady_since END,
           expires_at = _now + _lease
     WHERE p.id = _id AND NOT p.over;
    RETURN FOUND;
END $$;

-- Leave: what the process still owns may be taken over at once.
CREATE OR REPLACE FUNCTION process_end(_id text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(_id, 0));
    UPDATE processes p SET over = true WHERE p.id = _id;
END $$;

-- Begin a log with its first event. Idempotent.
CREATE OR REPLACE FUNCTION journal_begin(_owner text, _id text, _whole boolean, _line text)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO logs (id, owner, whole, last_seq, lines) VALUES (_id, _owner, _whole, 1, _line)
    ON CONFLICT (id) DO NOTHING
$$;

-- Store events, a row a log; gives the logs that took them. A log that another owner has, or that ended, takes nothing.
CREATE OR REPLACE FUNCTION journal_put(_owner text, _ids text[], _firsts int[], _lasts int[], _lines text[])
RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    IF NOT journal_fence(_owner) THEN
        RETURN;
    END IF;
    RETURN QUERY
        WITH ours AS (
            SELECT g.* FROM unnest(_ids, _firsts, _lasts, _lines) AS g(id, first_seq, last_seq, lines)
              JOIN logs l ON l.id = g.id AND l.owner = _owner AND NOT l.ended
        ), put AS (
            INSERT INTO log_rows SELECT * FROM ours ON CONFLICT DO NOTHING
        )
        SELECT ours.id FROM ours;
END $$;

-- How far each of these logs is stored, of those that are still this owner's and live; the others are lost to it.
CREATE OR REPLACE FUNCTION journal_stored_of(_owner text, _ids text[])
RETURNS TABLE (id text, last_seq int) LANGUAGE plpgsql AS $$
BEGIN
    IF NOT journal_fence(_owner) THEN
        RETURN;
    END IF;
    RETURN QUERY
        SELECT l.id, greatest(l.last_seq, (SELECT max(r.last_seq) FROM log_rows r WHERE r.id = l.id))
          FROM logs l WHERE l.id = ANY(_ids) AND l.owner = _owner AND NOT l.ended;
END $$;

-- End a log: its whole text replaces its rows. False if the log is not this owner's, or ended otherwise before. The caller
-- has taken the owner's fence.
CREATE OR REPLACE FUNCTION journal_end(_owner text, _id text, _last int, _text text)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    _whole boolean;
BEGIN
    UPDATE logs l SET ended = true, last_seq = _last, lines = _text
     WHERE l.id = _id AND l.owner = _owner AND NOT l.ended
    RETURNING l.whole INTO _whole;
    IF NOT FOUND THEN
        RETURN EXISTS (SELECT 1 FROM logs l
                        WHERE l.id = _id AND l.owner = _owner AND l.last_seq = _last AND l.lines = _text);
    END IF;
    IF _whole THEN
        DELETE FROM log_rows r WHERE r.id = _id;
    END IF;
    RETURN true;
END $$;

-- The events of logs after a number: a row for each stretch that is stored, in order.
CREATE OR REPLACE FUNCTION journal_read(_ids text[], _afters int[])
RETURNS TABLE (id text, first_seq int, lines text, ended boolean, whole boolean) LANGUAGE sql STABLE AS $$
    SELECT * FROM (
        SELECT l.id, 1 AS first_seq, l.lines, l.ended, l.whole
          FROM unnest(_ids, _afters) AS a(id, after) JOIN logs l ON l.id = a.id
         WHERE l.last_seq > a.after
        UNION ALL
        SELECT r.id, r.first_seq, r.lines, false, true
          FROM unnest(_ids, _afters) AS a(id, after) JOIN log_rows r ON r.id = a.id AND r.last_seq > a.after
    ) AS stretch ORDER BY 1, 2
$$;

-- Take over logs whose owner is over, or whose lease ran out. By their lease only who has renewed its own without a gap for
-- the length of one judges others: before that the database may have been away, or frozen, and others could not renew theirs,
-- or their renewal is still to be run. All is judged as of one moment, as a freeze may come between any two. The exclusive
-- fence waits for what a dead owner still has under way.
CREATE OR REPLACE FUNCTION journal_seize(_owner text, _lease interval, _most int)
RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    _dead text;
    _now timestamptz := clock_timestamp();
    _judges boolean := EXISTS (SELECT 1 FROM processes p WHERE p.id = _owner AND NOT p.over
                                  AND p.expires_at > _now + _lease / 2 AND p.steady_since < _now - _lease);
BEGIN
    FOR _dead IN
        SELECT p.id FROM processes p
         WHERE p.id <> _owner
           AND (p.over OR (_judges AND p.expires_at < _now))
           AND EXISTS (SELECT 1 FROM logs l WHERE l.owner = p.id AND NOT l.ended)
         ORDER BY p.id
    LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended(_dead, 0));
        UPDATE processes p SET over = true
         WHERE p.id = _dead AND (p.over OR (_judges AND p.expires_at < _now));
        CONTINUE WHEN NOT FOUND;
        RETURN QUERY
            UPDATE logs l SET owner = _owner, epoch = l.epoch + 1
             WHERE l.id IN (SELECT k.id FROM logs k WHERE k.owner = _dead AND NOT k.ended
                             ORDER BY k.id LIMIT _most FOR UPDATE SKIP LOCKED)
            RETURNING l.id;
    END LOOP;
END $$;

-- Whether all events of a log are kept, or facts alone; null if there is no such log (yet).
CREATE OR REPLACE FUNCTION journal_whole(_id text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT l.whole FROM logs l WHERE l.id = _id
$$;

-- The live logs of an owner.
CREATE OR REPLACE FUNCTION journal_alive(_owner text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT l.id FROM logs l WHERE l.owner = _owner AND NOT l.ended
$$;

-- Whether a live log is this owner's.
CREATE OR REPLACE FUNCTION journal_owned(_owner text, _id text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM logs l WHERE l.id = _id AND l.owner = _owner AND NOT l.ended)
$$;

-- Forget ended logs made before an id, at most so many at once. Identifiers begin with their time of making, so their order
-- is that of age.
CREATE OR REPLACE FUNCTION journal_sweep(_before text, _most int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    _gone int;
BEGIN
    DELETE FROM logs l WHERE l.id IN (
        SELECT k.id FROM logs k WHERE k.id < _before AND k.ended ORDER BY k.id LIMIT _most);
    GET DIAGNOSTICS _gone = ROW_COUNT;
    RETURN _gone;
END $$;

-- Forget these ended logs.
CREATE OR REPLACE FUNCTION journal_forget(_ids text[]) RETURNS void LANGUAGE sql AS $$
    DELETE FROM logs l WHERE l.id = ANY(_ids) AND l.ended
$$;

-- Forget a log of this owner's whose turn was forgotten while it ran.
CREATE OR REPLACE FUNCTION journal_drop(_owner text, _id text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM logs l WHERE l.id = _id AND l.owner = _owner;
    IF FOUND THEN
        DELETE FROM log_rows r WHERE r.id = _id;
    END IF;
END $$;

-- Forget processes that were silent for a day and own nothing, at most so many at once. One of them that wakes takes a new
-- name, as if it had been judged dead.
CREATE OR REPLACE FUNCTION process_sweep(_most int) RETURNS void LANGUAGE sql AS $$
    DELETE FROM processes p WHERE p.id IN (
        SELECT k.id FROM processes k
         WHERE k.expires_at < clock_timestamp() - interval '1 day'
           AND NOT EXISTS (SELECT 1 FROM logs l WHERE l.owner = k.id AND NOT l.ended)
         LIMIT _most)
$$;

-- Whether a process is known to be gone, or was forgotten.
CREATE OR REPLACE FUNCTION process_is_over(_id text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (SELECT 1 FROM processes p WHERE p.id = _id AND NOT p.over)
$$;

-- How many logs have not ended: as many turns run, wherever.
CREATE OR REPLACE FUNCTION journal_running() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT count(*) FROM logs l WHERE NOT l.ended
$$;
