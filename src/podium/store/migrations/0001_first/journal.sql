-- Server processes and their leases. `home` is the data directory that a process serves, `boot` the run of its supervisor,
-- `slot` its place there. `over` is set when the process is known to be gone; nothing it wrote later counts.
CREATE TABLE processes (
    id         text COLLATE "C" PRIMARY KEY,
    home       text NOT NULL,
    boot       text NOT NULL,
    slot       int NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    over       boolean NOT NULL DEFAULT false
) WITH (fillfactor = 50);

-- One log a turn. While it lives its first event stands in `lines` and the others in log_rows, a row a flush; when it ends
-- they are folded into `lines`. An event is one line of JSON, and its number is its line's. `whole` is false where only
-- facts are kept (a stateless turn's).
CREATE TABLE logs (
    id       text COLLATE "C" PRIMARY KEY,
    owner    text COLLATE "C" NOT NULL,
    epoch    int NOT NULL DEFAULT 1,
    ended    boolean NOT NULL DEFAULT false,
    whole    boolean NOT NULL,
    last_seq int NOT NULL,
    lines    text NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX logs_alive ON logs (owner) WHERE NOT ended;

CREATE TABLE log_rows (
    id        text COLLATE "C" NOT NULL,
    first_seq int NOT NULL,
    last_seq  int NOT NULL,
    lines     text NOT NULL,
    PRIMARY KEY (id, first_seq)
);
