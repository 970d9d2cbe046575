//! The catalogue: all versions of all lists, and the answers they give on a day.

use super::{
    difference::{Difference, list_difference, office_difference},
    import::Import,
    list::{CodeList, Entry, ListCode, Lookup},
    office::{Office, OfficeTable, Role},
    version::{Added, Snapshot, Versions},
};
use crate::{Date, OfficeReference};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The lists that follow from the roles of customs offices: an office is in the list if it has one of the roles, in
/// CL141 whatever its roles are. Their values are not published apart from the office table.
const OFFICE_LISTS: [(&str, &[Role]); 9] = [
    ("CL141", &[]),
    ("CL171", &[Role::Departure]),
    ("CL172", &[Role::Destination]),
    ("CL173", &[Role::Transit]),
    ("CL174", &[Role::Guarantee]),
    ("CL175", &[Role::Exit]),
    ("CL176", &[Role::Enquiry]),
    ("CL177", &[Role::Recovery]),
    ("CL179", &[Role::Enquiry, Role::Recovery]),
];

/// Code lists and customs offices in all their versions.
///
/// What was imported goes before what the project ships: a shipped list is a stand-in until the official one is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    names: BTreeMap<ListCode, String>,
    imported: Shelf,
    shipped: Shelf,
}

/// Versions from one kind of source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Shelf {
    lists: BTreeMap<ListCode, Versions<CodeList>>,
    offices: Versions<OfficeTable>,
}

/// What an import would change in one list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListPreview {
    /// The list.
    pub list: ListCode,
    /// Its name.
    pub name: String,
    /// The snapshot now in use, if any.
    pub current: Option<Snapshot>,
    /// The snapshot of the import.
    pub snapshot: Snapshot,
    /// The entries that differ.
    pub difference: Difference<Entry>,
}

/// What an import would change among the customs offices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfficePreview {
    /// The snapshot now in use, if any.
    pub current: Option<Snapshot>,
    /// The snapshot of the import.
    pub snapshot: Snapshot,
    /// The offices that differ.
    pub difference: Difference<Office>,
}

/// What an import would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// The lists of the import, in order of their numbers.
    pub lists: Vec<ListPreview>,
    /// The customs offices, if the import has them.
    pub offices: Option<OfficePreview>,
    /// The lists that would still not be loaded, with their names.
    pub not_loaded: BTreeMap<ListCode, String>,
    /// What is odd about the import.
    pub warnings: Vec<String>,
}

/// How much of an import was new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Activated {
    /// Lists that became a version.
    pub lists: usize,
    /// Lists that were there already, word for word.
    pub known: usize,
    /// Whether the customs offices became a version.
    pub offices: bool,
}

impl Shelf {
    fn add(&mut self, import: Import) -> Activated {
        let mut activated = Activated::default();
        for (snapshot, list) in import.lists {
            let versions = self.lists.entry(list.code().clone()).or_default();
            match versions.add(snapshot, list) {
                Added::New => activated.lists += 1,
                Added::Known => activated.known += 1,
            }
        }
        if let Some((snapshot, table)) = import.offices {
            activated.offices = self.offices.add(snapshot, table) == Added::New;
        }
        activated
    }
}

impl Catalogue {
    /// A catalogue of what the project ships itself; see [`super::corridor`].
    pub(super) fn shipped(import: Import) -> Self {
        let mut catalogue = Self { names: import.names.clone(), ..Self::default() };
        catalogue.shipped.add(import);
        catalogue
    }

    /// What activating the import would change, compared with the latest versions.
    pub fn preview(&self, import: &Import) -> Preview {
        let mut lists: Vec<ListPreview> =
            import.lists.iter().map(|(snapshot, list)| self.preview_list(snapshot, list)).collect();
        lists.sort_by(|one, two| (&one.list, &one.snapshot).cmp(&(&two.list, &two.snapshot)));
        let offices = import.offices.as_ref().map(|(snapshot, table)| {
            let current = self.office_versions().latest();
            OfficePreview {
                current: current.map(|version| version.snapshot.clone()),
                snapshot: snapshot.clone(),
                difference: office_difference(current.map(|version| &version.content), table),
            }
        });
        let mut not_loaded = self.names.clone();
        not_loaded.extend(import.names.clone());
        let in_import = |code: &ListCode| import.lists.iter().any(|(_, list)| list.code() == code);
        let by_offices = !self.office_versions().is_empty() || offices.is_some();
        not_loaded.retain(|code, _| {
            let derived = by_offices && office_list(code.as_str()).is_some();
            !derived && !in_import(code) && self.list_versions(code.as_str()).is_none()
        });
        Preview { lists, offices, not_loaded, warnings: import.warnings.clone() }
    }

    fn preview_list(&self, snapshot: &Snapshot, list: &CodeList) -> ListPreview {
        let current = self.list_versions(list.code().as_str()).and_then(Versions::latest);
        ListPreview {
            list: list.code().clone(),
            name: list.name().to_owned(),
            current: current.map(|version| version.snapshot.clone()),
            snapshot: snapshot.clone(),
            difference: list_difference(current.map(|version| &version.content), list),
        }
    }

    /// Puts the import in force: each of its lists becomes a version under its snapshot date.
    pub fn activate(&mut self, import: Import) -> Activated {
        self.names.extend(import.names.clone());
        self.imported.add(import)
    }

    /// What the list says of `code` on that day. Lists of customs offices that are not loaded themselves follow from
    /// the office table.
    pub fn lookup(&self, list: &str, code: &str, on: Date) -> Lookup {
        if let Some(list) = self.list(list, on) {
            return list.lookup(code, on);
        }
        let table = self.office_versions().on(on).map(|version| &version.content);
        match (office_list(list), table) {
            (Some(roles), Some(table)) => {
                let office = OfficeReference::parse(code).ok();
                let office = office.as_ref().and_then(|reference| table.office(reference, on));
                match office {
                    Some(office) if has_one_of(office, roles) => Lookup::Present,
                    // An office that is there has all its roles, also in a selection.
                    None if table.partial => Lookup::NotLoaded,
                    _ => Lookup::Absent,
                }
            }
            _ => Lookup::NotLoaded,
        }
    }

    /// The entry that lets `code` be used on that day, with its description.
    pub fn entry(&self, list: &str, code: &str, on: Date) -> Option<&Entry> {
        self.list(list, on)?.entry(code, on)
    }

    /// The version of a list that holds on that day.
    pub fn list(&self, list: &str, on: Date) -> Option<&CodeList> {
        self.list_versions(list)?.on(on).map(|version| &version.content)
    }

    /// All versions of a list, imported ones if there are any.
    pub fn list_versions(&self, list: &str) -> Option<&Versions<CodeList>> {
        self.imported.lists.get(list).or_else(|| self.shipped.lists.get(list))
    }

    /// All versions of the table of customs offices, imported ones if there are any.
    pub fn office_versions(&self) -> &Versions<OfficeTable> {
        if self.imported.offices.is_empty() { &self.shipped.offices } else { &self.imported.offices }
    }

    /// The customs office of that reference number, if it is open on that day.
    pub fn office(&self, reference: &OfficeReference, on: Date) -> Option<&Office> {
        self.office_versions().on(on)?.content.office(reference, on)
    }

    /// The customs offices with that role on that day.
    pub fn offices_with_role<'a>(&'a self, role: &'a Role, on: Date) -> impl Iterator<Item = &'a Office> {
        let table = self.office_versions().on(on).map(|version| &version.content);
        table.into_iter().flat_map(move |table| table.with_role(role, on))
    }

    /// The lists that are known by name, loaded or not.
    pub fn names(&self) -> &BTreeMap<ListCode, String> {
        &self.names
    }
}

fn office_list(list: &str) -> Option<&'static [Role]> {
    OFFICE_LISTS.iter().find(|(code, _)| *code == list).map(|(_, roles)| *roles)
}

fn has_one_of(office: &Office, roles: &[Role]) -> bool {
    roles.is_empty() || roles.iter().any(|role| office.roles.contains(role))
}
