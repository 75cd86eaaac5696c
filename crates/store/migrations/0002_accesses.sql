-- When each principal last tried each action. `principal` is a unique id, or the account's for its root user.
CREATE TABLE accesses (
    account   TEXT    NOT NULL,
    principal TEXT    NOT NULL,
    service   TEXT    NOT NULL,
    action    TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    region    TEXT    NOT NULL,
    PRIMARY KEY (account, principal, service, action)
) STRICT, WITHOUT ROWID;

-- For forgetting.
CREATE INDEX accesses_at ON accesses (at);

-- Reports that somebody asked for, until they expire.
CREATE TABLE reports (
    account TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    body    TEXT    NOT NULL,
    PRIMARY KEY (account, id)
) STRICT;

CREATE INDEX reports_expires ON reports (expires);
