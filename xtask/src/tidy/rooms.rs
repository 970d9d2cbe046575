//! Which room may use which, and which guests may enter it. Arrows point inward.

use super::Report;
use serde_json::Value;

/// The rooms and those that each may use. `sim` is for development only and may use every room.
const ROOMS: [(&str, &[&str]); 14] = [
    ("base", &[]),
    ("agreements", &["base"]),
    ("customs", &["base"]),
    ("evidence", &["base"]),
    ("exchange", &["base", "evidence"]),
    ("verifier", &["base", "evidence"]),
    ("wire", &["base"]),
    ("store", &["base"]),
    ("node", &["base", "agreements", "customs", "evidence", "exchange", "verifier", "wire", "store"]),
    ("web", &["base", "node"]),
    ("corridor", &["base", "wire", "node"]),
    (
        "sim",
        &[
            "base",
            "agreements",
            "customs",
            "evidence",
            "exchange",
            "verifier",
            "wire",
            "store",
            "node",
            "web",
            "corridor",
        ],
    ),
    ("tidewaiter", &["base", "verifier", "wire", "node", "web", "corridor"]),
    ("xtask", &[]),
];

/// Rooms that know no clock, no network and no disk: the only guests that each may have, besides those of
/// [`EVERYWHERE`]. A new one needs a line here and a reason beside it in the manifest.
const PURE_ROOMS: [(&str, &[&str]); 8] = [
    ("base", &["jiff", "rust_decimal"]),
    ("agreements", &["cedar-policy", "sha2", "toml"]),
    ("customs", &["rust_decimal"]),
    ("evidence", &["aws-lc-rs", "base64", "coset", "ciborium", "hpke", "sha2", "zeroize"]),
    ("exchange", &["ciborium", "coset"]),
    ("verifier", &[]),
    ("wire", &["quick-xml", "regex"]),
    ("store", &["postgres", "rusqlite", "sha2"]),
];

/// Guests without behaviour of their own.
const EVERYWHERE: [&str; 3] = ["serde", "serde_json", "thiserror"];

/// Guests that are kept in few rooms, in which case the reason.
const KEPT: [(&str, &[&str], &str); 9] = [
    ("cedar-policy", &["agreements"], "it is a slow build, and only agreements decide what may leave"),
    ("aws-lc-rs", &["evidence"], "it is a slow build, and keys are handled in one place"),
    ("hpke", &["evidence"], "keys are handled in one place"),
    ("coset", &["evidence"], "statements have one form"),
    ("rusqlite", &["store"], "one port, two adapters"),
    ("postgres", &["store"], "one port, two adapters"),
    ("quick-xml", &["wire", "xtask"], "messages are read and written by one engine"),
    ("axum", &["web", "sim"], "nothing inside knows HTTP routes"),
    ("askama", &["web"], "nothing inside knows pages"),
];

/// Checks what cargo says of the packages of the workspace.
pub fn check(metadata: &Value, report: &mut Report) -> Result<(), String> {
    let packages = metadata.get("packages").and_then(Value::as_array);
    for package in packages.ok_or("cargo metadata lists no packages")? {
        let room = room_of(text(package, "name"));
        if !ROOMS.iter().any(|(name, _)| *name == room) {
            report
                .errors
                .push(format!("`{room}` is no room of the house; add it to ROOMS with what it may use"));
            continue;
        }
        let dependencies = package.get("dependencies").and_then(Value::as_array);
        for dependency in dependencies.into_iter().flatten() {
            check_dependency(room, dependency, report);
        }
    }
    Ok(())
}

fn check_dependency(room: &str, dependency: &Value, report: &mut Report) {
    let name = text(dependency, "name");
    let used = room_of(name);
    let for_tests = text(dependency, "kind") == "dev";
    if ROOMS.iter().any(|(name, _)| *name == used) {
        let allowed = may_use(room, used) || (for_tests && (used == room || room == "tidewaiter"));
        if !allowed {
            report.errors.push(format!("`{room}` must not use `{used}`; it may use {}", rooms_for(room)));
        }
        return;
    }
    // What tests bring along does not reach whoever uses the room.
    if for_tests {
        return;
    }
    let pure = PURE_ROOMS.iter().find(|(name, _)| *name == room);
    if let Some((_, guests)) = pure
        && !guests.contains(&name)
        && !EVERYWHERE.contains(&name)
    {
        report.errors.push(format!("`{room}` must not depend on `{name}`; it is pure and has few guests"));
    }
    let kept = KEPT.iter().find(|(guest, _, _)| *guest == name);
    if let Some((_, rooms, reason)) = kept
        && !rooms.contains(&room)
        && pure.is_none()
    {
        report.errors.push(format!("`{room}` must not depend on `{name}`: {reason}"));
    }
}

fn may_use(room: &str, used: &str) -> bool {
    ROOMS.iter().any(|(name, uses)| *name == room && uses.contains(&used))
}

fn rooms_for(room: &str) -> String {
    let uses = ROOMS.iter().find(|(name, _)| *name == room).map(|(_, uses)| uses.join(", "));
    uses.filter(|uses| !uses.is_empty()).unwrap_or_else(|| "no other room".to_owned())
}

/// `tidewaiter-base` is the room `base`.
fn room_of(package: &str) -> &str {
    package.strip_prefix("tidewaiter-").unwrap_or(package)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn errors(room: &str, dependency: &str, kind: Option<&str>) -> Vec<String> {
        let metadata = json!({"packages": [
            {"name": room, "dependencies": [{"name": dependency, "kind": kind}]}
        ]});
        let mut report = Report::default();
        check(&metadata, &mut report).unwrap();
        report.errors
    }

    #[test]
    fn arrows_point_inward() {
        let cases = [
            ("tidewaiter-base", "tidewaiter-wire", "`base` must not use `wire`; it may use no other room"),
            ("tidewaiter-customs", "tidewaiter-store", "`customs` must not use `store`; it may use base"),
            ("tidewaiter-web", "tidewaiter-store", "`web` must not use `store`; it may use base, node"),
            ("tidewaiter-exchange", "tidewaiter-evidence", ""),
            ("tidewaiter-sim", "tidewaiter-web", ""),
            ("tidewaiter", "tidewaiter-node", ""),
            (
                "tidewaiter",
                "tidewaiter-sim",
                "`tidewaiter` must not use `sim`; it may use base, verifier, wire, node, web, corridor",
            ),
            (
                "tidewaiter-lake",
                "serde",
                "`lake` is no room of the house; add it to ROOMS with what it may use",
            ),
        ];
        for (room, dependency, expected) in cases {
            assert_eq!(errors(room, dependency, None).join(""), expected, "{room} -> {dependency}");
        }
    }

    #[test]
    fn guests_stay_in_their_rooms() {
        let pure = "it is pure and has few guests";
        let cases = [
            ("tidewaiter-customs", "tokio", pure),
            ("tidewaiter-store", "tokio", pure),
            ("tidewaiter-evidence", "tokio", pure),
            ("tidewaiter-exchange", "aws-lc-rs", pure),
            ("tidewaiter-node", "cedar-policy", "it is a slow build"),
            ("tidewaiter-web", "rusqlite", "one port, two adapters"),
            ("tidewaiter-node", "axum", "nothing inside knows HTTP routes"),
            ("tidewaiter-node", "tokio", ""),
            ("tidewaiter-base", "jiff", ""),
            ("tidewaiter-customs", "serde", ""),
        ];
        for (room, guest, expected) in cases {
            let found = errors(room, guest, None).join("");
            assert!(
                found.contains(expected) && found.is_empty() == expected.is_empty(),
                "{room} -> {guest}: {found}"
            );
        }
        assert_eq!(errors("tidewaiter-customs", "insta", Some("dev")), Vec::<String>::new());
        assert_eq!(errors("tidewaiter-customs", "tidewaiter-wire", Some("dev")).len(), 1);
        assert_eq!(errors("tidewaiter-store", "tidewaiter-store", Some("dev")), Vec::<String>::new());
    }
}
