use super::*;
use coset::cbor::Value;
use proptest::prelude::*;

fn accepted(hex: &str) -> bool {
    let bytes: Vec<u8> =
        (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
    check("sample", &bytes).is_ok()
}

#[test]
fn deterministic_items_are_accepted() {
    // RFC 8949 appendix A, the examples that are deterministic and without floating point.
    for hex in [
        "00",
        "01",
        "0a",
        "17",
        "1818",
        "1819",
        "1864",
        "1903e8",
        "1a000f4240",
        "1b000000e8d4a51000",
        "1bffffffffffffffff",
        "3bffffffffffffffff",
        "20",
        "29",
        "3863",
        "3903e7",
        "f4",
        "f5",
        "f6",
        "c074323031332d30332d32315432303a30343a30305a",
        "40",
        "4401020304",
        "60",
        "6161",
        "6449455446",
        "62c3bc",
        "63e6b0b4",
        "80",
        "83010203",
        "8301820203820405",
        "a0",
        "a201020304",
        "a26161016162820203",
        "826161a161626163",
    ] {
        assert!(accepted(hex), "{hex}");
    }
}

#[test]
fn other_encodings_are_refused() {
    for (hex, why) in [
        ("1817", "not shortest"),
        ("190017", "not shortest"),
        ("1a00000017", "not shortest"),
        ("1b0000000000000017", "not shortest"),
        ("5800", "not shortest length"),
        ("5f42010243030405ff", "indefinite bytes"),
        ("7f657374726561646d696e67ff", "indefinite text"),
        ("9fff", "indefinite array"),
        ("bf01ff", "indefinite map"),
        ("f90000", "half float"),
        ("fa47c35000", "float"),
        ("fb3ff199999999999a", "double"),
        ("f7", "undefined"),
        ("f0", "unassigned simple"),
        ("f818", "reserved simple"),
        ("a203040102", "keys out of order"),
        ("a201020103", "key twice"),
        ("c24400000000", "big number"),
        ("c340", "big number"),
        ("61ff", "not UTF-8"),
        ("0000", "trailing"),
        ("", "empty"),
        ("43 0102", "short"),
        ("8f", "short array"),
        ("9bffffffffffffffff", "false count"),
        ("bbffffffffffffffff", "false count"),
        ("5bffffffffffffffff", "false length"),
        ("818181818181818181818181818101", "too deep"),
    ] {
        assert!(!accepted(&hex.replace(' ', "")), "{why}");
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|n| Value::Integer(n.into())),
        any::<u64>().prop_map(|n| Value::Integer(n.into())),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
        ".{0,30}".prop_map(Value::Text),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| prop::collection::vec(inner, 0..6).prop_map(Value::Array))
}

proptest! {
    #[test]
    fn the_writer_agrees_with_an_independent_library(n in any::<u64>(), i in any::<i64>(), b in prop::collection::vec(any::<u8>(), 0..400), t in ".{0,80}", x in any::<bool>()) {
        let mut writer = Writer::new();
        writer.array(6).uint(n).int(i).bytes(&b).text(&t).boolean(x).null();
        let ours = writer.finish();
        let theirs = Value::Array(vec![Value::Integer(n.into()), Value::Integer(i.into()), Value::Bytes(b.clone()), Value::Text(t.clone()), Value::Bool(x), Value::Null]);
        let mut expected = Vec::new();
        coset::cbor::into_writer(&theirs, &mut expected).unwrap();
        prop_assert_eq!(&ours, &expected);
        let mut reader = Reader::new("sample", &ours);
        reader.array_of(6).unwrap();
        prop_assert_eq!(reader.uint().unwrap(), n);
        prop_assert_eq!(reader.int().unwrap(), i);
        prop_assert_eq!(reader.bytes().unwrap(), &b[..]);
        prop_assert_eq!(reader.text().unwrap(), &t);
        prop_assert_eq!(reader.boolean().unwrap(), x);
        prop_assert!(reader.null());
        reader.end().unwrap();
    }

    #[test]
    fn what_an_independent_library_writes_deterministically_is_accepted(value in value()) {
        let mut bytes = Vec::new();
        coset::cbor::into_writer(&value, &mut bytes).unwrap();
        check("sample", &bytes).unwrap();
    }

    #[test]
    fn what_is_accepted_is_its_own_re_encoding(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
        if check("sample", &bytes).is_ok() {
            let value: Value = coset::cbor::from_reader(&bytes[..]).unwrap();
            let mut again = Vec::new();
            coset::cbor::into_writer(&value, &mut again).unwrap();
            prop_assert_eq!(again, bytes);
        }
    }
}
