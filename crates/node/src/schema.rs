//! The read tables of a node: what lists and pages are drawn from. They can be dropped and rebuilt from the journal
//! and the messages; nothing is decided by them.

use store::Migration;

/// The node's own migrations, in the order in which they are applied.
pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "node-0001-read-tables",
    sql: "
CREATE TABLE messages (
    id BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    direction TEXT NOT NULL,
    from_party TEXT NOT NULL,
    to_party TEXT NOT NULL,
    message_type TEXT NOT NULL,
    identification TEXT NOT NULL,
    correlation TEXT,
    movement TEXT NOT NULL,
    owner TEXT NOT NULL,
    outcome TEXT NOT NULL,
    clause TEXT,
    exchange_id TEXT,
    label TEXT,
    body BLOB NOT NULL
);
CREATE INDEX messages_by_movement ON messages (movement, id);
CREATE INDEX messages_by_owner ON messages (owner, id);
CREATE TABLE submissions (
    party TEXT NOT NULL,
    identification TEXT NOT NULL,
    digest TEXT NOT NULL,
    message BIGINT NOT NULL,
    PRIMARY KEY (party, identification)
);
CREATE TABLE movements (
    room TEXT NOT NULL,
    state_key TEXT NOT NULL,
    movement TEXT NOT NULL,
    mrn TEXT NOT NULL,
    lrn TEXT NOT NULL,
    office TEXT NOT NULL,
    state TEXT NOT NULL,
    owner TEXT NOT NULL,
    holder TEXT NOT NULL,
    waits_for_officer BIGINT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    change BIGINT NOT NULL,
    PRIMARY KEY (room, state_key)
);
CREATE UNIQUE INDEX movements_by_change ON movements (change);
CREATE INDEX movements_by_room ON movements (room, state, change);
CREATE INDEX movements_by_name ON movements (movement);
CREATE INDEX movements_by_mrn ON movements (mrn);
CREATE TABLE records (
    room TEXT NOT NULL,
    state_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (room, state_key, kind)
);
CREATE TABLE decisions (
    id BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    message BIGINT NOT NULL,
    recipient TEXT NOT NULL,
    clause TEXT NOT NULL,
    outcome TEXT NOT NULL,
    record BLOB NOT NULL
);
CREATE TABLE principals (
    token_digest TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password TEXT NOT NULL,
    created BIGINT NOT NULL
);
CREATE TABLE sessions (
    token_digest TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    form_token TEXT NOT NULL,
    expires BIGINT NOT NULL
);
",
}];
