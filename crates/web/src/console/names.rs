//! Plain words for the codes of the field.

/// What an office is to a movement, by the name of its room.
pub fn room(room: &str) -> &str {
    match room {
        "departure" => "Office of departure",
        "passage" => "Office of transit",
        "destination" => "Office of destination",
        "guarantee" => "Office of guarantee",
        other => other,
    }
}

/// The rooms that movements are in, in the order of a journey.
pub const ROOMS: [&str; 3] = ["departure", "passage", "destination"];

/// A state, an event or an outcome in words: `UnderControl` and `under-control` both become `Under control`.
pub fn words(name: &str) -> String {
    match name {
        "WrittenOff" => return "Written off".to_owned(),
        "PreLodged" => return "Pre-lodged".to_owned(),
        _ => {}
    }
    let mut words = String::with_capacity(name.len() + 4);
    let mut after_small = false;
    for letter in name.chars() {
        if words.is_empty() {
            words.extend(letter.to_uppercase());
        } else if matches!(letter, '-' | '_' | ' ') {
            words.push(' ');
        } else if letter.is_uppercase() && after_small {
            words.push(' ');
            words.extend(letter.to_lowercase());
        } else {
            words.push(letter);
        }
        after_small = letter.is_lowercase();
    }
    words
}

/// What became of a message, in words.
pub fn outcome(name: &str) -> String {
    match name {
        "available" => "Ready for the trader".to_owned(),
        "internal" => "Within this administration".to_owned(),
        "held" => "Held for an officer".to_owned(),
        other => words(other),
    }
}

/// How a state or outcome looks: its words say what it is, this only helps the eye.
pub fn tone(name: &str) -> &'static str {
    match name.to_ascii_lowercase().as_str() {
        "writtenoff" | "released" | "delivered" | "accepted" | "available" | "cleared" | "valid" => "good",
        "notreleased" | "cancelled" | "rejected" | "refused" | "withheld" | "revoked" => "bad",
        "undercontrol" | "guaranteeunderamendment" | "underresolution" | "queued" | "held" => "wait",
        _ => "plain",
    }
}

/// A party of a message: a country, or the trader.
pub fn party(party: &str) -> &str {
    match party {
        "trader" => "Trader",
        code => country(code),
    }
}

/// What a message says, by its type as in `CC015C` (names of the messages of NCTS phase 5, DDNTA Appendix Q2). The
/// letter at the end is a version and may differ.
pub fn message(kind: &str) -> &'static str {
    let stem = kind.get(..5).unwrap_or(kind);
    MESSAGES.iter().find(|(code, _)| *code == stem).map_or("", |(_, name)| name)
}

const MESSAGES: &[(&str, &str)] = &[
    ("CC004", "Amendment accepted"),
    ("CC007", "Arrival notification"),
    ("CC009", "Invalidation decision"),
    ("CC013", "Declaration amendment"),
    ("CC014", "Invalidation request"),
    ("CC015", "Transit declaration"),
    ("CC017", "Departure control results"),
    ("CC019", "Discrepancies"),
    ("CC022", "Notification to amend the declaration"),
    ("CC023", "Notification to the guarantor"),
    ("CC025", "Goods release notification"),
    ("CC026", "Guarantee access codes"),
    ("CC028", "MRN allocated"),
    ("CC029", "Release for transit"),
    ("CC034", "Query on guarantees"),
    ("CC035", "Recovery notification"),
    ("CC037", "Response to a query on guarantees"),
    ("CC040", "Transit cancellation to the export system"),
    ("CC042", "Destination control results to the export system"),
    ("CC043", "Unloading permission"),
    ("CC044", "Unloading remarks"),
    ("CC045", "Write-off notification"),
    ("CC048", "Recovery communication to the export system"),
    ("CC051", "No release for transit"),
    ("CC054", "Request of release"),
    ("CC055", "Guarantee not valid"),
    ("CC056", "Rejection from the office of departure"),
    ("CC057", "Rejection from the office of destination"),
    ("CC060", "Control decision notification"),
    ("CC140", "Request on a movement that has not arrived"),
    ("CC141", "Information about a movement that has not arrived"),
    ("CC170", "Presentation of a pre-lodged declaration"),
    ("CC182", "Forwarded incident notification"),
    ("CC190", "Transit presentation notification"),
    ("CC191", "Response to a transit presentation"),
    ("CC224", "Individual guarantee voucher sold"),
    ("CC225", "Guarantee update"),
    ("CC228", "Comprehensive guarantee cancelled: liability ended"),
    ("CC229", "Individual guarantee voucher revoked"),
    ("CC231", "Comprehensive guarantee invalidated"),
    ("CC906", "Functional refusal"),
    ("CC917", "XML refusal"),
    ("CC928", "Positive acknowledgement"),
    ("CD001", "Anticipated arrival record"),
    ("CD002", "Request for an anticipated arrival record"),
    ("CD003", "Response to a request for an arrival record"),
    ("CD006", "Arrival advice"),
    ("CD010", "Cancellation notification"),
    ("CD012", "Anticipated arrival record (TIR)"),
    ("CD018", "Destination control results"),
    ("CD024", "Forwarded arrival advice"),
    ("CD027", "Movement query"),
    ("CD038", "Response to a movement query"),
    ("CD049", "Discrepancies solved"),
    ("CD050", "Anticipated transit record"),
    ("CD059", "Enquiry cancelled"),
    ("CD063", "Recovery communication"),
    ("CD070", "System unavailable, to the common domain"),
    ("CD071", "System unavailable, to the national domain"),
    ("CD078", "Linking of domains"),
    ("CD094", "Status request"),
    ("CD095", "Status response"),
    ("CD114", "Request for an anticipated transit record"),
    ("CD115", "Response to a request for a transit record"),
    ("CD118", "Frontier crossed"),
    ("CD142", "Enquiry request"),
    ("CD143", "Enquiry response"),
    ("CD144", "Enquiry information"),
    ("CD145", "Request for enquiry information"),
    ("CD150", "Recovery request"),
    ("CD151", "Recovery accepted"),
    ("CD152", "Recovery dispatched"),
    ("CD160", "Anticipated exit record"),
    ("CD164", "Request for an anticipated exit record"),
    ("CD165", "Response to a request for an exit record"),
    ("CD168", "Security area left"),
    ("CD180", "Incident notification"),
    ("CD181", "Forwarded incident notification"),
    ("CD200", "Guarantee check"),
    ("CD201", "Guarantee check result"),
    ("CD203", "Guarantee use"),
    ("CD204", "Guarantee use cancelled"),
    ("CD205", "Guarantee use result"),
    ("CD209", "Reference amount credited"),
    ("CD411", "Statistics"),
    ("CD903", "Warning"),
    ("CD906", "Functional refusal"),
    ("CD917", "XML refusal"),
    ("CD971", "Schedule of unavailability"),
    ("CD974", "Availability request"),
    ("CD975", "Availability response"),
];

/// A kind of guarantee by its code (CL251).
pub fn guarantee_kind(code: &str) -> &str {
    match code {
        "0" => "Guarantee waiver",
        "1" => "Comprehensive guarantee",
        "2" => "Individual guarantee, undertaking by a guarantor",
        "3" => "Individual guarantee in cash",
        "4" => "Individual guarantee, vouchers",
        "5" => "Guarantee waiver below the statistical threshold",
        "8" => "Guarantee not required of certain public bodies",
        "9" => "Individual guarantee for multiple usage",
        "A" => "Guarantee waiver by agreement between administrations",
        "B" => "Guarantee of the TIR procedure",
        "J" => "Guarantee not required before the office of transit",
        "R" => "Guarantee not required on the Rhine and the Danube",
        other => other,
    }
}

/// A country by its code; the code itself when it takes no part in the transit corridors that the console knows.
pub fn country(code: &str) -> &str {
    COUNTRIES.iter().find(|(known, _)| *known == code).map_or(code, |(_, name)| name)
}

const COUNTRIES: &[(&str, &str)] = &[
    ("AD", "Andorra"),
    ("AL", "Albania"),
    ("AT", "Austria"),
    ("BA", "Bosnia and Herzegovina"),
    ("BE", "Belgium"),
    ("BG", "Bulgaria"),
    ("CH", "Switzerland"),
    ("CN", "China"),
    ("CY", "Cyprus"),
    ("CZ", "Czechia"),
    ("DE", "Germany"),
    ("DK", "Denmark"),
    ("EE", "Estonia"),
    ("ES", "Spain"),
    ("FI", "Finland"),
    ("FR", "France"),
    ("GB", "Great Britain"),
    ("GE", "Georgia"),
    ("GR", "Greece"),
    ("HR", "Croatia"),
    ("HU", "Hungary"),
    ("IE", "Ireland"),
    ("IS", "Iceland"),
    ("IT", "Italy"),
    ("KH", "Cambodia"),
    ("LA", "Laos"),
    ("LT", "Lithuania"),
    ("LU", "Luxembourg"),
    ("LV", "Latvia"),
    ("MD", "Moldova"),
    ("ME", "Montenegro"),
    ("MK", "North Macedonia"),
    ("MM", "Myanmar"),
    ("MN", "Mongolia"),
    ("MT", "Malta"),
    ("MY", "Malaysia"),
    ("NL", "Netherlands"),
    ("NO", "Norway"),
    ("PL", "Poland"),
    ("PT", "Portugal"),
    ("RO", "Romania"),
    ("RS", "Serbia"),
    ("RU", "Russia"),
    ("SE", "Sweden"),
    ("SG", "Singapore"),
    ("SI", "Slovenia"),
    ("SK", "Slovakia"),
    ("SM", "San Marino"),
    ("TH", "Thailand"),
    ("TR", "Türkiye"),
    ("UA", "Ukraine"),
    ("VN", "Viet Nam"),
    ("XI", "Northern Ireland"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_words() {
        for (name, expected) in [
            ("UnderControl", "Under control"),
            ("control-result", "Control result"),
            ("WrittenOff", "Written off"),
            ("delivered", "Delivered"),
            ("ATRCreated", "ATRCreated"),
            ("MRN issued", "MRN issued"),
            ("", ""),
            ("éloigné", "Éloigné"),
        ] {
            assert_eq!(words(name), expected);
        }
    }

    #[test]
    fn every_message_has_a_name_whatever_its_version() {
        assert_eq!(MESSAGES.len(), 91);
        assert_eq!(message("CC015C"), "Transit declaration");
        assert_eq!(message("CC015D"), "Transit declaration");
        assert_eq!(message("unknown"), "");
        assert_eq!(message("CC0é"), "");
        assert!(MESSAGES.is_sorted_by_key(|(code, _)| code));
        assert!(COUNTRIES.is_sorted_by_key(|(code, _)| code));
    }
}
