-- A turn. `ask` is everything needed to run it (again); `opening` the first event of its log; `input` its messages while it
-- waits in the queue. `position` is null until its input stands in the conversation;
-- `urgent` goes before the others that wait. `reruns` counts runs after a lost
-- owner. `stop` is why it should stop, as asked for; `report` the turn as clients see it, once it has ended.
CREATE TABLE turns (
    id              text COLLATE "C" PRIMARY KEY,
    tenant          text COLLATE "C" NOT NULL,
    user_id         text COLLATE "C" NOT NULL,
    conversation_id text COLLATE "C",
    status          text NOT NULL,
    ask             text NOT NULL,
    opening         text NOT NULL,
    input           text,
    position        int,
    urgent          boolean NOT NULL DEFAULT false,
    reruns          int NOT NULL DEFAULT 0,
    stop            text,
    report          text,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at      timestamptz,
    ended_at        timestamptz
) WITH (fillfactor = 70);
CREATE INDEX turns_queued ON turns (conversation_id, id) WHERE status = 'queued';
CREATE INDEX turns_to_stop ON turns (id) WHERE stop IS NOT NULL AND status = 'running';
CREATE INDEX turns_of_user ON turns (tenant, user_id, id);
CREATE INDEX turns_of_conversation ON turns (conversation_id, id) WHERE conversation_id IS NOT NULL;

-- An idempotency key, in its scope (tenant, principal, route), and the turn that it started.
CREATE TABLE turn_keys (
    scope      text COLLATE "C" PRIMARY KEY,
    hash       text NOT NULL,
    turn_id    text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX turn_keys_age ON turn_keys (created_at);
