//! The few words in which the engines differ.
//!
//! | Portable | SQLite | PostgreSQL |
//! |---|---|---|
//! | `?1` | `?1` | `$1` |
//! | `BIGINT` | `INTEGER` (so that a `BIGINT PRIMARY KEY` is the row's own number) | `BIGINT` |
//! | `REAL` | `REAL` | `DOUBLE PRECISION` |
//! | `TEXT` | `TEXT` | `TEXT COLLATE "C"` (both sort by bytes) |
//! | `BLOB` | `BLOB` | `BYTEA` |
//! | `create table (...)` | `... strict` (a column takes its own kind only) | as it is |
//! | `alter table ... set statistics 0` | nothing: it gathers none | as it is: no samples of the column are kept |
//! | `alter table ... alter column ... type` the same | nothing | as it is: the samples that were kept go |
//!
//! Types are translated in migrations only, and only when written in capitals, so that a column may be called `text`.

use crate::Engine;

/// A piece of SQL text: code, or something that no rewriting may touch (a quoted text or name, a comment).
enum Piece<'t> {
    Code(&'t str),
    Kept(&'t str),
}

/// Splits SQL into code and kept pieces.
fn pieces(sql: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = sql;
    while !rest.is_empty() {
        let starts = ["'", "\"", "--", "/*"];
        let opening = starts.iter().filter_map(|start| rest.find(start).map(|at| (at, *start))).min();
        let Some((at, start)) = opening else {
            found.push(Piece::Code(rest));
            break;
        };
        let (code, kept) = rest.split_at(at);
        found.push(Piece::Code(code));
        let end = match start {
            "--" => "\n",
            "/*" => "*/",
            quote => quote,
        };
        // A doubled quote reads as two quoted pieces that touch, which comes to the same.
        let after = kept.get(start.len()..).unwrap_or_default();
        let length = after.find(end).map_or(kept.len(), |at| start.len() + at + end.len());
        let (kept, following) = kept.split_at(length);
        found.push(Piece::Kept(kept));
        rest = following;
    }
    found
}

/// A statement with its placeholders in the engine's form.
pub(crate) fn statement(engine: Engine, sql: &str) -> String {
    if engine == Engine::Sqlite {
        return sql.to_owned();
    }
    let rewritten = pieces(sql).into_iter().map(|piece| match piece {
        Piece::Code(code) => code.replace('?', "$"),
        Piece::Kept(kept) => kept.to_owned(),
    });
    rewritten.collect()
}

/// The statements of a migration in the engine's own words.
pub(crate) fn schema(engine: Engine, sql: &str) -> Vec<String> {
    let mut statements = vec![String::new()];
    for piece in pieces(sql) {
        match piece {
            Piece::Kept(kept) => push(&mut statements, kept),
            Piece::Code(code) => {
                for (index, part) in code.split(';').enumerate() {
                    if index > 0 {
                        statements.push(String::new());
                    }
                    push(&mut statements, &types(engine, part));
                }
            }
        }
    }
    let trimmed =
        statements.iter().map(|statement| statement.trim()).filter(|statement| !statement.is_empty());
    let spoken = trimmed.filter(|statement| engine == Engine::Postgres || !is_on_statistics(statement));
    spoken.map(|statement| closed_types(engine, statement)).collect()
}

fn push(statements: &mut [String], text: &str) {
    if let Some(last) = statements.last_mut() {
        last.push_str(text);
    }
}

/// Replaces the portable type words of a piece of code.
fn types(engine: Engine, code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = code;
    while !rest.is_empty() {
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, following) = rest.split_at(length);
        out.push_str(match (engine, word) {
            (Engine::Sqlite, "BIGINT") => "INTEGER",
            (Engine::Postgres, "INTEGER") => "BIGINT",
            (Engine::Postgres, "REAL") => "DOUBLE PRECISION",
            (Engine::Postgres, "TEXT") => "TEXT COLLATE \"C\"",
            (Engine::Postgres, "BLOB") => "BYTEA",
            _ => word,
        });
        let gap = following.find(is_word).unwrap_or(following.len());
        let (between, next) = following.split_at(gap);
        out.push_str(between);
        rest = next;
    }
    out
}

/// Whether a statement says what statistics are kept of a column, or takes those away that are.
fn is_on_statistics(statement: &str) -> bool {
    let words: Vec<&str> = statement.split_whitespace().collect();
    matches!(
        words.as_slice(),
        ["alter", "table", _, "alter", "column", _, "set", "statistics", _]
            | ["alter", "table", _, "alter", "column", _, "type", ..]
    )
}

/// Makes SQLite check column types as PostgreSQL does.
fn closed_types(engine: Engine, statement: &str) -> String {
    let creates_table = statement.get(..12).is_some_and(|head| head.eq_ignore_ascii_case("create table"));
    if engine == Engine::Sqlite && creates_table && statement.ends_with(')') {
        format!("{statement} strict")
    } else {
        statement.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_change_in_code_only() {
        let sql = "select '?1', \"a?\" from t where a = ?1 /* ?2 */ and b = ?12 -- ?3\n and c = 'it''s ?4' and d = ?5";
        let expected = "select '?1', \"a?\" from t where a = $1 /* ?2 */ and b = $12 -- ?3\n and c = 'it''s ?4' and d = $5";
        assert_eq!(statement(Engine::Postgres, sql), expected);
        assert_eq!(statement(Engine::Sqlite, sql), sql);
    }

    #[test]
    fn a_migration_speaks_each_engine() {
        let sql = "create table t (id BIGINT primary key, TEXTS TEXT not null default 'BLOB; TEXT', b BLOB, r REAL); \
                   create index i on t (b) ; ";
        assert_eq!(
            schema(Engine::Sqlite, sql),
            [
                "create table t (id INTEGER primary key, TEXTS TEXT not null default 'BLOB; TEXT', b BLOB, r REAL) strict",
                "create index i on t (b)",
            ]
        );
        assert_eq!(
            schema(Engine::Postgres, sql),
            [
                "create table t (id BIGINT primary key, TEXTS TEXT COLLATE \"C\" not null default 'BLOB; TEXT', \
                 b BYTEA, r DOUBLE PRECISION)",
                "create index i on t (b)",
            ]
        );
        let sql = "alter table t alter column b set statistics 0;";
        assert_eq!(schema(Engine::Sqlite, sql), [] as [&str; 0]);
        assert_eq!(schema(Engine::Postgres, sql), ["alter table t alter column b set statistics 0"]);
        let sql = "alter table t alter column b type TEXT";
        assert_eq!(schema(Engine::Sqlite, sql), [] as [&str; 0]);
        assert_eq!(schema(Engine::Postgres, sql), ["alter table t alter column b type TEXT COLLATE \"C\""]);
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost_or_panics(sql in "[ a-z?1'\"/*;\n-]{0,60}") {
            let joined: String = pieces(&sql)
                .iter()
                .map(|piece| match piece { Piece::Code(text) | Piece::Kept(text) => *text })
                .collect();
            proptest::prop_assert_eq!(joined, sql.clone());
            schema(Engine::Sqlite, &sql);
            proptest::prop_assert_eq!(statement(Engine::Postgres, &sql).len(), sql.len());
        }
    }
}
