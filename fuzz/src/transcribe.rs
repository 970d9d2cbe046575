//! A second reader and writer of CBOR, which shares no code with ours: it reads any definite encoding and writes the
//! deterministic one.

/// Reads one item and writes it in its deterministic encoding; gives what follows, or `None` when the item is broken.
pub fn item<'a>(bytes: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let (initial, rest) = bytes.split_first()?;
    let (major, info) = (initial >> 5, initial & 0x1f);
    let width = match info {
        0..=23 => 0,
        24..=27 => 1usize << (info - 24),
        _ => return None,
    };
    let (head, mut rest) = rest.split_at_checked(width)?;
    let value = match width {
        0 => u64::from(info),
        _ => head.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)),
    };
    write_head(major, value, out);
    match major {
        2 | 3 => {
            let (content, after) = rest.split_at_checked(usize::try_from(value).ok()?)?;
            if major == 3 {
                std::str::from_utf8(content).ok()?;
            }
            out.extend_from_slice(content);
            rest = after;
        }
        4 => {
            for _ in 0..value {
                rest = item(rest, out)?;
            }
        }
        5 => rest = map(value, rest, out)?,
        6 => rest = item(rest, out)?,
        _ => {}
    }
    Some(rest)
}

/// Writes the pairs of a map in the order of their encoded keys.
fn map<'a>(pairs: u64, mut rest: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let mut sorted = std::collections::BTreeMap::new();
    for _ in 0..pairs {
        let (mut key, mut value) = (Vec::new(), Vec::new());
        rest = item(rest, &mut key)?;
        rest = item(rest, &mut value)?;
        if sorted.insert(key, value).is_some() {
            return None;
        }
    }
    for (key, value) in sorted {
        out.extend(key);
        out.extend(value);
    }
    Some(rest)
}

fn write_head(major: u8, value: u64, out: &mut Vec<u8>) {
    let width: u8 = match value {
        0..=23 => 0,
        24..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    };
    let info = match width {
        0 => value.to_be_bytes()[7],
        width => 24 + width.trailing_zeros() as u8,
    };
    out.push((major << 5) | info);
    out.extend_from_slice(&value.to_be_bytes()[8 - usize::from(width)..]);
}
