-- Who may ask. Names are the callers' words and unique in their scope; ids are ours and stand in every other table.
CREATE TABLE tenants (
    id         text COLLATE "C" PRIMARY KEY,
    name       text COLLATE "C" NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
    id         text COLLATE "C" PRIMARY KEY,
    tenant     text COLLATE "C" NOT NULL REFERENCES tenants,
    name       text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant, name)
);

-- `hash` is the SHA-256 of the whole key, which is shown once and kept nowhere; `prefix` is its visible beginning. A revoked
-- key keeps its row, so that what it did can still be traced to it.
CREATE TABLE keys (
    id         text COLLATE "C" PRIMARY KEY,
    tenant     text COLLATE "C" NOT NULL REFERENCES tenants,
    user_id    text COLLATE "C" NOT NULL REFERENCES users,
    hash       bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    prefix     text NOT NULL,
    scope      text NOT NULL CHECK (scope IN ('admin', 'member')),
    tier       text NOT NULL CHECK (tier IN ('free', 'basic', 'professional', 'enterprise', 'unlimited')),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX keys_of_tenant ON keys (tenant, id);

-- The operator's key is a setting, not a row; these two are whom it acts as.
INSERT INTO tenants (id, name) VALUES ('ten_00000000000000000000000000000000', 'default');
INSERT INTO users (id, tenant, name)
VALUES ('usr_00000000000000000000000000000000', 'ten_00000000000000000000000000000000', 'operator');
