//! The node's own tables.
//!
//! What is decided by commits with the state that it belongs to: `cases` (where a movement's case is kept, and whose
//! it is), `records` (the document that a case rests on), `submissions` (what was said before, and what became of it),
//! `principals` and `sessions`; `partners` is in
//! [`crate::partners`], `documents` in [`crate::documents`]. What is kept to be shown: `messages` with their `bodies`, `decisions`, `notices`. `movements` is a read
//! table: lists are drawn from it and nothing is decided by it.

use crate::keys::records;
use crate::{documents, federation, messages, partners, proofs, redrives};
use store::Migration;

/// The node's own migrations, in the order in which they are applied.
pub const MIGRATIONS: &[Migration] = &[
    FIRST,
    partners::SCHEMA,
    partners::SUSPENSION,
    documents::SCHEMA,
    proofs::SCHEMA,
    federation::SCHEMA,
    records::SCHEMA,
    federation::SECOND_SCHEMA,
    documents::STAGES,
    redrives::SCHEMA,
    records::ORDERS,
    redrives::BY_FORMER,
    RECORDS_BY_LENGTH,
    messages::BODIES,
    UNSAMPLED,
    SAMPLES_GONE,
];

/// Finds the copies of a document among the records of cases by its length, so that erasing one does not read all.
const RECORDS_BY_LENGTH: Migration =
    Migration { name: "records-by-length", sql: "CREATE INDEX records_by_length ON records (length(body))" };

/// A server takes no samples of content into its statistics, where nothing would erase them.
const UNSAMPLED: Migration = Migration {
    name: "node-unsampled",
    sql: "
alter table bodies alter column body set statistics 0;
alter table messages alter column secret set statistics 0;
alter table documents alter column title set statistics 0;
alter table documents alter column words set statistics 0;
alter table notices alter column words set statistics 0;
alter table records alter column body set statistics 0;
",
};

/// What a server had sampled before goes: to give a column the type that it has takes its samples away, and changes nothing
/// else.
const SAMPLES_GONE: Migration = Migration {
    name: "node-samples-gone",
    sql: "
alter table messages alter column secret type BLOB;
alter table documents alter column title type TEXT;
alter table documents alter column words type TEXT;
alter table notices alter column words type TEXT;
alter table records alter column body type BLOB;
",
};

const FIRST: Migration = Migration {
    name: "node-0001",
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
    cause BIGINT NOT NULL,
    clause TEXT,
    exchange_id TEXT,
    label TEXT,
    secret BLOB,
    body BLOB NOT NULL
);
CREATE INDEX messages_by_movement ON messages (movement, id);
CREATE INDEX messages_by_owner ON messages (owner, id);
CREATE INDEX messages_by_exchange_id ON messages (exchange_id) WHERE exchange_id IS NOT NULL;
CREATE INDEX messages_by_outcome ON messages (outcome, id) WHERE outcome = 'held';
CREATE TABLE submissions (
    party TEXT NOT NULL,
    identification TEXT NOT NULL,
    digest TEXT NOT NULL,
    message BIGINT NOT NULL,
    result BLOB,
    PRIMARY KEY (party, identification)
);
CREATE INDEX submissions_by_message ON submissions (message);
CREATE TABLE cases (
    room TEXT NOT NULL,
    state_key TEXT NOT NULL,
    mrn TEXT NOT NULL,
    office TEXT NOT NULL,
    owner TEXT NOT NULL,
    PRIMARY KEY (room, state_key)
);
CREATE INDEX cases_by_mrn ON cases (mrn, room);
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
CREATE INDEX movements_by_lrn ON movements (lrn, change);
CREATE INDEX movements_by_owner ON movements (owner, change);
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
CREATE INDEX decisions_by_message ON decisions (message);
CREATE TABLE notices (
    id BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    room TEXT NOT NULL,
    movement TEXT NOT NULL,
    code TEXT NOT NULL,
    words TEXT NOT NULL
);
CREATE INDEX notices_by_movement ON notices (movement, id);
CREATE TABLE principals (
    token_digest TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password TEXT NOT NULL,
    identifications TEXT NOT NULL,
    created BIGINT NOT NULL
);
CREATE UNIQUE INDEX principals_by_name ON principals (name);
CREATE INDEX outbox_by_recipient ON outbox (recipient, status);
CREATE TABLE sessions (
    token_digest TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    form_token TEXT NOT NULL,
    expires BIGINT NOT NULL
);
",
};

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
