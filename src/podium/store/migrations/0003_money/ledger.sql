-- Money, in nano-dollars. A budget limits what one scope may spend in a period; its present period is a row, made when it
-- is first needed, and the only one that holds and settlements lock. `amount` is the limit; the period's own is what
-- counts while it lasts. `alert` is in thousandths of the limit. `is_default` marks those of users who have none of their own.
CREATE TABLE budgets (
    id         text COLLATE "C" PRIMARY KEY,
    tenant     text COLLATE "C" NOT NULL,
    scope_type text NOT NULL CHECK (scope_type IN ('tenant', 'user', 'key', 'session', 'persona', 'dialogue')),
    scope_id   text COLLATE "C" NOT NULL,
    amount     bigint NOT NULL CHECK (amount >= 0),
    period     text NOT NULL CHECK (period IN ('day', 'week', 'month', 'total')),
    timezone   text NOT NULL DEFAULT 'UTC',
    alert      int NOT NULL DEFAULT 800 CHECK (alert BETWEEN 0 AND 1000),
    is_default boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (tenant, scope_type, scope_id, period)
);

-- `suspense` is what attempts of unknown usage may still turn out to cost; it counts against the limit for a day.
CREATE TABLE budget_periods (
    budget_id text COLLATE "C" NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at   timestamptz,
    amount    bigint NOT NULL CHECK (amount >= 0),
    spent     bigint NOT NULL DEFAULT 0 CHECK (spent >= 0),
    held      bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
    suspense  bigint NOT NULL DEFAULT 0 CHECK (suspense >= 0),
    warned    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (budget_id, starts_at)
) WITH (fillfactor = 50);

-- What was paid by: a tariff is stored once, by its digest.
CREATE TABLE tariffs (
    id   text COLLATE "C" PRIMARY KEY,
    told text NOT NULL
);

-- A period in which an attempt counts.
CREATE TYPE budget_leg AS (budget_id text, starts_at timestamptz);

-- Money set aside for an attempt that is under way. `legs` are the periods in which it counts: those of its admission.
-- `tokens` is how many its input likely has, `floor` what it costs at the most.
CREATE TABLE holds (
    attempt_id      text COLLATE "C" PRIMARY KEY,
    owner           text COLLATE "C" NOT NULL,
    at              timestamptz NOT NULL,
    turn_id         text COLLATE "C",
    conversation_id text COLLATE "C",
    tenant          text COLLATE "C" NOT NULL,
    user_id         text COLLATE "C" NOT NULL,
    key_id          text COLLATE "C" NOT NULL,
    purpose         text NOT NULL,
    model           text NOT NULL,
    tariff          text COLLATE "C" NOT NULL,
    amount          bigint NOT NULL CHECK (amount >= 0),
    tokens          int NOT NULL,
    floor           bigint NOT NULL CHECK (floor >= 0),
    legs            budget_leg[] NOT NULL
);
CREATE INDEX holds_of_owner ON holds (owner);

-- Money spent: one row for each attempt that was dispatched, never changed; its id is the attempt's. What is learned later
-- is a correction. Rows are read by (xid, id) and only where no transaction before them is still under way.
CREATE TABLE ledger_entries (
    id              text COLLATE "C" NOT NULL,
    at              timestamptz NOT NULL,
    xid             xid8 NOT NULL DEFAULT pg_current_xact_id(),
    turn_id         text COLLATE "C",
    conversation_id text COLLATE "C",
    tenant          text COLLATE "C" NOT NULL,
    user_id         text COLLATE "C" NOT NULL,
    key_id          text COLLATE "C" NOT NULL,
    purpose         text NOT NULL,
    model           text NOT NULL,
    tariff          text COLLATE "C" NOT NULL,
    response_id     text,
    input           int NOT NULL,
    cached_input    int NOT NULL,
    cache_write     int NOT NULL,
    output          int NOT NULL,
    reasoning       int NOT NULL,
    audio           int NOT NULL,
    usage_source    text NOT NULL CHECK (usage_source IN ('provider', 'estimate', 'none')),
    succeeded       boolean NOT NULL,
    milliseconds    int NOT NULL,
    held            bigint NOT NULL CHECK (held >= 0),
    amount          bigint NOT NULL CHECK (amount >= 0),
    legs            budget_leg[] NOT NULL,
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE TABLE ledger_entries_rest PARTITION OF ledger_entries DEFAULT;
CREATE INDEX ledger_in_order ON ledger_entries (tenant, xid, id);
CREATE INDEX ledger_of_turn ON ledger_entries (turn_id) WHERE turn_id IS NOT NULL;

-- What changed an entry afterwards: `amount` is the difference, the tokens are all that are known since.
CREATE TABLE ledger_corrections (
    entry_id     text COLLATE "C" NOT NULL,
    seq          int NOT NULL,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    amount       bigint NOT NULL,
    usage        int[] NOT NULL,
    usage_source text NOT NULL CHECK (usage_source IN ('provider', 'estimate', 'none')),
    reason       text NOT NULL,
    PRIMARY KEY (entry_id, seq)
);

-- What may still turn out to have been used, until when it counts.
CREATE TABLE suspenses (
    entry_id text COLLATE "C" PRIMARY KEY,
    until    timestamptz NOT NULL,
    amount   bigint NOT NULL CHECK (amount > 0),
    legs     budget_leg[] NOT NULL
);
CREATE INDEX suspenses_until ON suspenses (until);
