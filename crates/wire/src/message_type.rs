//! The 91 messages of NCTS phase 5 (DDNTA Appendix Q2, release 5.15.2).

use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Domain {
    /// Between a trader and an office (`CC...`).
    External,
    /// Between the administrations of two countries (`CD...`).
    Common,
    /// Between the transit and the export systems of one country (`CC...` with an `N_` reference).
    National,
}

/// The release of the phase-5 structures that a message claims to follow (attribute `PhaseID`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// `NCTS5.0`: the transitional period.
    Transitional,
    /// `NCTS5.1`: the final state.
    Final,
}

impl Phase {
    /// The value of the attribute `PhaseID`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Phase::Transitional => "NCTS5.0",
            Phase::Final => "NCTS5.1",
        }
    }

    /// Reads the value of the attribute `PhaseID`, without surrounding white space.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "NCTS5.0" => Some(Phase::Transitional),
            "NCTS5.1" => Some(Phase::Final),
            _ => None,
        }
    }
}

macro_rules! messages {
    ($($code:ident $domain:ident $title:literal,)*) => {
        /// A message of NCTS phase 5, named by the code that is its root element.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum MessageType {
            $(#[doc = $title] $code,)*
        }

        impl MessageType {
            /// All messages, in the order of their codes.
            pub const ALL: &'static [MessageType] = &[$(MessageType::$code),*];

            /// The code, for example `CC015C`: the name of the root element and the value of `messageType`.
            pub const fn as_str(self) -> &'static str {
                match self { $(MessageType::$code => stringify!($code),)* }
            }

            /// The name in words, for example "Declaration data".
            pub const fn title(self) -> &'static str {
                match self { $(MessageType::$code => $title,)* }
            }

            /// Where the message travels.
            pub const fn domain(self) -> Domain {
                match self { $(MessageType::$code => Domain::$domain,)* }
            }

            /// The message with this code, if there is one.
            pub fn parse(code: &str) -> Option<Self> {
                match code { $(stringify!($code) => Some(MessageType::$code),)* _ => None }
            }
        }
    };
}

messages! {
    CC004C External "Amendment acceptance",
    CC007C External "Arrival notification",
    CC009C External "Invalidation decision",
    CC013C External "Declaration amendment",
    CC014C External "Declaration invalidation request",
    CC015C External "Declaration data",
    CC017C National "Departure control results for export",
    CC019C External "Discrepancies",
    CC022C External "Notification to amend the declaration",
    CC023C External "Guarantor notification",
    CC025C External "Goods release notification",
    CC026C External "Guarantee access codes",
    CC028C External "MRN allocated",
    CC029C External "Release for transit",
    CC034C External "Query on guarantees",
    CC035C External "Recovery notification",
    CC037C External "Response to the query on guarantees",
    CC040C National "Transit cancellation for export",
    CC042C National "Destination control results for export",
    CC043C External "Unloading permission",
    CC044C External "Unloading remarks",
    CC045C External "Write-off notification",
    CC048C National "Recovery communication for export",
    CC051C External "No release for transit",
    CC054C External "Request of release",
    CC055C External "Guarantee not valid",
    CC056C External "Rejection from the office of departure",
    CC057C External "Rejection from the office of destination",
    CC060C External "Control decision notification",
    CC140C External "Request on a non-arrived movement",
    CC141C External "Information about a non-arrived movement",
    CC170C External "Presentation of a pre-lodged declaration",
    CC182C External "Incident notification to the holder",
    CC190C National "Transit presentation for export",
    CC191C National "Answer to the transit presentation for export",
    CC224C External "Individual guarantee voucher sold",
    CC225C External "Guarantee update notification",
    CC228C External "Comprehensive guarantee liberation of liability",
    CC229C External "Individual guarantee voucher revoked",
    CC231C External "Comprehensive guarantee invalidated",
    CC906C External "Functional rejection",
    CC917C External "XML rejection",
    CC928C External "Positive acknowledgement",
    CD001C Common "Anticipated arrival record",
    CD002C Common "Request for the anticipated arrival record",
    CD003C Common "Response to the request for the anticipated arrival record",
    CD006C Common "Arrival advice",
    CD010C Common "Cancellation notification",
    CD012C Common "Anticipated arrival record of a TIR movement without prior record",
    CD018C Common "Destination control results",
    CD024C Common "Forwarded arrival advice",
    CD027C Common "Movement query",
    CD038C Common "Response to the movement query",
    CD049C Common "Discrepancies solved",
    CD050C Common "Anticipated transit record",
    CD059C Common "Enquiry cancelled",
    CD063C Common "Recovery communication",
    CD070C Common "System unavailability to the common domain",
    CD071C Common "System unavailability to the national domain",
    CD078C Common "Inter-domain linking",
    CD094C Common "Status request",
    CD095C Common "Status response",
    CD114C Common "Request for the anticipated transit record",
    CD115C Common "Response to the request for the anticipated transit record",
    CD118C Common "Frontier crossed",
    CD142C Common "Enquiry request",
    CD143C Common "Enquiry response",
    CD144C Common "Enquiry information",
    CD145C Common "Request for enquiry information",
    CD150C Common "Recovery request",
    CD151C Common "Recovery acceptance",
    CD152C Common "Recovery dispatch",
    CD160C Common "Anticipated exit for transit record",
    CD164C Common "Request for the anticipated exit for transit record",
    CD165C Common "Response to the request for the anticipated exit for transit record",
    CD168C Common "Security area left",
    CD180C Common "Incident notification",
    CD181C Common "Forwarded incident notification",
    CD200C Common "Guarantee check",
    CD201C Common "Guarantee check result",
    CD203C Common "Guarantee use",
    CD204C Common "Guarantee use cancellation",
    CD205C Common "Guarantee use result",
    CD209C Common "Credit of the reference amount",
    CD411D Common "Statistics data",
    CD903D Common "Warning message",
    CD906C Common "Functional rejection between administrations",
    CD917C Common "XML rejection between administrations",
    CD971C Common "Full unavailability schedule",
    CD974C Common "Availability request",
    CD975C Common "Availability response",
}

impl fmt::Display for MessageType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

impl std::str::FromStr for MessageType {
    type Err = base::Invalid;
    fn from_str(code: &str) -> Result<Self, base::Invalid> {
        Self::parse(code).ok_or_else(|| {
            base::Invalid::new("message type", code, "it must be one of the 91 messages of NCTS phase 5")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_parses_to_itself_and_the_order_is_that_of_the_codes() {
        assert_eq!(MessageType::ALL.len(), 91);
        for message in MessageType::ALL {
            assert_eq!(MessageType::parse(message.as_str()), Some(*message));
        }
        assert!(MessageType::ALL.is_sorted_by_key(|message| message.as_str()));
    }

    #[test]
    fn domains_follow_the_catalogue() {
        let count = |domain| MessageType::ALL.iter().filter(|message| message.domain() == domain).count();
        assert_eq!((count(Domain::Common), count(Domain::External), count(Domain::National)), (48, 37, 6));
    }
}
