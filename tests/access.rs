//! Who may do what at a node's API, and what those see who run it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::json;
use support::service::{Answer, Service, SetUp, set_up};
use support::{declarations, tidewaiter, traders};

/// A node with the trader of our declarations and another one.
struct House {
    node: Service,
    other: String,
    _folder: tempfile::TempDir,
}

impl House {
    /// A node that releases by itself, or on officers' decisions.
    fn open(release: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secrets = set_up(&folder.path().join("gb"));
        let text = std::fs::read_to_string(&secrets.config).unwrap();
        let automatic = "release = \"automatic\"";
        assert!(text.contains(automatic));
        let text = text.replace(automatic, &format!("release = \"{release}\""));
        std::fs::write(&secrets.config, text).unwrap();
        let other = register(&secrets, "GB987654321000");
        let node = Service::start(secrets);
        node.register_guarantee();
        Self { node, other, _folder: folder }
    }

    fn declare(&self, number: usize) -> String {
        let answer = self.node.submit(&declarations::xml(&declarations::domestic(number)));
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.json()["movement"].as_str().unwrap().to_owned()
    }

    fn decide(&self, token: &str, movement: &str, decision: &str) -> Answer {
        let path = format!("/api/v1/movements/{movement}/decisions");
        self.node.post(token, &path, &json!({"decision": decision}))
    }
}

/// Registers a trader who acts for one EORI, and gives the token.
fn register(secrets: &SetUp, eori: &str) -> String {
    let config = secrets.config.display().to_string();
    let ran =
        tidewaiter(["principal", "--config", &config, "--role", "trader", "--name", "rival", "--eori", eori]);
    ran.expect_code(0).stdout.trim().to_owned()
}

#[test]
fn every_route_asks_for_a_token_and_a_role() {
    let house = House::open("automatic");
    let movement = house.declare(1);
    let routes = [
        ("POST", "/api/v1/messages".to_owned(), "<a/>"),
        ("GET", "/api/v1/messages".to_owned(), ""),
        ("GET", "/api/v1/messages/1".to_owned(), ""),
        ("GET", "/api/v1/movements".to_owned(), ""),
        ("GET", format!("/api/v1/movements/{movement}/messages"), ""),
        ("POST", format!("/api/v1/movements/{movement}/decisions"), "{\"decision\": \"release\"}"),
        ("GET", "/api/v1/guarantees".to_owned(), ""),
        ("GET", "/api/v1/guarantees/26GB0000000001236".to_owned(), ""),
        ("POST", "/api/v1/guarantees".to_owned(), "{}"),
        ("GET", "/api/v1/partners".to_owned(), ""),
        ("GET", "/metrics".to_owned(), ""),
        ("GET", "/health/live".to_owned(), ""),
        ("GET", "/health/ready".to_owned(), ""),
        ("GET", "/api/v1/nowhere".to_owned(), ""),
    ];
    let secrets = &house.node.secrets;
    let callers = ["", "wrong", &house.other, &secrets.trader, &secrets.officer, &secrets.operator];
    let names = ["nobody", "wrong", "rival", "trader", "officer", "operator"];
    let mut matrix = format!("{:<45}{}\n", "", names.map(|name| format!("{name:>9}")).concat());
    for (method, path, body) in routes {
        let shown = format!("{method} {}", path.replace(&movement, "{mrn}"));
        let statuses = callers.map(|token| {
            let answer = house.node.request(method, token, &path, "", body.as_bytes());
            let problem = answer.media_type == "application/problem+json";
            // Health and metrics speak to machines that read status and text.
            let plain = path.starts_with("/health") || path == "/metrics";
            assert!(answer.status < 400 || problem || plain, "{shown}: {}", answer.text());
            format!("{:>9}", answer.status)
        });
        matrix += &format!("{shown:<45}{}\n", statuses.concat());
    }
    insta::assert_snapshot!("routes", matrix);
}

#[test]
fn a_trader_does_not_see_what_is_another_traders() {
    let house = House::open("automatic");
    let movement = house.declare(1);
    let see = |token: &str, path: &str| house.node.get(token, path);
    let own = see(&house.node.secrets.trader, "/api/v1/messages").json();
    let ids: Vec<i64> =
        own["messages"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect();
    assert!(ids.len() > 2);
    for id in ids {
        assert_eq!(see(&house.other, &format!("/api/v1/messages/{id}")).status, 404);
    }
    assert_eq!(see(&house.other, "/api/v1/messages").json(), json!({"messages": []}));
    assert_eq!(see(&house.other, "/api/v1/movements").json()["movements"], json!([]));
    assert_eq!(see(&house.other, &format!("/api/v1/movements/{movement}/messages")).status, 404);
    let officers = see(&house.node.secrets.officer, &format!("/api/v1/movements/{movement}/messages")).json();
    assert!(officers["messages"].as_array().unwrap().len() > 2);
}

#[test]
fn a_trader_does_not_act_for_another() {
    let house = House::open("by-officer");
    let movement = house.declare(1);
    let invalidation = declarations::xml(&traders::invalidation("I1", &movement));
    let request = |token: &str| house.node.request("POST", token, "/api/v1/messages", "", &invalidation);
    assert_eq!(request(&house.other).status, 422);
    assert_eq!(request(&house.node.secrets.trader).status, 202);
}

#[test]
fn a_decision_is_an_officers_and_fits_the_state() {
    let house = House::open("by-officer");
    let movement = house.declare(1);
    let secrets = house.node.secrets.clone();
    assert_eq!(house.decide(&secrets.trader, &movement, "release").status, 403);
    assert_eq!(house.decide(&secrets.officer, "26GB000087000001J5X", "release").status, 404);
    assert_eq!(house.decide(&secrets.officer, &movement, "control-satisfactory").status, 409);
    assert_eq!(house.decide(&secrets.officer, &movement, "release").status, 202);
    let again = house.decide(&secrets.officer, &movement, "release");
    assert_eq!((again.status, again.media_type.as_str()), (409, "application/problem+json"));
    insta::assert_snapshot!(
        again.json()["detail"].as_str().unwrap(),
        @"officer: release does not fit a movement in state `Released`"
    );
    let unknown = house.decide(&secrets.officer, &movement, "celebrate");
    assert_eq!((unknown.status, unknown.media_type.as_str()), (422, "application/problem+json"));
}

#[test]
fn a_node_tells_how_it_is() {
    let house = House::open("automatic");
    house.declare(1);
    assert_eq!(house.node.get("", "/health/live").text(), "live\n");
    assert_eq!(house.node.get("", "/health/ready").text(), "ready\n");
    let metrics = house.node.get(&house.node.secrets.operator, "/metrics").text();
    let value = |name: &str| {
        let line = metrics.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}"));
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    assert!((value("tidewaiter_submissions_accepted_total") - 1.0).abs() < 1e-9);
    assert!(value("tidewaiter_store_commits_total") >= 1.0);
    assert!((value("tidewaiter_movements{room=\"departure\",state=\"Released\"}") - 1.0).abs() < 1e-9);
    for line in metrics.lines() {
        let comment = line.starts_with("# HELP tidewaiter_") || line.starts_with("# TYPE tidewaiter_");
        let sample =
            line.starts_with("tidewaiter_") && line.rsplit(' ').next().unwrap().parse::<f64>().is_ok();
        assert!(comment || sample, "`{line}`");
    }
}
