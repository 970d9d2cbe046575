//! What goes in comes out, and alike on every engine.

use crate::{on_every_engine, put, read, things, write};
use store::{StoreError, Value};

on_every_engine! {
    fn every_statement_prepares(place) {
        let store = place.store();
        let statements = store::statements();
        assert!(statements.len() > 40);
        for (name, sql) in statements {
            store.prepare(sql).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        assert!(store.prepare("select nothing from nowhere").is_err());
    }

    fn values_come_back_as_they_went(place) {
        let store = place.store();
        let rows = read(&store, |tx| tx.query("select * from things", &[]));
        assert_eq!(rows, []);
        write(&store, |tx| {
            let insert = "insert into things (id, name, weight, picture) values (?1, ?2, ?3, ?4)";
            tx.execute(insert, &[i64::MAX.into(), "Zoll – 税関".into(), 0.1.into(), vec![0_u8, 255].into()])?;
            tx.execute(insert, &[i64::MIN.into(), None::<&str>.into(), 3_i64.into(), None::<&[u8]>.into()])
        });
        let rows = read(&store, |tx| tx.query("select id, name, weight, picture from things order by id", &[]));
        assert_eq!(rows[0].int(0).unwrap(), i64::MIN);
        assert_eq!(rows[0].opt_text(1).unwrap(), None);
        assert_eq!(rows[0].real(2).unwrap(), 3.0);
        assert_eq!(rows[0].opt_bytes(3).unwrap(), None);
        assert_eq!(rows[1].int(0).unwrap(), i64::MAX);
        assert_eq!(rows[1].text(1).unwrap(), "Zoll – 税関");
        assert_eq!(rows[1].real(2).unwrap(), 0.1);
        assert_eq!(rows[1].bytes(3).unwrap(), [0, 255]);
        assert!(matches!(rows[1].text(0), Err(StoreError::Column { index: 0, .. })));
        assert!(matches!(rows[0].text(1), Err(StoreError::Column { found: "null", .. })));
        assert!(matches!(rows[0].int(9), Err(StoreError::Column { found: "nothing", .. })));
    }

    fn sums_and_comparisons_read_alike(place) {
        let store = place.store();
        write(&store, |tx| (1..=3).try_for_each(|id| put(tx, id).map(drop)));
        let sql = "select sum(id), count(*), max(id) > 2, avg(id), coalesce(sum(weight), 0) from things where id >= ?1";
        let rows = read(&store, |tx| tx.query(sql, &[2_i64.into()]));
        assert_eq!(rows[0].int(0).unwrap(), 5);
        assert_eq!(rows[0].int(1).unwrap(), 2);
        assert!(rows[0].flag(2).unwrap());
        assert_eq!(rows[0].real(3).unwrap(), 2.5);
        assert_eq!(rows[0].real(4).unwrap(), 0.0);
    }

    fn texts_sort_by_their_bytes(place) {
        let store = place.store();
        write(&store, |tx| {
            for (id, name) in ["b", "B", "a", "é", "_"].into_iter().enumerate() {
                let row = [i64::try_from(id).unwrap().into(), name.into()];
                tx.execute("insert into things (id, name) values (?1, ?2)", &row)?;
            }
            Ok(())
        });
        let names = read(&store, |tx| {
            let rows = tx.query("select name from things order by name", &[])?;
            rows.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<Vec<_>, _>>()
        });
        assert_eq!(names, ["B", "_", "a", "b", "é"]);
    }

    fn parameters_that_would_differ_are_refused(place) {
        let store = place.store();
        for value in [Value::from("a\0b"), Value::from(f64::NAN)] {
            let outcome = store.write(move |tx| tx.execute("insert into things (id, name) values (1, ?1)", &[value]));
            assert!(matches!(outcome, Err(StoreError::Parameter { position: 1, .. })));
        }
        let wrong_kind = store.write(|tx| tx.execute("insert into things (id, name) values (1, ?1)", &[vec![1_u8].into()]));
        assert!(matches!(wrong_kind, Err(StoreError::Constraint { .. } | StoreError::Statement { .. })));
        let too_many = store.write(|tx| tx.execute("insert into things (id) values (?1)", &[1_i64.into(), 2_i64.into()]));
        assert!(matches!(too_many, Err(StoreError::Statement { .. })));
        assert!(things(&store).is_empty());
    }
}

#[test]
fn no_room_hides_a_statement_from_the_list() {
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains("tx.execute(\"") && !text.contains("tx.query(\""), "{}", path.display());
        }
    }
}
