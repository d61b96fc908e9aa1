-- The ledger is read in the order of (xid, id): by everybody, by a user, by a conversation; by tenant it is already.
CREATE INDEX ledger_of_all ON ledger_entries (xid, id);
CREATE INDEX ledger_of_user ON ledger_entries (user_id, xid, id);
CREATE INDEX ledger_of_conversation ON ledger_entries (conversation_id, xid, id) WHERE conversation_id IS NOT NULL;

-- Corrections are read in the same way.
ALTER TABLE ledger_corrections ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX corrections_in_order ON ledger_corrections (xid, entry_id, seq);

-- Sums of what lies before `rolled`, by day (UTC, the entry's own also for its corrections), so that nobody has to read
-- millions of entries to say what a month cost.
CREATE TABLE ledger_days (
    day          date NOT NULL,
    tenant       text COLLATE "C" NOT NULL,
    user_id      text COLLATE "C" NOT NULL,
    key_id       text COLLATE "C" NOT NULL,
    model        text COLLATE "C" NOT NULL,
    purpose      text COLLATE "C" NOT NULL,
    calls        bigint NOT NULL,
    succeeded    bigint NOT NULL,
    tokens       bigint NOT NULL,
    amount       bigint NOT NULL,
    PRIMARY KEY (day, tenant, user_id, key_id, model, purpose)
);

-- Where the sums end: the last entry and the last correction in them. One row.
CREATE TABLE ledger_rolled (
    entry_xid        xid8 NOT NULL,
    entry_id         text COLLATE "C" NOT NULL,
    correction_xid   xid8 NOT NULL,
    correction_entry text COLLATE "C" NOT NULL,
    correction_seq   int NOT NULL
);
INSERT INTO ledger_rolled VALUES ('0', '', '0', '', 0);
