//! Fingerprints: forty digits that people compare by voice.

use evidence::{Digest, digest_of};

/// Forty digits in eight groups of five for the SHA-256 of `bytes`. They stand for 133 of its bits: nobody finds other
/// bytes with the same digits.
pub(super) fn fingerprint(bytes: &[u8]) -> String {
    let Digest(digest) = digest_of(bytes);
    let groups = digest.chunks(4).map(|group| {
        let number = group.iter().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
        format!("{:05}", number % 100_000)
    });
    groups.collect::<Vec<_>>().join(" ")
}

/// Whether somebody entered this fingerprint: all of its digits, in any grouping.
pub fn same_fingerprint(entered: &str, fingerprint: &str) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let only_digits = entered.chars().all(|letter| letter.is_ascii_digit() || " -\t\n".contains(letter));
    only_digits && digits(entered) == digits(fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_entered_in_any_grouping_and_never_in_part() {
        let shown = fingerprint(b"an invitation");
        assert_eq!(shown.len(), 8 * 5 + 7);
        assert!(same_fingerprint(&shown, &shown));
        assert!(same_fingerprint(&shown.replace(' ', ""), &shown));
        assert!(same_fingerprint(&format!("{}\n", shown.replace(' ', "-")), &shown));
        assert!(!same_fingerprint(&shown[..40], &shown));
        assert!(!same_fingerprint("", &shown));
        assert!(!same_fingerprint(&format!("x{shown}"), &shown));
        assert_ne!(fingerprint(b"an invitation."), shown);
    }
}
