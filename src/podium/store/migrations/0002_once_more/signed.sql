-- What hosts signed around the calls of tools, for clients that give back nothing of it but the calls' ids. `block` is JSON;
-- nothing here looks into it.
CREATE TABLE signed_calls (
    tenant     text COLLATE "C" NOT NULL,
    call_id    text COLLATE "C" NOT NULL,
    block      text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, call_id)
);
CREATE INDEX signed_calls_age ON signed_calls (created_at);
