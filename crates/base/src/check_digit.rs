//! The check digit that MRN, GRN and container numbers share.

/// The value of a character: digits count as themselves; letters start at 10 and skip the multiples of 11, so that
/// `A` = 10, `B` = 12, `L` = 23, `V` = 34, `Z` = 38 (ISO 6346:2022 annex A; DGXXI/0879/99 Rev. 1).
fn value(byte: u8) -> Option<u32> {
    match byte {
        b'0'..=b'9' => Some(u32::from(byte - b'0')),
        b'A'..=b'Z' => {
            let position = u32::from(byte - b'A');
            Some(10 + position + position.div_ceil(10))
        }
        _ => None,
    }
}

/// The check digit over `text`: the sum of value x 2^position, modulo 11, with 10 written as 0.
///
/// `None` when the text holds a character other than a digit or a capital letter.
pub(crate) fn over(text: &str) -> Option<u8> {
    let mut sum = 0u32;
    let mut weight = 1u32;
    for byte in text.bytes() {
        // The weight is kept modulo 11, which leaves the result as it is and cannot overflow.
        sum = (sum + value(byte)? * weight) % 11;
        weight = weight * 2 % 11;
    }
    // The sum is below 11 here, so the conversion holds.
    u8::try_from(sum % 10).ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn letters_skip_the_multiples_of_eleven() {
        let of = |letter: u8| super::value(letter);
        assert_eq!(
            [of(b'A'), of(b'B'), of(b'K'), of(b'L'), of(b'U'), of(b'V'), of(b'Z')]
                .map(Option::unwrap_or_default),
            [10, 12, 21, 23, 32, 34, 38]
        );
    }

    #[test]
    fn remainder_ten_is_written_as_zero() {
        assert_eq!(super::over("23GB000246YHVFYMJ"), Some(0));
        assert_eq!(super::over("23GB000060KNEJKEJ"), Some(3));
    }
}
