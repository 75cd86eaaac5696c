-- The newest version of each scope: what a commit is compared with.
CREATE TABLE scopes (
    scope   TEXT    NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version > 0)
) STRICT, WITHOUT ROWID;

-- Clustered by scope, because a scope is always read whole. Keys compare byte by byte.
CREATE TABLE entities (
    scope TEXT NOT NULL REFERENCES scopes (scope),
    kind  TEXT NOT NULL,
    key   TEXT NOT NULL,
    body  TEXT NOT NULL,
    PRIMARY KEY (scope, kind, key)
) STRICT, WITHOUT ROWID;

-- Every change ever made, in commit order. Replayed from the start it gives `entities`.
CREATE TABLE feed (
    sequence   INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    scope      TEXT    NOT NULL REFERENCES scopes (scope),
    version    INTEGER NOT NULL CHECK (version > 0),
    at         INTEGER NOT NULL,
    actor      TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    request_id TEXT    NOT NULL,
    puts       TEXT    NOT NULL,
    deletes    TEXT    NOT NULL,
    UNIQUE (scope, version)
) STRICT;

CREATE TABLE last_uses (
    account TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    service TEXT    NOT NULL,
    region  TEXT    NOT NULL,
    PRIMARY KEY (account, subject)
) STRICT, WITHOUT ROWID;
