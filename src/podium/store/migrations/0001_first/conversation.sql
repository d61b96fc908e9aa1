-- A conversation is a gap-free sequence of messages. `messages` is the last position; `running` the turn that speaks now.
CREATE TABLE conversations (
    id         text COLLATE "C" PRIMARY KEY,
    tenant     text COLLATE "C" NOT NULL,
    user_id    text COLLATE "C" NOT NULL,
    title      text,
    model      text,
    metadata   text NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    messages   int NOT NULL DEFAULT 0,
    running    text COLLATE "C"
) WITH (fillfactor = 80);
CREATE INDEX conversations_of_user ON conversations (tenant, user_id, id);

-- `parts` is the exact JSON of the vocabulary's parts: text, because nothing ever looks into it and its bytes matter.
CREATE TABLE messages (
    conversation_id text COLLATE "C" NOT NULL,
    position        int NOT NULL,
    id              text COLLATE "C" NOT NULL,
    parent_id       text COLLATE "C",
    speaker         text NOT NULL,
    role            text NOT NULL,
    parts           text NOT NULL,
    turn_id         text COLLATE "C",
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (conversation_id, position)
);
