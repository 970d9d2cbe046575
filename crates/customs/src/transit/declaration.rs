//! What a transit declaration says, as far as decisions depend on it. The declaration itself stays a document.

use base::{
    AccessCode, Date, Digest, Eori, Grn, GuaranteeType, Invalid, Lrn, Money, Mrn, OfficeReference, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the trader declares (CC015C, CC013C), without the LRN that identifies the declaration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declaration {
    /// The procedure asked for.
    pub kind: DeclarationType,
    /// Standard or pre-lodged.
    pub additional: AdditionalType,
    /// The safety and security data that it carries.
    pub security: Security,
    /// Where the movement begins.
    pub office_of_departure: OfficeReference,
    /// Where it shall end.
    pub office_of_destination: OfficeReference,
    /// Where it shall cross frontiers, in declared order.
    pub offices_of_transit: Vec<TransitOffice>,
    /// The holder of the transit procedure.
    pub holder: Holder,
    /// The representative's identification.
    pub representative: Option<Eori>,
    /// Lodged by an authorised consignor (authorisation C521), who sets the limit date.
    pub authorised_consignor: bool,
    /// The limit date, when the declarant sets it. It counts only for an authorised consignor.
    pub limit: Option<Date>,
    /// The guarantees, in declared order.
    pub guarantees: Vec<Guarantee>,
    /// Digest of everything but the guarantees, so that an amendment of the guarantee can be told from any other
    /// (R0520); absent when the caller did not compute it.
    pub content: Option<Digest>,
    /// Digest of the commodity codes, which an amendment may not change (R0520); absent when not computed.
    pub commodities: Option<Digest>,
}

impl Declaration {
    /// The limit date that counts: only an authorised consignor may set one (C0839).
    pub fn limit_that_counts(&self) -> Option<Date> {
        self.limit.filter(|_| self.authorised_consignor)
    }
}

/// An office of transit in a declaration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransitOffice {
    /// The office.
    pub office: OfficeReference,
    /// When the declarant expects to be there.
    pub estimated: Option<Timestamp>,
}

/// The holder of the transit procedure, who answers for the movement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// EORI or trader identification number.
    pub identification: Option<Eori>,
    /// Name, when declared.
    pub name: Option<String>,
}

/// A guarantee group: a type, and the guarantees of that type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guarantee {
    /// The type (CL251).
    pub kind: GuaranteeType,
    /// Another reference, for types without GRN.
    pub other_reference: Option<String>,
    /// The guarantees used, in declared order.
    pub references: Vec<GuaranteeLine>,
}

/// One guarantee reference as declared: any part may be missing, which is for the office to judge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuaranteeLine {
    /// The guarantee.
    pub grn: Option<Grn>,
    /// The proof that the holder may use it.
    pub access_code: Option<AccessCode>,
    /// The amount to be covered, in the declared currency.
    pub amount: Option<Money>,
}

/// The identification of a movement in messages with the trader: LRN before acceptance, MRN after (C0467).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reference {
    /// Before acceptance.
    Lrn(Lrn),
    /// After acceptance.
    Mrn(Mrn),
}

impl Reference {
    /// The MRN, if it is one.
    pub fn mrn(&self) -> Option<&Mrn> {
        match self {
            Self::Mrn(mrn) => Some(mrn),
            Self::Lrn(_) => None,
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lrn(lrn) => write!(out, "LRN {lrn}"),
            Self::Mrn(mrn) => write!(out, "MRN {mrn}"),
        }
    }
}

/// A control that an office orders (CL716).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlType {
    /// Its code, as in `10` documentary, `40` physical.
    pub code: String,
    /// What to control, in words.
    pub text: Option<String>,
}

/// A document that an office asks the trader for (CL215).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedDocument {
    /// Its type code.
    pub code: String,
    /// Which one, in words.
    pub description: Option<String>,
}

/// The result of a control, at departure or at destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlResult {
    /// The result.
    pub code: ResultCode,
    /// When it was found.
    pub on: Date,
    /// Remarks.
    pub text: Option<String>,
}

/// A control result code (an2): a letter for the class, a digit for the case (CL196, CL197, G0126, G0017).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResultCode(String);

impl ResultCode {
    /// Parses a capital letter and a digit.
    ///
    /// # Errors
    /// When the text has another form.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text.as_bytes() {
            [b'A'..=b'Z', b'0'..=b'9'] => Ok(Self(text.to_owned())),
            _ => Err(Invalid::new(
                "control result code",
                text,
                "it must be a capital letter and a digit, as in A1",
            )),
        }
    }

    /// A1: satisfactory, after physical control.
    pub fn satisfactory() -> Self {
        Self("A1".to_owned())
    }

    /// A2: considered satisfactory, after documentary control or none.
    pub fn considered_satisfactory() -> Self {
        Self("A2".to_owned())
    }

    /// A3: simplified procedure, released by an authorised consignor without control.
    pub fn simplified() -> Self {
        Self("A3".to_owned())
    }

    /// Whether it ends the procedure: any A but A5, which stands for broken seals (G0017). B1 and its kind do not.
    pub fn is_clean(&self) -> bool {
        self.0.starts_with('A') && self.0 != "A5"
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ResultCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::str::FromStr for ResultCode {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl TryFrom<String> for ResultCode {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<ResultCode> for String {
    fn from(code: ResultCode) -> String {
        code.0
    }
}

/// An enumeration of codes that messages carry: names here, codes there.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:literal { $($(#[$vdoc:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Parses the code.
            ///
            /// # Errors
            /// When the code is not one of those.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                match text {
                    $($code => Ok(Self::$variant),)+
                    _ => Err(Invalid::new($kind, text, $rule)),
                }
            }

            /// The code as messages carry it.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(self.code())
            }
        }

        impl std::str::FromStr for $name {
            type Err = Invalid;
            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::parse(text)
            }
        }
    };
}

codes! {
    /// The transit procedure asked for (CL231).
    DeclarationType, "declaration type", "it must be T, T1, T2, T2F, T2SM or TIR (CL231)" {
        /// Mixed consignment of T1 and T2 goods.
        T = "T",
        /// Goods without the customs status of Union goods.
        T1 = "T1",
        /// Union goods.
        T2 = "T2",
        /// Union goods from or to territories outside the fiscal territory.
        T2F = "T2F",
        /// Union goods to San Marino.
        T2SM = "T2SM",
        /// Under cover of a TIR carnet.
        Tir = "TIR",
    }
}

codes! {
    /// Whether the goods are presented with the declaration (CL042).
    AdditionalType, "additional declaration type", "it must be A or D (CL042)" {
        /// A: a standard declaration, goods presented.
        Standard = "A",
        /// D: lodged before the goods are presented (UCC Art 171).
        PreLodged = "D",
    }
}

codes! {
    /// The safety and security data that a declaration carries (CL217).
    Security, "security indicator", "it must be 0, 1, 2 or 3 (CL217)" {
        /// None.
        None = "0",
        /// Entry summary declaration.
        Entry = "1",
        /// Exit summary declaration.
        Exit = "2",
        /// Both.
        Both = "3",
    }
}
