-- Answer for a turn whose opening is asked for again, as its answer was lost: by what it is now. It may have waited, been given
-- the floor and have ended meanwhile. It is `running` where this owner is to run it; else it is followed, as one that waits.
CREATE OR REPLACE FUNCTION turn_opened(_owner text, _id text, _bytes int, _widest int)
RETURNS TABLE (outcome text, other text, history text, model text, depth int) LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN is_ours THEN 'running' ELSE 'queued' END,
           CASE WHEN t.status = 'queued' THEN c.running END,
           CASE WHEN is_ours THEN conversation_history(
               c.id, CASE WHEN c.model IS NULL THEN _bytes ELSE greatest(_bytes, _widest) END) END,
           CASE WHEN is_ours THEN c.model END,
           CASE WHEN t.status = 'queued' THEN (
               SELECT count(*)::int FROM turns w
                WHERE w.conversation_id = c.id AND w.status = 'queued' AND w.id <= t.id) END
      FROM turns t
      LEFT JOIN conversations c ON c.id = t.conversation_id
     CROSS JOIN LATERAL (
           -- One that was given the floor while it waited has no position until it is loaded, and whoever does that runs it.
           SELECT t.status = 'running' AND (c.id IS NULL OR t.position IS NOT NULL) AND journal_owned(_owner, _id)
               AS is_ours) AS whose
     WHERE t.id = _id
$$;

-- Open turns, all items in one commit; gives one row an item, in order. Locks in the one global order: keys, conversations.
--   outcome  running   it speaks now; `history` ends with its input, `model` is the conversation's own
--            queued    the conversation is speaking; it waits its turn, one of `depth`
--            busy      the conversation is speaking and the policy is to be refused
--            full      the conversation is speaking, and `_most_queued` wait already
--            attached  the idempotency key, or an earlier try of the same request, has started `other`
--            mismatch  … with another request
--            unknown   no such conversation, or not this caller's
--            gone_on   more has been said since the turn that it was to go on with (`_continued`)
--            again     the conversation's row is locked by another statement, or the key is being decided about
--            judged    this process was judged dead: take a new name
-- A try that comes again (`_again`, by its request's mark) joins the turn of the one before it; of one that failed, with
-- nothing said since, it is a new turn on the same words. So it is with a key that comes again; to who takes a stateless answer
-- as a whole (`_whole`) also one that broke off is as one that failed: nothing of it was shown.
CREATE OR REPLACE FUNCTION turn_open(
    _owner text, _ids text[], _tenants text[], _users text[], _all boolean[], _conversations text[],
    _policies text[], _asks text[], _openings text[], _inputs text[], _scopes text[], _hashes text[], _bytes int[],
    _widest int, _marks bigint[], _again boolean[], _most_queued int, _continued text[],
    _whole boolean[])
RETURNS TABLE (outcome text, other text, history text, model text, depth int) LANGUAGE plpgsql AS $$
DECLARE
    _known text[] := ARRAY(SELECT t.id FROM turns t WHERE t.id = ANY(_ids));
    _locked text[];
    _key turn_keys;
    _former record;
    _retaken boolean;
    _conversation record;
BEGIN
    IF NOT journal_fence(_owner) THEN
        RETURN QUERY SELECT 'judged', NULL, NULL, NULL, NULL::int FROM unnest(_ids);
        RETURN;
    END IF;
    INSERT INTO turn_keys (scope, hash, turn_id)
    SELECT g.scope, g.hash, g.id FROM unnest(_scopes, _hashes, _ids) AS g(scope, hash, id)
     WHERE g.scope IS NOT NULL ORDER BY g.scope
    ON CONFLICT DO NOTHING;
    SELECT coalesce(array_agg(c.id), '{}') INTO _locked
      FROM (SELECT k.id FROM conversations k WHERE k.id = ANY(_conversations)
             ORDER BY k.id FOR NO KEY UPDATE SKIP LOCKED) AS c;
    FOR i IN 1 .. cardinality(_ids) LOOP
        IF _ids[i] = ANY(_known) THEN
            RETURN QUERY SELECT * FROM turn_opened(_owner, _ids[i], _bytes[i], _widest);
            CONTINUE WHEN FOUND;
        END IF;
        outcome := 'running'; other := NULL; history := NULL; model := NULL; depth := NULL; _retaken := false;
        IF _scopes[i] IS NOT NULL THEN
            SELECT * INTO _key FROM turn_keys k WHERE k.scope = _scopes[i];
            IF _key.turn_id IS DISTINCT FROM _ids[i] THEN
                SELECT t.id, t.status, t.position, t.conversation_id INTO _former FROM turns t WHERE t.id = _key.turn_id;
                IF NOT FOUND THEN
                    -- Claimed in this very batch by an item that is not decided yet, or by a turn that was forgotten.
                    DELETE FROM turn_keys k WHERE k.scope = _scopes[i] AND k.turn_id <> ALL(_ids);
                    outcome := 'again';
                ELSIF _key.hash <> _hashes[i] THEN
                    outcome := 'mismatch';
                ELSIF NOT (_former.status = 'failed' OR _whole[i] AND _former.status = 'interrupted')
                   OR _former.conversation_id = _conversations[i] AND NOT EXISTS (
                    SELECT 1 FROM conversations c
                     WHERE c.id = _former.conversation_id AND c.messages = _former.position) THEN
                    outcome := 'attached';
                    other := _key.turn_id;
                END IF;
                IF outcome <> 'running' THEN
                    RETURN NEXT;
                    CONTINUE;
                END IF;
                _retaken := true;
                IF _former.conversation_id = _conversations[i] THEN
                    _inputs[i] := NULL;
                END IF;
            END IF;
        END IF;
        IF _again[i] THEN
            SELECT t.id, t.status, t.position, t.conversation_id INTO _former FROM turns t
             WHERE t.mark = _marks[i] AND t.tenant = _tenants[i] AND t.user_id = _users[i]
               AND (t.ended_at IS NULL OR t.ended_at > clock_timestamp() - interval '10 minutes')
             ORDER BY t.id DESC LIMIT 1;
            IF FOUND AND _former.id <> _ids[i] THEN
                IF _former.status <> 'failed' OR NOT EXISTS (
                    SELECT 1 FROM conversations c
                     WHERE c.id = _former.conversation_id AND c.messages = _former.position) THEN
                    outcome := 'attached';
                    other := _former.id;
                    RETURN NEXT;
                    CONTINUE;
                END IF;
                _inputs[i] := NULL;
            END IF;
        END IF;
        IF _conversations[i] IS NOT NULL THEN
            SELECT c.tenant, c.user_id, c.running, c.model INTO _conversation
              FROM conversations c WHERE c.id = _conversations[i];
            IF NOT FOUND OR _conversation.tenant <> _tenants[i]
               OR NOT (_all[i] OR _conversation.user_id = _users[i]) THEN
                outcome := 'unknown';
            ELSIF NOT _conversations[i] = ANY(_locked) THEN
                outcome := 'again';
            ELSIF _continued[i] IS NOT NULL
                  AND _continued[i] IS DISTINCT FROM conversation_last_turn(_conversations[i]) THEN
                outcome := 'gone_on';
            ELSIF _conversation.running IS NOT NULL THEN
                SELECT count(*) + 1 INTO depth
                  FROM turns t WHERE t.conversation_id = _conversations[i] AND t.status = 'queued';
                outcome := CASE
                    WHEN _policies[i] = 'reject' THEN 'busy'
                    WHEN depth > _most_queued THEN 'full'
                    ELSE 'queued' END;
                other := _conversation.running;
            END IF;
        END IF;
        IF outcome IN ('unknown', 'gone_on', 'again', 'busy', 'full') THEN
            DELETE FROM turn_keys k WHERE k.scope = _scopes[i] AND k.turn_id = _ids[i];
            RETURN NEXT;
            CONTINUE;
        END IF;
        IF _retaken THEN
            UPDATE turn_keys k SET turn_id = _ids[i], created_at = clock_timestamp()
             WHERE k.scope = _scopes[i] AND k.turn_id = _former.id;
            IF NOT FOUND THEN -- another process was quicker
                outcome := 'again';
                RETURN NEXT;
                CONTINUE;
            END IF;
        END IF;
        INSERT INTO turns (id, tenant, user_id, conversation_id, status, ask, opening, input, urgent, started_at, mark)
        VALUES (_ids[i], _tenants[i], _users[i], _conversations[i], outcome, _asks[i], _openings[i],
                CASE WHEN outcome = 'queued' THEN _inputs[i] END, _policies[i] = 'interrupt',
                CASE WHEN outcome = 'running' THEN clock_timestamp() END, _marks[i])
        ON CONFLICT (id) DO NOTHING;
        IF outcome = 'running' THEN
            PERFORM journal_begin(_owner, _ids[i], _conversations[i] IS NOT NULL OR _scopes[i] IS NOT NULL,
                                  _openings[i]);
            IF _conversations[i] IS NOT NULL THEN
                UPDATE turns t
                   SET position = conversation_append(_conversations[i], _ids[i], _inputs[i], _ids[i])
                 WHERE t.id = _ids[i];
                model := _conversation.model;
                history := conversation_history(
                    _conversations[i], CASE WHEN model IS NULL THEN _bytes[i] ELSE greatest(_bytes[i], _widest) END);
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;

-- Make a waiting turn the one that speaks, its log begun. The caller holds the conversation's row lock.
CREATE OR REPLACE FUNCTION turn_promote(_owner text, _conversation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    _next record;
BEGIN
    SELECT t.id, t.opening INTO _next FROM turns t
     WHERE t.conversation_id = _conversation AND t.status = 'queued'
     ORDER BY t.urgent DESC, t.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE turns t SET status = 'running', started_at = clock_timestamp() WHERE t.id = _next.id;
    PERFORM journal_begin(_owner, _next.id, true, _next.opening);
    RETURN _next.id;
END $$;

-- Record how turns ended: log folded, answer appended, and the conversation handed to the next that waits (if this process
-- still takes any), what was signed around its calls kept; all items in one commit. `next` is that turn, now this owner's.
-- `recorded` is false for turns that this process no longer owns: nothing of them was written.
CREATE OR REPLACE FUNCTION turn_record(
    _owner text, _takes boolean, _ids text[], _statuses text[], _reports text[], _lasts int[], _lines text[],
    _messages text[], _signed text[])
RETURNS TABLE (recorded boolean, next text) LANGUAGE plpgsql AS $$
DECLARE
    _conversation text;
    _tenant text;
    _signers text[] := '{}';
    _given text[] := '{}';
    _live boolean := journal_fence(_owner);
BEGIN
    PERFORM 1 FROM conversations c
      WHERE c.id IN (SELECT t.conversation_id FROM turns t WHERE t.id = ANY(_ids))
      ORDER BY c.id FOR NO KEY UPDATE;
    FOR i IN 1 .. cardinality(_ids) LOOP
        next := NULL;
        recorded := _live AND journal_end(_owner, _ids[i], _lasts[i], _lines[i]);
        IF recorded THEN
            UPDATE turns t SET status = _statuses[i], report = _reports[i], ended_at = clock_timestamp()
             WHERE t.id = _ids[i] AND t.status = 'running'
            RETURNING t.conversation_id, t.tenant INTO _conversation, _tenant;
            IF FOUND AND _signed[i] IS NOT NULL THEN
                _signers := _signers || _tenant;
                _given := _given || _signed[i];
            END IF;
            IF FOUND AND _conversation IS NOT NULL THEN
                IF _takes THEN
                    next := turn_promote(_owner, _conversation);
                END IF;
                PERFORM conversation_append(_conversation, _ids[i], _messages[i], next);
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
    IF cardinality(_given) > 0 THEN
        PERFORM signed_keep(_signers, _given);
    END IF;
END $$;

-- What is needed to run a turn that this process came to own by hand-over or recovery; puts its input into the
-- conversation if that has not been done. Nothing if the turn is not this owner's.
DROP FUNCTION IF EXISTS turn_load(text, text, int); -- what a function gives cannot be changed otherwise
CREATE FUNCTION turn_load(_owner text, _id text, _bytes int)
RETURNS TABLE (tenant text, user_id text, conversation_id text, ask text, history text, lines text, whole boolean,
               reruns int, stop text, created_at timestamptz, started_at timestamptz, model text) LANGUAGE plpgsql AS $$
DECLARE
    _turn turns;
BEGIN
    IF NOT journal_fence(_owner) OR NOT journal_owned(_owner, _id) THEN
        RETURN;
    END IF;
    SELECT * INTO _turn FROM turns t WHERE t.id = _id;
    IF NOT FOUND THEN
        PERFORM journal_drop(_owner, _id);
        RETURN;
    END IF;
    IF _turn.conversation_id IS NOT NULL THEN
        PERFORM 1 FROM conversations c WHERE c.id = _turn.conversation_id FOR NO KEY UPDATE;
        IF _turn.position IS NULL THEN
            UPDATE turns t
               SET position = conversation_append(_turn.conversation_id, _id, _turn.input, _id), input = NULL
             WHERE t.id = _id;
        END IF;
    END IF;
    RETURN QUERY SELECT _turn.tenant, _turn.user_id, _turn.conversation_id, _turn.ask,
        conversation_history(_turn.conversation_id, _bytes),
        (SELECT string_agg(j.lines, E'\n' ORDER BY j.first_seq) FROM journal_read(ARRAY[_id], ARRAY[0]) j),
        journal_whole(_id), _turn.reruns, _turn.stop, _turn.created_at, _turn.started_at,
        (SELECT c.model FROM conversations c WHERE c.id = _turn.conversation_id);
END $$;

-- Note that a turn is run again after its owner was lost.
CREATE OR REPLACE FUNCTION turn_rerun(_id text) RETURNS void LANGUAGE sql AS $$
    UPDATE turns SET reruns = reruns + 1 WHERE id = _id
$$;

-- Start turns that wait in conversations where nobody speaks: their predecessor's owner went away without taking them.
CREATE OR REPLACE FUNCTION turn_adopt(_owner text, _most int) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    _conversation text;
    _next text;
BEGIN
    IF NOT journal_fence(_owner) THEN
        RETURN;
    END IF;
    FOR _conversation IN
        SELECT c.id FROM conversations c
         WHERE c.running IS NULL AND c.id IN (SELECT t.conversation_id FROM turns t WHERE t.status = 'queued')
         ORDER BY c.id LIMIT _most FOR NO KEY UPDATE SKIP LOCKED
    LOOP
        _next := turn_promote(_owner, _conversation);
        IF _next IS NOT NULL THEN
            PERFORM conversation_append(_conversation, _next, NULL, _next);
            RETURN NEXT _next;
        END IF;
    END LOOP;
END $$;

-- Ask a turn to stop. A running one is told through its owner ('running'); one that waits ends here and now, with the given
-- report and last event ('cancelled'). Any other status is given as it is.
CREATE OR REPLACE FUNCTION turn_stop(_owner text, _id text, _why text, _report text, _line text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    _turn turns;
BEGIN
    SELECT * INTO _turn FROM turns t WHERE t.id = _id FOR NO KEY UPDATE;
    IF _turn.status = 'running' THEN
        UPDATE turns t SET stop = coalesce(t.stop, _why) WHERE t.id = _id;
        PERFORM pg_notify('podium_stop', _why || ' ' || _id);
    ELSIF _turn.status = 'queued' THEN
        UPDATE turns t SET status = 'cancelled', report = _report, ended_at = clock_timestamp(), input = NULL
         WHERE t.id = _id;
        PERFORM journal_begin(_owner, _id, true, _turn.opening);
        PERFORM journal_end(_owner, _id, 2, _turn.opening || E'\n' || _line);
        RETURN 'cancelled';
    END IF;
    RETURN _turn.status;
END $$;

-- Forget idempotency keys older than a day, at most so many at once, and with them the answers of stateless turns that were
-- kept for their sake; how many keys there were.
CREATE OR REPLACE FUNCTION turn_sweep(_before text, _most int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    _gone int;
    _turns text[];
BEGIN
    WITH gone AS (
        DELETE FROM turn_keys k WHERE k.scope IN (
            SELECT o.scope FROM turn_keys o WHERE o.created_at < clock_timestamp() - interval '24 hours'
             ORDER BY o.created_at LIMIT _most)
        RETURNING k.turn_id)
    SELECT count(*), array_agg(t.id) FILTER (WHERE t.id IS NOT NULL) INTO _gone, _turns
      FROM gone g LEFT JOIN turns t ON t.id = g.turn_id AND t.conversation_id IS NULL AND t.id < _before;
    PERFORM journal_forget(_turns);
    UPDATE turns t SET report = NULL WHERE t.id = ANY(_turns);
    RETURN _gone;
END $$;

-- Forget the turns of a conversation that is being deleted.
CREATE OR REPLACE FUNCTION turn_forget(_conversation text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    _turns text[];
BEGIN
    WITH gone AS (DELETE FROM turns t WHERE t.conversation_id = _conversation RETURNING t.id)
    SELECT array_agg(g.id) INTO _turns FROM gone g;
    PERFORM journal_forget(_turns);
END $$;

-- Take back the one message of a conversation whose one turn was refused before a host was asked, as if it had not been said.
-- Nothing happens where more was said, or is about to be; says whether it did.
CREATE OR REPLACE FUNCTION turn_unsay(_conversation text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    _turns text[];
BEGIN
    PERFORM 1 FROM conversations c
      WHERE c.id = _conversation AND c.messages = 1 AND c.running IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    _turns := ARRAY(SELECT t.id FROM turns t WHERE t.conversation_id = _conversation);
    IF cardinality(_turns) <> 1 OR EXISTS (
        SELECT 1 FROM journal_read(_turns, ARRAY[0]) j WHERE strpos(j.lines, '"type":"attempt.started"') > 0) THEN
        RETURN false;
    END IF;
    PERFORM turn_forget(_conversation);
    PERFORM conversation_clear(_conversation);
    RETURN true;
END $$;

-- How many turns run and how many wait, in all processes together, and how many seconds the first of these has waited.
CREATE OR REPLACE FUNCTION turn_backlog() RETURNS TABLE (running bigint, queued bigint, seconds float8)
LANGUAGE sql STABLE AS $$
    SELECT journal_running(), count(*), coalesce(extract(epoch FROM clock_timestamp() - min(t.created_at)), 0)::float8
      FROM turns t WHERE t.status = 'queued'
$$;
