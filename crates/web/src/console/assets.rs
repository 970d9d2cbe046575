//! The stylesheet and the mark, under addresses that change with their content, so that browsers may keep them for ever.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

const STYLESHEET: &str = include_str!("../../assets/console.css");
const MARK: &str = include_str!("../../assets/mark.svg");

/// The version of all assets: 64 bits of FNV-1a over their bytes. It tells versions apart and protects nothing.
const VERSION: u64 = fingerprint(fingerprint(0xcbf2_9ce4_8422_2325, STYLESHEET.as_bytes()), MARK.as_bytes());

const fn fingerprint(mut state: u64, bytes: &[u8]) -> u64 {
    let mut place = 0;
    while place < bytes.len() {
        state = (state ^ bytes[place] as u64).wrapping_mul(0x0100_0000_01b3);
        place += 1;
    }
    state
}

/// The address of the asset `name`.
pub fn address(name: &str) -> String {
    format!("/assets/{VERSION:016x}/{name}")
}

/// Serves an asset of the present version.
pub async fn serve(Path((version, name)): Path<(String, String)>) -> Response {
    let found = match name.as_str() {
        "console.css" => Some(("text/css; charset=utf-8", STYLESHEET)),
        "mark.svg" => Some(("image/svg+xml", MARK)),
        _ => None,
    };
    match found.filter(|_| version == format!("{VERSION:016x}")) {
        Some((kind, text)) => {
            let headers = [
                (header::CONTENT_TYPE, kind),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, text).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_is_fetched_from_nowhere_else() {
        for text in [STYLESHEET, MARK] {
            assert!(!text.contains("url("), "assets must not fetch others");
            assert!(!text.contains("@import"));
        }
        assert!(!STYLESHEET.contains("http"));
    }

    #[tokio::test]
    async fn the_present_version_is_immutable_and_others_are_absent() {
        let present = serve(Path((format!("{VERSION:016x}"), "console.css".to_owned()))).await;
        assert_eq!(present.status(), StatusCode::OK);
        assert!(present.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        let other = serve(Path(("0".to_owned(), "console.css".to_owned()))).await;
        assert_eq!(other.status(), StatusCode::NOT_FOUND);
    }
}
