-- Put messages at the end of a conversation, give the position of the last, and say which turn speaks now (null: none).
-- `_input` is a JSON array of {id, speaker, role, parts}; parts are a string, itself JSON, stored character by character.
-- The caller holds the conversation's row lock.
CREATE OR REPLACE FUNCTION conversation_append(_conversation text, _turn text, _input text, _running text)
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    _given int := CASE WHEN _input IS NULL THEN 0 ELSE json_array_length(_input::json) END;
    _last int;
BEGIN
    UPDATE conversations
       SET messages = messages + _given, running = _running, updated_at = clock_timestamp()
     WHERE id = _conversation
    RETURNING messages INTO _last;
    IF NOT FOUND OR _given = 0 THEN
        RETURN _last;
    END IF;
    INSERT INTO messages (conversation_id, position, id, parent_id, speaker, role, parts, turn_id)
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
           _turn
      FROM json_array_elements(_input::json) WITH ORDINALITY AS each;
    RETURN _last;
END $$;

-- The newest messages whose parts fit into `_bytes`, at least one, oldest first, as a JSON array of
-- {position, role, speaker, turn, parts}. Reads no more rows than it returns, however long the conversation is.
CREATE OR REPLACE FUNCTION conversation_history(_conversation text, _bytes int)
RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    _row record;
    _found text[] := '{}';
    _total int := 0;
BEGIN
    FOR _row IN
        SELECT m.position, m.role, m.speaker, m.turn_id, m.parts
          FROM messages m WHERE m.conversation_id = _conversation ORDER BY m.position DESC
    LOOP
        _total := _total + octet_length(_row.parts);
        EXIT WHEN _total > _bytes AND cardinality(_found) > 0;
        _found := _found || ('{"position":' || _row.position || ',"role":"' || _row.role || '","speaker":'
            || to_json(_row.speaker) || ',"turn":' || coalesce('"' || _row.turn_id || '"', 'null')
            || ',"parts":' || _row.parts || '}');
    END LOOP;
    RETURN '[' || coalesce((SELECT string_agg(f, ',' ORDER BY n DESC)
                              FROM unnest(_found) WITH ORDINALITY AS u(f, n)), '') || ']';
END $$;
