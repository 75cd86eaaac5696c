-- What the sources of foreign identities are asked again while sessions of theirs live.
CREATE TABLE vouchers (
    provider TEXT    NOT NULL,
    question TEXT    NOT NULL,
    version  INTEGER NOT NULL,
    body     TEXT    NOT NULL,
    expires  INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    due      INTEGER NOT NULL,
    PRIMARY KEY (provider, question)
) STRICT, WITHOUT ROWID;

CREATE INDEX vouchers_due ON vouchers (due);
CREATE INDEX vouchers_expires ON vouchers (expires);
