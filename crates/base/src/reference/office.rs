//! Customs offices and what each of them does.

use super::failure::{Place, ReferenceError};
use crate::{Country, Date, Invalid, OfficeReference};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What an office does, by the three-letter code of the customs office list. Roles that this project gives no meaning
/// to are kept as they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Role {
    /// `DEP`: office of departure of a transit movement.
    Departure,
    /// `DES`: office of destination.
    Destination,
    /// `TRA`: office of transit, where goods enter another territory.
    Transit,
    /// `EXT`: office of exit, also of goods that leave a security area under transit.
    Exit,
    /// `GUA`: office of guarantee, which keeps guarantees and watches their use.
    Guarantee,
    /// `ENQ`: competent authority of enquiry, which looks for movements that did not arrive (G0203).
    Enquiry,
    /// `REC`: competent authority of recovery, which claims the debt (G0204).
    Recovery,
    /// `ENT`: office of entry.
    Entry,
    /// `EXP`: office of export.
    Export,
    /// `INC`: office where incidents during transit are recorded.
    Incident,
    /// `AUT`: office of the authority that grants authorisations.
    Authority,
    /// `CAU`: central authority.
    CentralAuthority,
    /// Any other role, by its three letters.
    Other(OtherRole),
}

/// Three capital letters of a role that has no name here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OtherRole(String);

impl Role {
    /// Parses three capital letters.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Ok(match text {
            "DEP" => Self::Departure,
            "DES" => Self::Destination,
            "TRA" => Self::Transit,
            "EXT" => Self::Exit,
            "GUA" => Self::Guarantee,
            "ENQ" => Self::Enquiry,
            "REC" => Self::Recovery,
            "ENT" => Self::Entry,
            "EXP" => Self::Export,
            "INC" => Self::Incident,
            "AUT" => Self::Authority,
            "CAU" => Self::CentralAuthority,
            other if other.len() == 3 && other.bytes().all(|byte| byte.is_ascii_uppercase()) => {
                Self::Other(OtherRole(other.to_owned()))
            }
            _ => {
                return Err(Invalid::new(
                    "office role",
                    text,
                    "it must be three capital letters, as in `DEP`",
                ));
            }
        })
    }

    /// The three letters.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Departure => "DEP",
            Self::Destination => "DES",
            Self::Transit => "TRA",
            Self::Exit => "EXT",
            Self::Guarantee => "GUA",
            Self::Enquiry => "ENQ",
            Self::Recovery => "REC",
            Self::Entry => "ENT",
            Self::Export => "EXP",
            Self::Incident => "INC",
            Self::Authority => "AUT",
            Self::CentralAuthority => "CAU",
            Self::Other(OtherRole(letters)) => letters,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

impl std::str::FromStr for Role {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Role {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<Role> for String {
    fn from(role: Role) -> String {
        role.as_str().to_owned()
    }
}

/// The days on which something holds, both ends included; an end that is missing is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Validity {
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub until: Option<Date>,
}

impl Validity {
    /// Whether it holds on that day.
    pub fn contains(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }
}

/// A customs office.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Office {
    /// Its reference number.
    pub reference: OfficeReference,
    /// The country it belongs to.
    pub country: Country,
    /// What it does.
    pub roles: BTreeSet<Role>,
    /// Its name in its own language.
    pub name: String,
    /// The days on which it is open at all.
    pub validity: Validity,
}

/// The customs offices of one export.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficeTable {
    /// The offices by reference number.
    pub offices: BTreeMap<OfficeReference, Office>,
    /// Whether they are only a selection.
    pub partial: bool,
}

impl OfficeTable {
    /// The office of that reference number, if it is open on that day.
    pub fn office(&self, reference: &OfficeReference, on: Date) -> Option<&Office> {
        self.offices.get(reference).filter(|office| office.validity.contains(on))
    }

    /// The offices with that role on that day, in order of their reference numbers.
    pub fn with_role<'a>(&'a self, role: &'a Role, on: Date) -> impl Iterator<Item = &'a Office> {
        self.offices
            .values()
            .filter(move |office| office.roles.contains(role) && office.validity.contains(on))
    }
}

/// The most offices that one table may have. All of Europe has 4,200.
const MAX_OFFICES: usize = 100_000;

/// Reads the table of customs offices: tab-separated lines whose heading names the columns `id`, `country`, `roles`
/// (separated by spaces) and `name`, and if there are such, `valid_from` and `valid_until`. `file` is its name for
/// error messages.
///
/// # Errors
/// When a column is missing, a field is malformed, an office is there twice or lies in another country than its
/// reference number says.
pub fn parse_offices(file: &str, text: &str) -> Result<OfficeTable, ReferenceError> {
    let mut lines = text.lines().enumerate();
    let heading = lines.next().map(|(_, line)| line).unwrap_or_default();
    let columns = Columns::read(file, heading)?;
    let mut offices = BTreeMap::new();
    for (at, line) in lines.filter(|(_, line)| !line.is_empty()) {
        let wrong = |reason: String, fix: &str| ReferenceError::new(file, Place::Line(at + 1), reason, fix);
        let office =
            columns.office(line).map_err(|invalid| wrong(invalid.to_string(), "correct the field"))?;
        if office.reference.country() != office.country {
            return Err(wrong(
                format!("office `{}` is said to lie in `{}`", office.reference, office.country),
                "let the country be the first two letters of the reference number",
            ));
        }
        if offices.len() >= MAX_OFFICES {
            return Err(wrong(format!("there are more than {MAX_OFFICES} offices"), "split the table"));
        }
        if let Some(before) = offices.insert(office.reference.clone(), office) {
            return Err(wrong(
                format!("office `{}` is there twice", before.reference),
                "keep one of its lines",
            ));
        }
    }
    Ok(OfficeTable { offices, partial: false })
}

/// Where each column is.
struct Columns {
    id: usize,
    country: usize,
    roles: usize,
    name: usize,
    from: Option<usize>,
    until: Option<usize>,
}

impl Columns {
    fn read(file: &str, heading: &str) -> Result<Self, ReferenceError> {
        let find = |name: &str| heading.split('\t').position(|column| column == name);
        let need = |name: &str| {
            find(name).ok_or_else(|| {
                ReferenceError::new(
                    file,
                    Place::Line(1),
                    format!("there is no column `{name}`"),
                    "begin with a line that names the columns id, country, roles and name, separated by tabs",
                )
            })
        };
        Ok(Self {
            id: need("id")?,
            country: need("country")?,
            roles: need("roles")?,
            name: need("name")?,
            from: find("valid_from"),
            until: find("valid_until"),
        })
    }

    fn office(&self, line: &str) -> Result<Office, Invalid> {
        let fields: Vec<&str> = line.split('\t').collect();
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        let day = |at: Option<usize>| match at.map(field).unwrap_or_default() {
            "" => Ok(None),
            text => Date::parse(text).map(Some),
        };
        Ok(Office {
            reference: OfficeReference::parse(field(self.id))?,
            country: Country::parse(field(self.country))?,
            roles: field(self.roles).split_whitespace().map(Role::parse).collect::<Result<_, _>>()?,
            name: field(self.name).to_owned(),
            validity: Validity { from: day(self.from)?, until: day(self.until)? },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "id\tcountry\troles\tname\tvalid_from\tvalid_until
GB000060\tGB\tDEP DES TRA XYZ\tA port\t2024-01-01\t
IT018100\tIT\tGUA\tAnother port\t\t2025-12-31
";

    #[test]
    fn offices_are_read_with_roles_and_days() {
        let table = parse_offices("offices.tsv", TABLE).unwrap();
        let on = |day: &str, reference: &str| {
            let reference = OfficeReference::parse(reference).unwrap();
            table.office(&reference, Date::parse(day).unwrap()).is_some()
        };
        assert!(on("2024-01-01", "GB000060") && !on("2023-12-31", "GB000060"));
        assert!(on("2025-12-31", "IT018100") && !on("2026-01-01", "IT018100"));
        let office = table.offices.values().next().unwrap();
        let roles: Vec<String> = office.roles.iter().map(Role::to_string).collect();
        assert_eq!(roles, ["DEP", "DES", "TRA", "XYZ"]);
    }

    #[test]
    fn errors_name_file_line_and_fix() {
        let cases = [
            ("", "o.tsv, line 1: there is no column `id`; "),
            (
                "id\tcountry\troles\tname\nGB1\tGB\tDEP\tX",
                "o.tsv, line 2: `GB1` is not a valid customs office",
            ),
            (
                "id\tcountry\troles\tname\nGB000060\tGB\tdep\tX",
                "o.tsv, line 2: `dep` is not a valid office role",
            ),
            (
                "id\tcountry\troles\tname\nGB000060\tFR\tDEP\tX",
                "o.tsv, line 2: office `GB000060` is said to lie in",
            ),
            (
                "id\tcountry\troles\tname\nGB000060\tGB\tDEP\tX\nGB000060\tGB\tDEP\tX",
                "o.tsv, line 3: office `GB000060` is there twice; ",
            ),
        ];
        for (text, expected) in cases {
            let wrong = parse_offices("o.tsv", text).unwrap_err().to_string();
            assert!(wrong.starts_with(expected), "{wrong}");
        }
    }
}
