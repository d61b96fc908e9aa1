-- A user whose name is a UUID has one name, in lower case. Of several who are one and the same, the one who has that name
-- already goes on, else the first; the keys, turns and conversations of the others become theirs, so that one budget and
-- one limit hold for all. The ledger is not rewritten, so those others stay for their entries' sake, and keep sessions
-- of which there would be two.
WITH spelled AS (
    SELECT id, lower(name) AS name,
           first_value(id) OVER (PARTITION BY tenant, lower(name) ORDER BY (name = lower(name)) DESC, id) AS keeper
      FROM users WHERE name ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
), others AS (
    SELECT id, keeper FROM spelled WHERE id <> keeper
), of_keys AS (
    UPDATE keys k SET user_id = o.keeper FROM others o WHERE k.user_id = o.id
), of_turns AS (
    UPDATE turns t SET user_id = o.keeper FROM others o WHERE t.user_id = o.id
), of_conversations AS (
    UPDATE conversations c SET user_id = o.keeper FROM others o
     WHERE c.user_id = o.id AND NOT EXISTS (
           SELECT FROM conversations twin JOIN spelled s ON s.id = twin.user_id
            WHERE s.keeper = o.keeper AND twin.name = c.name AND twin.id <> c.id)
)
UPDATE users u SET name = s.name FROM spelled s WHERE u.id = s.keeper AND u.name <> s.name;
