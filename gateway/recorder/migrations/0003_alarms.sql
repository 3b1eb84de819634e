-- The journal of alarms (VIEW-09). Times are Unix ms, UTC. Name and address are kept as they were, so that what happened to a
-- device that is gone can still be read.
CREATE TABLE alarm (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    until   INTEGER,                   -- NULL = goes on; = at for what has no duration
    subject TEXT NOT NULL,             -- what is watched, as device/38/status: at most one alarm of it goes on
    source  TEXT NOT NULL,             -- the service that says so
    device  INTEGER,
    bus     INTEGER,
    name    TEXT NOT NULL,
    address TEXT NOT NULL,             -- bus.unit
    code    TEXT NOT NULL,             -- of the reason
    params  TEXT NOT NULL,             -- JSON object
    text    TEXT NOT NULL              -- the English sentence
);
CREATE UNIQUE INDEX alarm_open ON alarm (subject) WHERE until IS NULL;
CREATE INDEX alarm_at ON alarm (at);
