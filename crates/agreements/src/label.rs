//! Labels: what every datum from abroad carries, and how labels join when data is derived from data.

use crate::disclosure::Handling;
use crate::document::{AgreementReference, OnwardRule};
use crate::name::{Identifier, Term};
use base::{Administration, Date};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Where labelled data comes from: its originator and the clause under which it was given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The administration that gave it, and whose consent counts.
    pub originator: Administration,
    /// The agreement.
    pub agreement: AgreementReference,
    /// The clause.
    pub clause: Identifier,
}

/// The terms on which data was given, kept with it for as long as the data is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Where it comes from; more than one origin when it was derived.
    pub origins: BTreeSet<Origin>,
    /// The purposes for which it may be used.
    pub purposes: BTreeSet<Term>,
    /// How it must be handled.
    pub handling: Handling,
    /// The last day on which it may be kept.
    pub retain_until: Option<Date>,
    /// Whether it may be passed on.
    pub onward: OnwardRule,
    /// Whether it is unverified, so that it must not alone decide a case (WTO TFA Article 12.5.1(d)).
    pub unverified: bool,
}

impl Label {
    /// The label of data derived from data with this label and with the other: the origins of both, the purposes
    /// common to both, the stricter handling and onward rule, the earlier end of retention, unverified if either is.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        Self {
            origins: self.origins.union(&other.origins).cloned().collect(),
            purposes: self.purposes.intersection(&other.purposes).cloned().collect(),
            handling: self.handling.max(other.handling),
            retain_until: match (self.retain_until, other.retain_until) {
                (Some(one), Some(two)) => Some(one.min(two)),
                (one, two) => one.or(two),
            },
            onward: self.onward.max(other.onward),
            unverified: self.unverified || other.unverified,
        }
    }

    /// Whether data with this label may be used for the purpose on this day.
    pub fn permits_use(&self, purpose: &Term, on: Date) -> bool {
        self.purposes.contains(purpose) && self.retain_until.is_none_or(|last| on <= last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Digest;
    use proptest::prelude::*;

    fn origin(country: &str) -> Origin {
        Origin {
            originator: Administration::parse(&format!("NTA.{country}")).unwrap(),
            agreement: AgreementReference {
                id: Identifier::parse("a").unwrap(),
                version: 1,
                hash: Digest([0; 32]),
            },
            clause: Identifier::parse("1").unwrap(),
        }
    }

    prop_compose! {
        fn labels()(
            origins in prop::collection::btree_set(prop::sample::select(vec!["GB", "FR", "IT"]), 1..3),
            purposes in prop::collection::btree_set(prop::sample::select(vec!["audit", "transit"]), 0..3),
            handling in prop::sample::select(vec![
                Handling::Official, Handling::Restricted, Handling::Confidential,
            ]),
            days in prop::option::of(0i32..5),
            onward in prop::sample::select(vec![OnwardRule::Parties, OnwardRule::Consent, OnwardRule::Deny]),
            unverified in any::<bool>(),
        ) -> Label {
            Label {
                origins: origins.into_iter().map(origin).collect(),
                purposes: purposes.into_iter().map(|term| Term::parse(term).unwrap()).collect(),
                handling,
                retain_until: days.map(|days| Date::parse("2026-01-01").unwrap().plus_days(days)),
                onward,
                unverified,
            }
        }
    }

    proptest! {
        #[test]
        fn join_is_a_semilattice(a in labels(), b in labels(), c in labels()) {
            prop_assert_eq!(a.join(&a), a.clone());
            prop_assert_eq!(a.join(&b), b.join(&a));
            prop_assert_eq!(a.join(&b).join(&c), a.join(&b.join(&c)));
        }

        #[test]
        fn a_join_permits_only_what_both_permit(a in labels(), b in labels(), days in 0i32..6) {
            let on = Date::parse("2026-01-01").unwrap().plus_days(days);
            for purpose in ["audit", "transit"].map(|term| Term::parse(term).unwrap()) {
                let both = a.permits_use(&purpose, on) && b.permits_use(&purpose, on);
                prop_assert_eq!(a.join(&b).permits_use(&purpose, on), both);
            }
        }
    }
}
