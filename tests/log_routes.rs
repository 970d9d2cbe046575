//! The log over HTTP: addresses, media types, what caches may keep, and who gets entries.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use axum::{Extension, Router};
use evidence::merkle::{self, leaf_hash};
use evidence::tile::{Tile, decode_entries};
use node::{Config, Node, Role, World};
use std::collections::BTreeSet;
use std::sync::Arc;
use support::witnesses::{Federation, administration, entry, leaves};
use tower::ServiceExt;
use web::server::Operations;

struct Answer {
    status: StatusCode,
    media_type: String,
    cache: String,
    body: Vec<u8>,
}

async fn get(router: &Router, path: &str, token: &str) -> Answer {
    let mut request = Request::builder().uri(path);
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let header = |name| {
        let value = parts.headers.get(name);
        value.map(|value: &header::HeaderValue| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    Answer {
        status: parts.status,
        media_type: header(header::CONTENT_TYPE),
        cache: header(header::CACHE_CONTROL),
        body: to_bytes(body, 1 << 20).await.unwrap().to_vec(),
    }
}

/// A node whose log has 700 entries below a checkpoint, with an auditor and an officer.
struct Desk {
    node: Arc<Node>,
    front: Router,
    auditor: String,
    officer: String,
    federation: Federation,
}

async fn desk() -> Desk {
    let federation = Federation::prepared(700).await;
    let config = federation.office("GB").config.clone();
    let register =
        |name: &str, role| node::register_principal(&config, name, role, "", &BTreeSet::new()).unwrap();
    let (auditor, officer) = (register("auditor", Role::Auditor), register("second", Role::Officer));
    let node = Node::open(Config::load(&config).unwrap(), World::system()).await.unwrap();
    let front = web::server::front(Arc::clone(&node), Operations::Apart);
    Desk { node, front, auditor, officer, federation }
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_and_hashes_are_for_anyone() {
    let desk = desk().await;
    let key = desk.federation.office("FR").card().tls_spki;
    let visitor = web::peer::Visitor { key, address: "192.0.2.7:443".to_owned() };
    let peers = web::peer::routes(Arc::clone(&desk.node)).layer(Extension(visitor));
    for router in [&desk.front, &peers] {
        if desk.node.log_checkpoint().await.unwrap().is_none() {
            assert_eq!(get(router, "/log/checkpoint", "").await.status, StatusCode::NOT_FOUND);
            assert_eq!(get(router, "/log/tile/0/000", "").await.status, StatusCode::NOT_FOUND);
            desk.node.sign_checkpoint().await.unwrap();
        }
        let checkpoint = get(router, "/log/checkpoint", "").await;
        assert_eq!(
            (checkpoint.status, checkpoint.media_type.as_str()),
            (StatusCode::OK, "text/plain; charset=utf-8")
        );
        assert_eq!(checkpoint.cache, "public, max-age=1");
        assert!(checkpoint.body.starts_with(b"tidewaiter.example/GB\n700\n"));
        let all = leaves(700, 0);
        let tile_root = |n: usize| merkle::root(&all[n * 256..(n + 1) * 256]);
        for (path, hashes) in [
            ("/log/tile/0/000", all[..256].to_vec()),
            ("/log/tile/0/001", all[256..512].to_vec()),
            ("/log/tile/0/002.p/188", all[512..].to_vec()),
            // The partial tile of an earlier checkpoint, and of one that is full by now.
            ("/log/tile/0/002.p/3", all[512..515].to_vec()),
            ("/log/tile/0/000.p/7", all[..7].to_vec()),
            ("/log/tile/1/000.p/2", vec![tile_root(0), tile_root(1)]),
        ] {
            let answer = get(router, path, "").await;
            assert_eq!(
                (answer.status, answer.media_type.as_str()),
                (StatusCode::OK, "application/octet-stream")
            );
            assert_eq!(answer.cache, "public, max-age=31536000, immutable");
            assert!(answer.body == hashes.concat(), "{path}");
        }
        for path in [
            "/log/tile/0/002",
            "/log/tile/0/002.p/189",
            "/log/tile/0/003.p/1",
            "/log/tile/1/000",
            "/log/tile/1/000.p/3",
            "/log/tile/2/000.p/1",
            "/log/tile/0/0",
            "/log/tile/00/000",
            "/log/tile/0/../0/000",
        ] {
            assert_eq!(get(router, path, "").await.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
    // Partners get no bundles, whoever they are.
    assert_eq!(get(&peers, "/log/tile/entries/000", &desk.auditor).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_for_auditors_and_single_ones_for_the_staff() {
    let desk = desk().await;
    desk.node.sign_checkpoint().await.unwrap();
    let status = async |path: &str, token: &str| get(&desk.front, path, token).await.status.as_u16();
    assert_eq!(status("/log/tile/entries/000", "").await, 401);
    assert_eq!(status("/log/tile/entries/000", &desk.officer).await, 403);
    assert_eq!(status("/log/tile/entries/003", &desk.auditor).await, 404);
    let bundle = get(&desk.front, "/log/tile/entries/002.p/188", &desk.auditor).await;
    assert_eq!(
        (bundle.media_type.as_str(), bundle.cache.as_str()),
        ("application/octet-stream", "private, no-store")
    );
    let tile = Tile::in_tree(0, 2, 700).unwrap();
    let entries = decode_entries(tile, &bundle.body).unwrap();
    assert!(entries.iter().zip(512..).all(|(found, number)| *found == entry(number, 0)));
    for token in [&desk.auditor, &desk.officer] {
        let answer = get(&desk.front, "/api/v1/log/entries/123", token).await;
        assert_eq!((answer.media_type.as_str(), &answer.body), ("application/cose", &entry(123, 0)));
        let proof = get(&desk.front, "/api/v1/log/entries/123/proof", token).await;
        let proof: serde_json::Value = serde_json::from_slice(&proof.body).unwrap();
        assert_eq!((&proof["index"], &proof["size"]), (&123.into(), &700.into()));
        assert_eq!(proof["leaf"], base::Digest(leaf_hash(&entry(123, 0))).to_string());
        assert_eq!(proof["path"].as_array().unwrap().len(), 10);
        assert_eq!(status("/api/v1/log/entries/700", token).await, 404);
    }
    // What is no statement has no parties, so that no partner gets it.
    assert_eq!(desk.node.log_entry_for(&administration("FR"), 123).await.unwrap(), None);
}
