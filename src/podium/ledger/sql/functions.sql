-- Where a period begins that lasts at `_at`: half-open, in the budget's own time zone, so a day may have 23 or 25 hours.
-- Where midnight comes twice it begins with the second, where it is left out with the first moment after it.
CREATE OR REPLACE FUNCTION budget_start(_period text, _timezone text, _at timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN _period = 'total' THEN to_timestamp(0)
                WHEN date_trunc(_period, _at, _timezone) <= _at THEN date_trunc(_period, _at, _timezone)
                ELSE (date_trunc(_period, _at AT TIME ZONE _timezone) - ('1 ' || _period)::interval)
                     AT TIME ZONE _timezone END
$$;

-- Where it ends; null for `total`.
CREATE OR REPLACE FUNCTION budget_end(_period text, _timezone text, _at timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN _period = 'total' THEN NULL
                WHEN date_trunc(_period, _at, _timezone) > _at THEN date_trunc(_period, _at, _timezone)
                ELSE (date_trunc(_period, _at AT TIME ZONE _timezone) + ('1 ' || _period)::interval)
                     AT TIME ZONE _timezone END
$$;

-- Give the users without budgets of their own the default ones: by day, by month, in total; null is none. Where a default has
-- changed, so does the limit of the present period. One that was deleted comes again as another: holds of the old are not its.
CREATE OR REPLACE FUNCTION budget_defaults(_tenants text[], _users text[], _defaults bigint[]) RETURNS void
LANGUAGE sql AS $$
    WITH written AS (
        INSERT INTO budgets (id, tenant, scope_type, scope_id, amount, period, is_default)
        SELECT 'bud_' || replace(gen_random_uuid()::text, '-', ''), u.tenant, 'user', u.user_id, d.amount, d.period, true
          FROM (SELECT DISTINCT g.tenant, g.user_id FROM unnest(_tenants, _users) AS g(tenant, user_id)) u,
               unnest(_defaults, ARRAY['day', 'month', 'total']) AS d(amount, period)
         WHERE d.amount IS NOT NULL AND NOT EXISTS (
               SELECT 1 FROM budgets b
                WHERE b.tenant = u.tenant AND b.scope_type = 'user' AND b.scope_id = u.user_id
                  AND (NOT b.is_default OR (b.period = d.period AND b.amount = d.amount)))
         ORDER BY u.tenant, u.user_id, d.period
        ON CONFLICT (tenant, scope_type, scope_id, period) DO UPDATE SET amount = excluded.amount WHERE budgets.is_default
        RETURNING id, period, timezone, amount, alert)
    UPDATE budget_periods p
       SET amount = w.amount, warned = p.warned AND p.spent::numeric * 1000 >= w.amount::numeric * w.alert
      FROM written w
     WHERE p.budget_id = w.id AND p.starts_at = budget_start(w.period, w.timezone, clock_timestamp())
$$;

-- Set money aside for attempts, all items in one commit; gives one row an item, in order. An attempt that has a hold already
-- (it comes again, or it outgrew it) is brought up to what it wants now. All scopes of an item are held, or none.
--   outcome  free     no budget counts it; a hold all the same, for what it will have cost. Or it is entered already: it was
--                     sent once more by a connection that broke, and nothing is held
--            held     `granted` in all: what it wants, or what is left if that is at least the least it needs
--            refused  by `budget`, of which `room` is left until `resets_at`
--            judged   this process was judged dead
-- Locks in the one global order: holds, then periods by budget (but default budgets with another limit than before are
-- written first of all; who meets another in that is tried again). Plans are kept; one that was made while a table was
-- small, or had only rows that are gone, would read it or its index whole when it has become large: so every row is found
-- by its key, with `= ANY` or one by one (OFFSET 0 keeps the planner from making a join of it).
CREATE OR REPLACE FUNCTION ledger_hold(
    _owner text, _ids text[], _turns text[], _conversations text[], _tenants text[], _users text[], _keys text[],
    _personas text[], _dialogues text[], _purposes text[], _models text[], _tariffs text[], _wanted bigint[],
    _least bigint[], _tokens int[], _defaults bigint[])
RETURNS TABLE (outcome text, granted bigint, room bigint, budget text, scope_type text, scope_id text, period text,
               amount bigint, resets_at timestamptz) LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    _now timestamptz := clock_timestamp();
    -- After a connection broke, its statement may still run when the same attempts come again: next time they are found.
    _twice text := 'an attempt is held for by two connections at once';
    _there_ids text[]; _there bigint[]; _entered text[];
    _items int[]; _budgets text[]; _starts timestamptz[];
    _p_budgets text[]; _p_starts timestamptz[]; _p_rooms bigint[]; _p_adds bigint[];
    _leg_items int[]; _leg_at int[];
    _grants bigint[] := '{}'; _new boolean[] := '{}'; _tight int[] := '{}'; _rooms bigint[] := '{}';
    _at int := 1; _first int; _before bigint; _known int; _least_at int; _extra bigint; _given bigint;
    _is_first boolean; _fresh int := 0; _made int;
BEGIN
    IF NOT journal_fence(_owner) THEN
        RETURN QUERY SELECT 'judged', NULL::bigint, NULL::bigint, NULL, NULL, NULL, NULL, NULL::bigint, NULL::timestamptz
                       FROM unnest(_ids);
        RETURN;
    END IF;
    IF _defaults <> '{}' THEN
        PERFORM budget_defaults(_tenants, _users, _defaults);
    END IF;
    SELECT coalesce(array_agg(h.attempt_id), '{}'), array_agg(h.amount) INTO _there_ids, _there
      FROM (SELECT k.attempt_id, k.amount FROM holds k WHERE k.attempt_id = ANY(_ids)
             ORDER BY k.attempt_id FOR UPDATE) h;
    SELECT coalesce(array_agg(l.item), '{}'), array_agg(l.budget_id), array_agg(l.starts_at)
      INTO _items, _budgets, _starts
      FROM (SELECT g.item, b.id AS budget_id, budget_start(b.period, b.timezone, _now) AS starts_at
              FROM unnest(_ids, _tenants, _users, _keys, _conversations, _personas, _dialogues) WITH ORDINALITY
                   AS g(id, tenant, user_id, key_id, session, persona, dialogue, item)
             CROSS JOIN LATERAL (VALUES ('tenant', g.tenant), ('user', g.user_id), ('key', g.key_id),
                                        ('session', g.session), ('persona', g.persona), ('dialogue', g.dialogue))
                   AS s(type, id)
             CROSS JOIN LATERAL (SELECT k.id, k.period, k.timezone FROM budgets k
                                  WHERE k.tenant = g.tenant AND k.scope_type = s.type AND k.scope_id = s.id
                                    AND (NOT k.is_default OR
                                         _defaults[array_position(ARRAY['day', 'month', 'total'], k.period)] IS NOT NULL)
                                 OFFSET 0) b
             WHERE g.id <> ALL(_there_ids)
             UNION ALL
            SELECT g.item, leg.budget_id, leg.starts_at
              FROM unnest(_ids) WITH ORDINALITY AS g(id, item)
             CROSS JOIN LATERAL (SELECT k.legs FROM holds k WHERE k.attempt_id = g.id OFFSET 0) h
             CROSS JOIN LATERAL unnest(h.legs) AS leg) l;
    IF _items <> '{}' THEN
        INSERT INTO budget_periods (budget_id, starts_at, ends_at, amount)
        SELECT b.id, n.starts_at, budget_end(b.period, b.timezone, _now), b.amount
          FROM (SELECT g.budget_id, g.starts_at
                  FROM (SELECT l.budget_id, l.starts_at FROM unnest(_budgets, _starts) AS l(budget_id, starts_at)
                         GROUP BY 1, 2) g
                 WHERE NOT EXISTS (SELECT 1 FROM budget_periods p
                                    WHERE p.budget_id = g.budget_id AND p.starts_at = g.starts_at)
                 ORDER BY g.budget_id) n
         CROSS JOIN LATERAL (SELECT * FROM budgets k
                              WHERE k.id = n.budget_id AND n.starts_at = budget_start(k.period, k.timezone, _now)
                                FOR SHARE) b
        ON CONFLICT DO NOTHING;
        SELECT array_agg(q.budget_id), array_agg(q.starts_at), array_agg(q.room), array_agg(0::bigint)
          INTO _p_budgets, _p_starts, _p_rooms, _p_adds
          FROM (SELECT p.budget_id, p.starts_at, p.amount - p.spent - p.held - p.suspense AS room
                  FROM budget_periods p
                 WHERE (p.budget_id, p.starts_at) IN (SELECT n.b, n.s FROM unnest(_budgets, _starts) AS n(b, s))
                 ORDER BY p.budget_id, p.starts_at FOR NO KEY UPDATE) q;
        SELECT coalesce(array_agg(l.item ORDER BY l.item, p.at), '{}'), array_agg(p.at ORDER BY l.item, p.at)
          INTO _leg_items, _leg_at
          FROM unnest(_items, _budgets, _starts) AS l(item, budget_id, starts_at)
          JOIN unnest(_p_budgets, _p_starts) WITH ORDINALITY AS p(budget_id, starts_at, at)
            ON p.budget_id = l.budget_id AND p.starts_at = l.starts_at;
    END IF;
    IF EXISTS (SELECT 1 FROM holds h WHERE h.attempt_id = ANY(_ids) AND h.attempt_id <> ALL(_there_ids)) THEN
        RAISE EXCEPTION '%', _twice USING ERRCODE = 'serialization_failure';
    END IF;
    _entered := ARRAY(SELECT e.id FROM ledger_entries e WHERE e.id = ANY(_ids));
    FOR i IN 1 .. cardinality(_ids) LOOP
        _known := array_position(_there_ids, _ids[i]);
        _before := _there[_known];
        IF array_position(_ids, _ids[i]) <> i THEN  -- more than once in one batch: the last that was given something counts
            FOR j IN 1 .. cardinality(_grants) LOOP
                _before := CASE WHEN _ids[j] = _ids[i] THEN coalesce(_grants[j], _before) ELSE _before END;
            END LOOP;
        END IF;
        _is_first := _before IS NULL;
        _before := coalesce(_before, 0);
        _first := _at;
        _least_at := NULL;
        WHILE _leg_items[_at] = i LOOP
            IF _least_at IS NULL OR _p_rooms[_leg_at[_at]] < _p_rooms[_least_at] THEN
                _least_at := _leg_at[_at];
            END IF;
            _at := _at + 1;
        END LOOP;
        IF _ids[i] = ANY(_entered) THEN
            _grants := _grants || 0::bigint;
            _new := _new || false;
            _tight := _tight || NULL::int;
            _rooms := _rooms || NULL::bigint;
            CONTINUE;
        END IF;
        _extra := greatest(_wanted[i] - _before, 0);
        IF _least_at IS NOT NULL THEN
            _extra := least(_extra, greatest(_p_rooms[_least_at], 0));
            _extra := CASE WHEN _before + _extra >= _least[i] THEN _extra END;
        END IF;
        _given := _before + _extra;
        IF _extra <> 0 THEN
            FOR j IN _first .. _at - 1 LOOP
                _p_rooms[_leg_at[j]] := _p_rooms[_leg_at[j]] - _extra;
                _p_adds[_leg_at[j]] := _p_adds[_leg_at[j]] + _extra;
            END LOOP;
        END IF;
        _grants := _grants || _given;
        _new := _new || (_given IS NOT NULL AND _known IS NULL);
        _fresh := _fresh + (_given IS NOT NULL AND _is_first)::int;
        _tight := _tight || _least_at;
        _rooms := _rooms || _p_rooms[_least_at];
    END LOOP;
    INSERT INTO holds (attempt_id, owner, at, turn_id, conversation_id, tenant, user_id, key_id, purpose, model, tariff,
                       amount, tokens, legs)
    SELECT DISTINCT ON (g.id) g.id, _owner, _now, g.turn_id, g.conversation, g.tenant, g.user_id, g.key_id, g.purpose,
           g.model, g.tariff, g.granted, g.tokens, coalesce(k.legs, '{}')
      FROM unnest(_ids, _turns, _conversations, _tenants, _users, _keys, _purposes, _models, _tariffs, _grants, _tokens,
                  _new) WITH ORDINALITY
           AS g(id, turn_id, conversation, tenant, user_id, key_id, purpose, model, tariff, granted, tokens, is_new,
                item)
      LEFT JOIN (SELECT l.item, array_agg(ROW(_p_budgets[l.at], _p_starts[l.at])::budget_leg) AS legs
                   FROM unnest(_leg_items, _leg_at) AS l(item, at) GROUP BY l.item) k
        ON k.item = g.item
     WHERE g.is_new ORDER BY g.id, g.granted DESC
    ON CONFLICT (attempt_id) DO NOTHING;
    GET DIAGNOSTICS _made = ROW_COUNT;
    IF _made < _fresh THEN
        RAISE EXCEPTION '%', _twice USING ERRCODE = 'serialization_failure';
    END IF;
    IF _there_ids <> '{}' THEN
        UPDATE holds h SET amount = g.amount
          FROM (SELECT u.id, max(u.granted) AS amount FROM unnest(_ids, _grants) AS u(id, granted) GROUP BY u.id) g
         WHERE h.attempt_id = ANY(_there_ids) AND g.id = h.attempt_id AND g.amount <> h.amount;
    END IF;
    IF _items <> '{}' THEN
        UPDATE budget_periods p SET held = p.held + d.add
          FROM unnest(_p_budgets, _p_starts, _p_adds) AS d(budget_id, starts_at, add)
         WHERE p.budget_id = d.budget_id AND p.starts_at = d.starts_at AND d.add <> 0;
    END IF;
    RETURN QUERY
        SELECT CASE WHEN g.granted IS NULL THEN 'refused' WHEN g.tight IS NULL THEN 'free' ELSE 'held' END,
               g.granted, g.room, b.id, b.scope_type, b.scope_id, b.period, b.limited, b.ends_at
          FROM unnest(_grants, _tight, _rooms) WITH ORDINALITY AS g(granted, tight, room, item)
          LEFT JOIN LATERAL (SELECT k.*, q.amount AS limited, q.ends_at
                               FROM budget_periods q JOIN budgets k ON k.id = q.budget_id
                              WHERE g.granted IS NULL AND q.budget_id = _p_budgets[g.tight]
                                AND q.starts_at = _p_starts[g.tight] OFFSET 0) b ON true
         ORDER BY g.item;
END $$;

-- Give back what was held for attempts that never left.
CREATE OR REPLACE FUNCTION ledger_void(_ids text[]) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    _gone holds[]; _legs budget_leg[]; _held bigint[];
BEGIN
    SELECT array_agg(h) INTO _gone
      FROM (SELECT * FROM holds k WHERE k.attempt_id = ANY(_ids) ORDER BY k.attempt_id FOR UPDATE) h;
    DELETE FROM holds k WHERE k.attempt_id = ANY(ARRAY(SELECT g.attempt_id FROM unnest(_gone) g));
    SELECT array_agg(leg), array_agg(-h.amount) INTO _legs, _held FROM unnest(_gone) h, unnest(h.legs) leg;
    PERFORM budget_move(_legs, _held, NULL, NULL);
END $$;

-- Move money in periods: a difference to what is held, spent and in suspense for each leg, null for none. All that moves
-- money comes here, but holds: so locks are taken in the one order, and every threshold is told that is passed. Gives the
-- periods that changed.
CREATE OR REPLACE FUNCTION budget_move(_legs budget_leg[], _held bigint[], _spent bigint[], _suspense bigint[])
RETURNS TABLE (budget_id text, starts_at timestamptz, room bigint, is_warning boolean) LANGUAGE plpgsql AS $$
DECLARE
    _budgets text[]; _starts timestamptz[]; _helds bigint[]; _spents bigint[]; _waits bigint[];
    _rooms bigint[]; _warned budget_leg[];
BEGIN
    SELECT array_agg(s.budget_id), array_agg(s.starts_at), array_agg(s.held), array_agg(s.spent), array_agg(s.suspense)
      INTO _budgets, _starts, _helds, _spents, _waits
      FROM (SELECT l.budget_id, l.starts_at, coalesce(sum(l.held), 0)::bigint AS held,
                   coalesce(sum(l.spent), 0)::bigint AS spent, coalesce(sum(l.suspense), 0)::bigint AS suspense
              FROM unnest(_legs, _held, _spent, _suspense) AS l(budget_id, starts_at, held, spent, suspense)
             GROUP BY l.budget_id, l.starts_at) s;
    IF _budgets IS NULL THEN
        RETURN;
    END IF;
    PERFORM 1 FROM budget_periods p
      WHERE (p.budget_id, p.starts_at) IN (SELECT n.b, n.s FROM unnest(_budgets, _starts) AS n(b, s))
      ORDER BY p.budget_id, p.starts_at FOR NO KEY UPDATE;
    WITH moved AS (
        UPDATE budget_periods p SET held = p.held + d.held, spent = p.spent + d.spent, suspense = p.suspense + d.suspense
          FROM unnest(_budgets, _starts, _helds, _spents, _waits) AS d(budget_id, starts_at, held, spent, suspense)
         WHERE p.budget_id = d.budget_id AND p.starts_at = d.starts_at
        RETURNING p.budget_id, p.starts_at, p.amount - p.spent - p.held - p.suspense AS room)
    SELECT array_agg(m.budget_id), array_agg(m.starts_at), array_agg(m.room) INTO _budgets, _starts, _rooms FROM moved m;
    IF _spent IS NOT NULL THEN
        _warned := budget_warn(_budgets, _starts);
    END IF;
    RETURN QUERY
        SELECT m.budget_id, m.starts_at, m.room, ROW(m.budget_id, m.starts_at)::budget_leg = ANY(_warned)
          FROM unnest(_budgets, _starts, _rooms) AS m(budget_id, starts_at, room);
END $$;

-- Write down which of these periods reached the threshold of their budgets and were not told yet; gives them.
CREATE OR REPLACE FUNCTION budget_warn(_budgets text[], _starts timestamptz[]) RETURNS budget_leg[] LANGUAGE plpgsql AS $$
DECLARE
    _warned budget_leg[];
BEGIN
    WITH alarms AS (
        UPDATE budget_periods p SET warned = true
          FROM unnest(_budgets, _starts) AS n(budget_id, starts_at)
         CROSS JOIN LATERAL (SELECT * FROM budgets k WHERE k.id = n.budget_id OFFSET 0) b
         WHERE p.budget_id = n.budget_id AND p.starts_at = n.starts_at AND NOT p.warned AND p.spent > 0
           AND p.spent::numeric * 1000 >= p.amount::numeric * b.alert
        RETURNING b.id, p.starts_at, p.ends_at, b.alert, p.spent, p.amount, b.tenant, b.scope_type, b.scope_id, b.period),
    told AS (
        INSERT INTO budget_alerts (id, budget_id, starts_at, ends_at, alert, spent, amount, tenant, scope_type, scope_id,
                                   period)
        SELECT 'alr_' || md5(concat_ws(' ', a.id, extract(epoch FROM a.starts_at), a.alert, a.amount)), a.*
          FROM alarms a
        ON CONFLICT DO NOTHING)
    SELECT array_agg(ROW(a.id, a.starts_at)::budget_leg) INTO _warned FROM alarms a;
    RETURN _warned;
END $$;

-- Settle attempts: their holds become entries, all items in one commit; gives one row an item, in order. Of several for one
-- attempt the first counts.
--   outcome  settled  `room` is what is left of the tightest of its budgets (null without any), `warned` those that
--                     passed their threshold with this statement
--            before   it is entered already, by the usage of `source`
--            unknown  there is no such hold
CREATE OR REPLACE FUNCTION ledger_settle(
    _ids text[], _amounts bigint[], _suspenses bigint[], _inputs int[], _cached int[], _writes int[], _outputs int[],
    _reasonings int[], _audios int[], _sources text[], _responses text[], _succeeded boolean[], _milliseconds int[])
RETURNS TABLE (outcome text, room bigint, warned text[], source text) LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    _gone holds[]; _legs budget_leg[]; _held bigint[]; _spent bigint[]; _waits bigint[];
    _m_budgets text[]; _m_starts timestamptz[]; _m_rooms bigint[]; _m_warned boolean[];
BEGIN
    SELECT array_agg(h) INTO _gone
      FROM (SELECT * FROM holds k WHERE k.attempt_id = ANY(_ids) ORDER BY k.attempt_id FOR UPDATE) h;
    DELETE FROM holds k WHERE k.attempt_id = ANY(ARRAY(SELECT g.attempt_id FROM unnest(_gone) g));
    INSERT INTO ledger_entries (id, at, turn_id, conversation_id, tenant, user_id, key_id, purpose, model, tariff,
        response_id, input, cached_input, cache_write, output, reasoning, audio, usage_source, succeeded, milliseconds,
        held, amount, legs)
    SELECT h.attempt_id, h.at, h.turn_id, h.conversation_id, h.tenant, h.user_id, h.key_id, h.purpose, h.model, h.tariff,
           _responses[i], _inputs[i], _cached[i], _writes[i], _outputs[i], _reasonings[i], _audios[i], _sources[i],
           _succeeded[i], _milliseconds[i], h.amount, _amounts[i], h.legs
      FROM unnest(_gone) h, array_position(_ids, h.attempt_id) i;
    INSERT INTO suspenses (entry_id, until, amount, legs)
    SELECT h.attempt_id, clock_timestamp() + interval '24 hours', _suspenses[i], h.legs
      FROM unnest(_gone) h, array_position(_ids, h.attempt_id) i
     WHERE _suspenses[i] > 0;
    SELECT array_agg(leg), array_agg(-h.amount), array_agg(_amounts[i]), array_agg(_suspenses[i])
      INTO _legs, _held, _spent, _waits
      FROM unnest(_gone) h, array_position(_ids, h.attempt_id) i, unnest(h.legs) leg;
    SELECT array_agg(m.budget_id), array_agg(m.starts_at), array_agg(m.room), array_agg(m.is_warning)
      INTO _m_budgets, _m_starts, _m_rooms, _m_warned FROM budget_move(_legs, _held, _spent, _waits) m;
    RETURN QUERY
        SELECT CASE WHEN h.attempt_id IS NOT NULL THEN 'settled' WHEN e.id IS NOT NULL THEN 'before' ELSE 'unknown' END,
               k.room, k.warned, e.usage_source
          FROM unnest(_ids) WITH ORDINALITY AS g(id, item)
          LEFT JOIN unnest(_gone) h ON h.attempt_id = g.id AND g.item = array_position(_ids, g.id)
          LEFT JOIN LATERAL (SELECT l.id, coalesce((SELECT c.usage_source FROM ledger_corrections c
                                                     WHERE c.entry_id = l.id ORDER BY c.seq DESC LIMIT 1),
                                                   l.usage_source) AS usage_source
                               FROM ledger_entries l WHERE h.attempt_id IS NULL AND l.id = g.id) e ON true
         CROSS JOIN LATERAL (SELECT min(m.room) AS room, array_agg(m.budget_id) FILTER (WHERE m.warned) AS warned
                               FROM unnest(_m_budgets, _m_starts, _m_rooms, _m_warned)
                                    AS m(budget_id, starts_at, room, warned)
                               JOIN unnest(h.legs) AS leg
                                 ON leg.budget_id = m.budget_id AND leg.starts_at = m.starts_at) k
         ORDER BY g.item;
END $$;

-- Correct an entry by what became known since: the difference is written down and counted in the periods of its admission.
-- Whatever was in suspense for it is known now. Says whether anything changed.
CREATE OR REPLACE FUNCTION ledger_correct(_id text, _amount bigint, _usage int[], _source text, _reason text)
RETURNS boolean LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    _entry ledger_entries;
    _delta bigint;
    _seq int;
    _waits bigint;
    _said text;
BEGIN
    SELECT * INTO _entry FROM ledger_entries e WHERE e.id = _id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT _amount - _entry.amount - coalesce(sum(c.amount), 0), coalesce(max(c.seq), 0),
           coalesce((array_agg(c.usage_source ORDER BY c.seq DESC))[1], _entry.usage_source) INTO _delta, _seq, _said
      FROM ledger_corrections c WHERE c.entry_id = _id;
    DELETE FROM suspenses s WHERE s.entry_id = _id RETURNING -s.amount INTO _waits;
    IF _delta = 0 AND _waits IS NULL AND _said = _source THEN
        RETURN false;
    END IF;
    INSERT INTO ledger_corrections (entry_id, seq, amount, usage, usage_source, reason)
    VALUES (_id, _seq + 1, _delta, _usage, _source, _reason);
    PERFORM budget_move(_entry.legs, NULL, array_agg(_delta), array_agg(_waits)) FROM unnest(_entry.legs);
    RETURN true;
END $$;

-- What an owner tells of an attempt that others took for lost: it counts unless a host's own count was entered meanwhile.
CREATE OR REPLACE FUNCTION ledger_late(_id text, _amount bigint, _usage int[], _source text) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    PERFORM 1 FROM ledger_entries e WHERE e.id = _id FOR NO KEY UPDATE;
    IF NOT EXISTS (SELECT 1 FROM ledger_corrections c WHERE c.entry_id = _id AND c.usage_source = 'provider') THEN
        PERFORM ledger_correct(_id, _amount, _usage, _source, 'its owner told of it later');
    END IF;
END $$;

-- Let go of what nobody learned more about in a day. Gives how many.
CREATE OR REPLACE FUNCTION ledger_release(_most int) RETURNS int LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    _due suspenses[]; _legs budget_leg[]; _waits bigint[];
BEGIN
    SELECT array_agg(s) INTO _due
      FROM (SELECT * FROM suspenses k WHERE k.until < now() ORDER BY k.until
             LIMIT _most FOR UPDATE SKIP LOCKED) s;
    DELETE FROM suspenses k WHERE k.entry_id = ANY(ARRAY(SELECT d.entry_id FROM unnest(_due) d));
    SELECT array_agg(leg), array_agg(-d.amount) INTO _legs, _waits FROM unnest(_due) d, unnest(d.legs) leg;
    PERFORM budget_move(_legs, NULL, NULL, _waits);
    RETURN coalesce(cardinality(_due), 0);
END $$;

-- Holds of a turn that this process took over, and those of processes that are gone for long: nobody will settle them.
CREATE OR REPLACE FUNCTION ledger_left(_turn text, _most int)
RETURNS TABLE (id text, tokens int, amount bigint, model text) LANGUAGE sql STABLE AS $$
    SELECT h.attempt_id, h.tokens, h.amount, h.model FROM holds h
     WHERE CASE WHEN _turn IS NOT NULL THEN h.turn_id = _turn
                ELSE h.at < clock_timestamp() - interval '10 minutes' AND process_is_over(h.owner) END
     ORDER BY h.attempt_id LIMIT _most
$$;

-- Make room for the entries of this month and the next. A month of which the rest has rows already stays there. Settlements
-- queue behind this while it waits for who reads the rest: so it does not wait, and is tried again later.
CREATE OR REPLACE FUNCTION ledger_prepare() RETURNS void LANGUAGE plpgsql SET timezone = 'UTC' SET lock_timeout = '50ms' AS $$
DECLARE
    _month timestamptz;
BEGIN
    FOREACH _month IN ARRAY ARRAY[date_trunc('month', now()), date_trunc('month', now()) + interval '1 month'] LOOP
        IF to_regclass('ledger_entries_' || to_char(_month, 'YYYY_MM')) IS NULL
           AND NOT EXISTS (SELECT 1 FROM ledger_entries_rest r
                            WHERE r.at >= _month AND r.at < _month + interval '1 month') THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF ledger_entries FOR VALUES FROM (%L) TO (%L)',
                           'ledger_entries_' || to_char(_month, 'YYYY_MM'), _month, _month + interval '1 month');
        END IF;
    END LOOP;
EXCEPTION WHEN lock_not_available OR duplicate_table THEN
    NULL;
END $$;
SELECT ledger_prepare();
