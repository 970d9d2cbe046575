//! The keys of a file as a JSON Web Key Set (RFC 7517), for tools that know nothing of cards.

use base64url::encode;
use evidence::key_register::SignedRegister;
use evidence::{PublicKeys, VerifyingKey};
use serde_json::{Value, json};

/// The keys of all cards and registers: signing, log and witness keys as JWKs (RFC 8037 for Ed25519), with the COSE key thumbprint as
/// `kid`, and whose they are, for what and when as members of our own.
pub(crate) fn of(cards: &[PublicKeys], registers: &[SignedRegister]) -> Value {
    let mut keys = Vec::new();
    for card in cards {
        let purposes: [(&str, VerifyingKey); 3] =
            [("sign", card.sign), ("log", card.log.into()), ("witness", card.witness.into())];
        for (purpose, key) in purposes {
            let mut jwk = jwk(&key);
            if let Value::Object(members) = &mut jwk {
                members.insert("kid".to_owned(), key.key_id().to_string().into());
                members.insert("administration".to_owned(), card.administration.to_string().into());
                members.insert("purpose".to_owned(), purpose.into());
                members.insert("valid_from".to_owned(), card.valid_from.to_string().into());
                members.insert("valid_until".to_owned(), card.valid_until.to_string().into());
            }
            keys.push(jwk);
        }
    }
    for entry in registers.iter().flat_map(|signed| &signed.register().entries) {
        let Some(key) = entry.key.verifying() else { continue };
        let mut jwk = jwk(&key);
        if let Value::Object(members) = &mut jwk {
            members.insert("kid".to_owned(), key.key_id().to_string().into());
            members.insert("administration".to_owned(), entry.administration.to_string().into());
            members.insert("purpose".to_owned(), entry.key.purpose().to_string().into());
            members.insert("valid_from".to_owned(), entry.from.to_string().into());
            members.insert("valid_until".to_owned(), entry.until.to_string().into());
            if let Some(revocation) = entry.revocation {
                members.insert("revoked_from_log_position".to_owned(), revocation.position.into());
            }
        }
        if !keys.contains(&jwk) {
            keys.push(jwk);
        }
    }
    json!({ "keys": keys })
}

fn jwk(key: &VerifyingKey) -> Value {
    match key {
        VerifyingKey::EdDsa(key) => {
            json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "x": encode(key.as_bytes()) })
        }
        VerifyingKey::Es256(key) => {
            let (x, y) = key.coordinates().split_at(32);
            json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "x": encode(x), "y": encode(y) })
        }
    }
}

/// Base64url without padding (RFC 4648 section 5).
mod base64url {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    pub(super) fn encode(bytes: &[u8]) -> String {
        let mut out = String::new();
        for group in bytes.chunks(3) {
            let bits =
                group.iter().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
            for place in 0..=group.len() {
                let index = (bits >> (18 - 6 * place)) & 63;
                let letter = usize::try_from(index).ok().and_then(|index| ALPHABET.get(index));
                out.push(char::from(letter.copied().unwrap_or(b'A')));
            }
        }
        out
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn it_is_that_of_rfc_4648() {
            // Section 10, in the alphabet of section 5 and without padding.
            for (plain, encoded) in [
                ("", ""),
                ("f", "Zg"),
                ("fo", "Zm8"),
                ("foo", "Zm9v"),
                ("foob", "Zm9vYg"),
                ("fooba", "Zm9vYmE"),
            ] {
                assert_eq!(super::encode(plain.as_bytes()), encoded);
            }
            assert_eq!(super::encode(&[0xfb, 0xff]), "-_8");
        }
    }
}
