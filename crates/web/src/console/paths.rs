//! Addresses of the console's pages, and which of them a sign-in may return to.

use std::fmt::Write;

/// The worklist, which is the console's first page.
pub const WORKLIST: &str = "/console";

/// The page of partners.
pub const PARTNERS: &str = "/console/partners";

/// The sign-in.
pub const SIGN_IN: &str = "/console/sign-in";

/// The longest address that a sign-in returns to; longer ones lead to the worklist.
const NEXT_LIMIT: usize = 2048;

/// `text` as one segment or value of an address: all but unreserved characters are escaped (RFC 3986, section 2.3).
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// The page of a movement, by its MRN or its key in this node.
pub fn movement(movement: &str) -> String {
    format!("/console/movements/{}", escape(movement))
}

/// The page of a message.
pub fn message(id: i64) -> String {
    format!("/console/messages/{id}")
}

/// The page of a guarantee account.
pub fn guarantee(grn: &str) -> String {
    format!("/console/guarantees/{}", escape(grn))
}

/// The sign-in that returns to `next`.
pub fn sign_in(next: &str) -> String {
    format!("{SIGN_IN}?next={}", escape(next))
}

/// An address with a query of those values that are not empty.
pub fn with_query(path: &str, values: &[(&str, &str)]) -> String {
    let mut address = path.to_owned();
    let mut separator = '?';
    for (name, value) in values.iter().filter(|(_, value)| !value.is_empty()) {
        // Writing to a string cannot fail.
        let _ = write!(address, "{separator}{name}={}", escape(value));
        separator = '&';
    }
    address
}

/// `next` if it is a page of this console to which a sign-in may lead, else the worklist.
///
/// Only the console's own paths pass, so that nobody can make a link to our sign-in that ends on another site.
pub fn safe_next(next: &str) -> &str {
    let inside = next
        .strip_prefix(WORKLIST)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest.starts_with('?'));
    let plain = next.len() <= NEXT_LIMIT && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let signs = next.starts_with("/console/sign-");
    let climbs = next.contains("/..") || next.contains("//");
    if inside && plain && !signs && !climbs { next } else { WORKLIST }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_returns_only_to_the_console() {
        let own =
            ["/console", "/console?state=Released&room=departure", "/console/movements/26GB000060KNEJKEJ3"];
        for next in own {
            assert_eq!(safe_next(next), next);
        }
        let foreign = [
            "",
            "/",
            "//evil.example/console",
            "https://evil.example/console",
            "/\\evil.example",
            "/console\\evil",
            "/console.evil.example",
            "/consoles",
            "/console/../api/v1/movements",
            "/console//evil.example",
            "/console\r\nSet-Cookie: a=b",
            "/console/sign-in?next=/console",
            "/console/sign-out",
            "javascript:alert(1)",
            "/console/\u{e9}",
        ];
        for next in foreign {
            assert_eq!(safe_next(next), WORKLIST, "for {next:?}");
        }
        assert_eq!(safe_next(&format!("/console/{}", "a".repeat(NEXT_LIMIT))), WORKLIST);
    }

    #[test]
    fn what_is_put_into_an_address_cannot_leave_its_place() {
        assert_eq!(movement("GB123/LRN 1?x#y"), "/console/movements/GB123%2FLRN%201%3Fx%23y");
        assert_eq!(movement("../partners"), "/console/movements/..%2Fpartners");
        assert_eq!(sign_in("/console?a=b&c"), "/console/sign-in?next=%2Fconsole%3Fa%3Db%26c");
        assert_eq!(
            with_query("/console", &[("room", ""), ("q", "a&b"), ("state", "X")]),
            "/console?q=a%26b&state=X"
        );
    }
}
