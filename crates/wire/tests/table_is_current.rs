//! The committed message table is what the generator makes of the reference schemas.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../xtask/src/gen.rs"]
#[allow(dead_code, missing_docs)]
mod generator;
mod support;

#[test]
fn the_generator_makes_the_committed_table_byte_for_byte() {
    let Some(data) = support::data() else { return };
    let made = generator::table(&data).unwrap();
    let committed = include_str!("../tables/ncts-p5.table");
    let first =
        made.lines().zip(committed.lines()).enumerate().find(|(_, (made, committed))| made != committed);
    assert_eq!(first, None, "run `cargo xtask gen`");
    assert!(made == committed, "run `cargo xtask gen`");
}

#[test]
fn the_generator_writes_what_it_makes() {
    let Some(data) = support::data() else { return };
    let out = std::env::temp_dir().join(format!("tidewaiter-table-{}", std::process::id()));
    generator::run(&data, &out).unwrap();
    let written = std::fs::read_to_string(&out).unwrap();
    std::fs::remove_file(&out).unwrap();
    assert!(written == include_str!("../tables/ncts-p5.table"));
}

#[test]
fn a_folder_without_schemas_is_refused_by_name() {
    let error = generator::table(std::path::Path::new("nowhere")).unwrap_err();
    assert!(error.contains("nowhere"), "{error}");
}
