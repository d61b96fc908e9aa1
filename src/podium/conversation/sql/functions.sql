-- Put messages at the end of a conversation, give the position of the last, and say which turn speaks now (null: none).
-- `_input` is a JSON array of {id, speaker, role, parts}; parts are a string, itself JSON, stored character by character.
-- Their time is the conversation's last activity, to the microsecond. The caller holds the conversation's row lock.
CREATE OR REPLACE FUNCTION conversation_append(_conversation text, _turn text, _input text, _running text)
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    _given int := CASE WHEN _input IS NULL THEN 0 ELSE json_array_length(_input::json) END;
    _now timestamptz := clock_timestamp();
    _last int;
BEGIN
    UPDATE conversations
       SET messages = messages + _given, running = _running, updated_at = _now
     WHERE id = _conversation
    RETURNING messages INTO _last;
    IF NOT FOUND OR _given = 0 THEN
        RETURN _last;
    END IF;
    INSERT INTO messages (conversation_id, position, id, parent_id, speaker, role, parts, turn_id, created_at)
    SELECT _conversation,
           _last - _given + each.ordinality,
           each.value ->> 'id',
           coalesce(
               lag(each.value ->> 'id') OVER (ORDER BY each.ordinality),
               (SELECT m.id FROM messages m
                 WHERE m.conversation_id = _conversation AND m.position = _last - _given)),
           each.value ->> 'speaker',
           each.value ->> 'role',
           each.value ->> 'parts',
           _turn,
           _now
      FROM json_array_elements(_input::json) WITH ORDINALITY AS each;
    RETURN _last;
END $$;

-- The turn that the last message belongs to.
CREATE OR REPLACE FUNCTION conversation_last_turn(_conversation text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT m.turn_id FROM messages m WHERE m.conversation_id = _conversation ORDER BY m.position DESC LIMIT 1
$$;

-- Take out all messages. The caller holds the conversation's row lock.
CREATE OR REPLACE FUNCTION conversation_clear(_conversation text) RETURNS void LANGUAGE sql AS $$
    DELETE FROM messages m WHERE m.conversation_id = _conversation;
    UPDATE conversations SET messages = 0 WHERE id = _conversation
$$;

-- How many bytes of a window these parts take: a file that lies inline no more than 4,800, however long its base64 is. Hosts
-- scale pictures down to some 1,600 tokens; what else costs more is told apart when a request is composed.
CREATE OR REPLACE FUNCTION conversation_weight(_parts text) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT octet_length(_parts) - coalesce(sum(greatest(strpos(u.piece, '"') - 1 - 4800, 0)) FILTER (WHERE u.n > 1), 0)::int
      FROM unnest(string_to_array(_parts, '"kind":"inline","value":"')) WITH ORDINALITY AS u(piece, n)
$$;

-- The newest messages whose parts fit into `_bytes` of a window, and into 16 MiB as they are, from what a user said on if that
-- is among them; at least one, and with a tool's result all since its user spoke. Oldest first, as a JSON array of {position,
-- role, speaker, turn, parts}. Reads little more than it returns, however long the conversation is.
CREATE OR REPLACE FUNCTION conversation_history(_conversation text, _bytes int)
RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    _row record;
    _found text[] := '{}';
    _total bigint := 0;
    _read bigint := 0;
    _is_within boolean := false;
    _whole int;
BEGIN
    FOR _row IN
        SELECT m.position, m.role, m.speaker, m.turn_id, m.parts
          FROM messages m WHERE m.conversation_id = _conversation ORDER BY m.position DESC
    LOOP
        _read := _read + octet_length(_row.parts);
        EXIT WHEN _read > 16777216 AND cardinality(_found) > 0;
        _total := _total + CASE WHEN octet_length(_row.parts) < 4800 THEN octet_length(_row.parts)
                                ELSE conversation_weight(_row.parts) END;
        IF _total > _bytes AND cardinality(_found) > 0 AND NOT _is_within THEN
            _found := coalesce(_found[1:_whole], _found);
            EXIT;
        END IF;
        _is_within := _row.role = 'tool' OR _is_within AND _row.role <> 'user';
        _found := _found || ('{"position":' || _row.position || ',"role":"' || _row.role || '","speaker":'
            || to_json(_row.speaker) || ',"turn":' || coalesce('"' || _row.turn_id || '"', 'null')
            || ',"parts":' || _row.parts || '}');
        IF _row.role = 'user' THEN
            _whole := cardinality(_found);
        END IF;
    END LOOP;
    RETURN '[' || coalesce((SELECT string_agg(f, ',' ORDER BY n DESC)
                              FROM unnest(_found) WITH ORDINALITY AS u(f, n)), '') || ']';
END $$;
