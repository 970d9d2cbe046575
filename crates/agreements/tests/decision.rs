//! Decisions, one rule at a time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use agreements::library::common_transit as ct;
use agreements::{
    Agreement, DecisionPoint, Disclosable, Ground, Handling, Identifier, Incoming, Label,
    ORIGINATOR_CONSENTS, OnwardRule, Overlay, Refused, Request, Suspension, Term, Trigger, Withheld, compile,
    corridor_agreement,
};
use base::{Administration, Date, Timestamp};
use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq)]
struct Record(&'static str, Vec<String>);

impl Disclosable for Record {
    fn record_type(&self) -> &str {
        self.0
    }
    fn paths(&self) -> Vec<String> {
        self.1.clone()
    }
    fn project(self, permitted: &dyn Fn(&str) -> bool) -> Self {
        Self(self.0, self.1.into_iter().filter(|path| permitted(path)).collect())
    }
}

fn record(record_type: &'static str, paths: &[&str]) -> Record {
    Record(record_type, paths.iter().map(|path| (*path).to_owned()).collect())
}

fn arrival_record() -> Record {
    record("CD001C", &["messageSender", "TransitOperation/MRN", "Consignment/Consignee/name"])
}

fn nta(country: &str) -> Administration {
    Administration::parse(&format!("NTA.{country}")).unwrap()
}

fn term(text: &str) -> Term {
    Term::parse(text).unwrap()
}

fn id(text: &str) -> Identifier {
    Identifier::parse(text).unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn corridor() -> Agreement {
    corridor_agreement(&[nta("GB"), nta("FR"), nta("IT")]).unwrap()
}

fn changed(change: impl FnOnce(&mut agreements::Draft)) -> Agreement {
    let mut draft = corridor().into_draft();
    draft.golden_tests.clear();
    change(&mut draft);
    Agreement::new(draft).unwrap()
}

fn point_of(agreement: Agreement) -> DecisionPoint {
    DecisionPoint::new(vec![agreement], Vec::new()).unwrap()
}

fn point_with_law(toml: &str) -> DecisionPoint {
    DecisionPoint::new(vec![corridor()], vec![Overlay::from_toml(toml).unwrap()]).unwrap()
}

fn to_destination() -> Request {
    Request::automatic(
        (nta("GB"), term(ct::DEPARTURE)),
        (nta("IT"), term(ct::DESTINATION)),
        term(ct::TRANSIT_CONTROL),
        at("2026-11-24T06:00:00Z"),
    )
}

fn incoming(point: &DecisionPoint) -> Incoming {
    Incoming {
        sender: nta("GB"),
        recipient: nta("IT"),
        agreement: point.agreements().next().unwrap().reference(),
        clause: id("transit.advice"),
        purpose: term(ct::TRANSIT_CONTROL),
        record_type: id("CD001C"),
        on: at("2026-11-24T06:00:00Z"),
    }
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, Refused>) -> String {
    outcome.unwrap_err().to_string()
}

#[test]
fn what_is_shared_between_threads_can_be() {
    fn shared<T: Send + Sync>() {}
    shared::<DecisionPoint>();
}

#[test]
fn a_clearance_says_under_what_it_was_given_and_how_to_keep_it() {
    let point = point_of(corridor());
    let cleared = point.clear(arrival_record(), &to_destination()).unwrap();
    assert_eq!(cleared.document(), &arrival_record());
    assert_eq!(cleared.clause().as_str(), "transit.advice");
    assert_eq!(cleared.agreement().hash, compile(&corridor()).unwrap().hash());
    assert_eq!(cleared.recipient(), &nta("IT"));
    let label = cleared.label();
    assert_eq!(label.origins.first().unwrap().originator, nta("GB"));
    assert_eq!(label.purposes, BTreeSet::from([term(ct::TRANSIT_CONTROL)]));
    assert_eq!(label.handling, Handling::Restricted);
    assert_eq!(label.retain_until, Some(Date::parse("2029-11-24").unwrap()));
    assert_eq!(label.onward, OnwardRule::Parties);
    assert_eq!(cleared.record().disclosures, [id("arrival-record")]);
    assert_eq!(
        cleared.record().reason,
        "clause `transit.advice` lets 3 of 3 elements go to NTA.IT for transit_control"
    );
}

#[test]
fn the_same_question_gets_the_same_record_and_other_facts_another() {
    let (one, two) = (point_of(corridor()), point_of(corridor()));
    let record = |point: &DecisionPoint, request: &Request| {
        point.clear(arrival_record(), request).unwrap().into_parts().2
    };
    assert_eq!(record(&one, &to_destination()), record(&two, &to_destination()));
    let mut later = to_destination();
    later.on = later.on.plus_seconds(1);
    assert_ne!(record(&one, &to_destination()).facts, record(&one, &later).facts);
}

/// Answers are remembered between decisions; nothing that was asked before may show in a later decision.
#[test]
fn a_decision_does_not_depend_on_those_before_it() {
    let point = || {
        point_with_law(
            "administration = \"NTA.GB\"\n[[prohibitions]]\nid = \"s18\"\nlaw = \"CRCA 2005 s. 18\"\n\
             ground = \"public_interest\"\npersonal_only = true\nrecipients = [\"NTA.IT\"]\n",
        )
    };
    let mut requests = vec![to_destination()];
    let mut with = |change: &dyn Fn(&mut Request)| {
        let mut request = to_destination();
        change(&mut request);
        requests.push(request);
    };
    with(&|request| request.recipient = nta("FR"));
    with(&|request| request.recipient_role = term(ct::TRANSIT));
    with(&|request| request.sender = nta("FR"));
    with(&|request| request.sender_role = term(ct::GUARANTEE));
    with(&|request| request.purpose = term(ct::GUARANTEE_MANAGEMENT));
    with(&|request| request.trigger = Trigger::OnRequest);
    with(&|request| request.on = request.on.plus_seconds(1));
    let warm = point();
    let decide = |point: &DecisionPoint, request: &Request| {
        let outcome = point.clear(arrival_record(), request);
        outcome.map(|cleared| cleared.into_parts().2).map_err(|refused| refused.record)
    };
    for request in requests.iter().rev() {
        let _ = decide(&warm, request);
    }
    let distinct: BTreeSet<String> = requests
        .iter()
        .map(|request| {
            let record = decide(&warm, request);
            assert_eq!(record, decide(&point(), request), "{request:?}");
            format!("{record:?}")
        })
        .collect();
    assert_eq!(distinct.len(), requests.len(), "each has a record of its own");
}

#[test]
fn an_agreement_binds_from_its_first_day_to_its_last() {
    let point = point_of(changed(|draft| {
        draft.in_force.from = Date::parse("2026-03-01").unwrap();
        draft.in_force.until = Some(Date::parse("2026-03-31").unwrap());
    }));
    let ground = |moment: &str| {
        let mut request = to_destination();
        request.on = at(moment);
        point.clear(arrival_record(), &request).map(|_| ()).map_err(|refused| refused.ground)
    };
    assert_eq!(ground("2026-02-28T23:59:59.999999Z"), Err(Ground::NotInForce));
    assert_eq!(ground("2026-03-01T00:00:00Z"), Ok(()));
    assert_eq!(ground("2026-03-31T23:59:59.999999Z"), Ok(()));
    assert_eq!(ground("2026-04-01T00:00:00Z"), Err(Ground::NotInForce));
}

#[test]
fn strangers_and_oneself_get_nothing() {
    let point = point_of(corridor());
    let mut request = to_destination();
    request.recipient = nta("MN");
    assert_eq!(
        refusal(point.clear(arrival_record(), &request)),
        "refused: no_agreement: NTA.MN is not a party of agreement `common-transit`"
    );
    request.recipient = nta("GB");
    assert_eq!(
        refusal(point.clear(arrival_record(), &request)),
        "refused: no_agreement: NTA.GB needs no agreement with itself and has none"
    );
    let empty = DecisionPoint::new(Vec::new(), Vec::new()).unwrap();
    assert_eq!(
        refusal(empty.clear(arrival_record(), &to_destination())),
        "refused: no_agreement: there is no agreement"
    );
}

#[test]
fn refusals_say_what_stands_in_the_way() {
    let point = point_of(corridor());
    let ask = |change: &dyn Fn(&mut Request)| {
        let mut request = to_destination();
        change(&mut request);
        refusal(point.clear(arrival_record(), &request))
    };
    assert_eq!(
        ask(&|request| request.sender_role = term("transit")),
        "refused: not_disclosed under clause `transit.advice`: disclosure `arrival-record` needs NTA.GB to act as \
         `departure`, and it acts as `transit`"
    );
    assert_eq!(
        ask(&|request| request.trigger = Trigger::Spontaneous),
        "refused: not_disclosed under clause `transit.advice`: disclosure `arrival-record` is automatic, not \
         spontaneous"
    );
    assert_eq!(
        ask(&|request| request.recipient_role = term("judge")),
        "refused: not_disclosed under clause `transit.advice`: agreement `common-transit` has no role `judge`"
    );
    assert_eq!(
        ask(&|request| request.purpose = term("statistics")),
        "refused: purpose_not_permitted: agreement `common-transit` has no purpose `statistics`"
    );
    assert_eq!(
        ask(&|request| request.purpose = term(ct::GUARANTEE_MANAGEMENT)),
        "refused: record_type_not_permitted: agreement `common-transit` has no disclosure of `CD001C` for \
         `guarantee_management`"
    );
    assert_eq!(
        ask(&|request| request.agreement = Some(id("another"))),
        "refused: no_agreement: agreement `common-transit` was not asked"
    );
}

#[test]
fn one_party_suspends_a_clause_alone_and_at_once() {
    let suspended_by = |by: &str, clause: Option<&str>| {
        point_of(corridor()).with_suspensions(vec![Suspension {
            agreement: id(ct::ID),
            clause: clause.map(id),
            by: nta(by),
            from: at("2026-11-24T06:00:00Z"),
            until: Some(at("2026-11-25T06:00:00Z")),
        }])
    };
    let ground = |point: &DecisionPoint, moment: &str| {
        let mut request = to_destination();
        request.on = at(moment);
        point.clear(arrival_record(), &request).map(|_| ()).map_err(|refused| refused.ground)
    };
    let point = suspended_by("IT", Some("transit.advice"));
    assert_eq!(ground(&point, "2026-11-24T05:59:59Z"), Ok(()));
    assert_eq!(ground(&point, "2026-11-24T06:00:00Z"), Err(Ground::Suspended));
    assert_eq!(ground(&point, "2026-11-25T06:00:00Z"), Ok(()));
    let now = "2026-11-24T06:00:00Z";
    assert_eq!(ground(&suspended_by("GB", None), now), Err(Ground::Suspended));
    assert_eq!(
        ground(&suspended_by("FR", None), now),
        Ok(()),
        "a third party's suspension does not concern us"
    );
    assert_eq!(ground(&suspended_by("IT", Some("transit.passage")), now), Ok(()));
    assert_eq!(ground(&suspended_by("IT", Some("no.such.clause")), now), Ok(()));
}

#[test]
fn a_reservation_takes_a_party_out_of_a_clause() {
    let point = point_of(changed(|draft| {
        for party in &mut draft.parties {
            if party.administration == nta("IT") {
                party.reservations.insert(id("transit.advice"));
            }
        }
    }));
    assert_eq!(
        refusal(point.clear(arrival_record(), &to_destination())),
        "refused: not_disclosed under clause `transit.advice`: disclosure `arrival-record` does not extend to NTA.IT"
    );
    let mut to_france = to_destination();
    to_france.recipient = nta("FR");
    assert!(point.clear(arrival_record(), &to_france).is_ok());
}

#[test]
fn national_law_withholds_classes_and_elements_and_its_ground_is_told() {
    let classes = point_with_law(
        "administration = \"NTA.GB\"\n[[prohibitions]]\nid = \"s18\"\nlaw = \"CRCA 2005 s. 18\"\n\
         ground = \"public_interest\"\npersonal_only = true\n",
    );
    let cleared = classes.clear(arrival_record(), &to_destination()).unwrap();
    assert_eq!(cleared.document().1, ["messageSender", "TransitOperation/MRN"]);
    assert_eq!(cleared.record().withheld["Consignment/Consignee/name"], Withheld::NationalLaw);
    let elements = point_with_law(
        "administration = \"NTA.GB\"\n[[prohibitions]]\nid = \"x\"\nlaw = \"an act\"\nground = \"secret\"\n\
         paths = [\"**/MRN\", \"Consignment/**\"]\nrecipients = [\"NTA.IT\"]\n",
    );
    let refused = elements.clear(arrival_record(), &to_destination()).unwrap_err();
    // The agreement does not list `secret`, so the partner hears the general ground.
    assert_eq!(refused.ground, Ground::NationalLaw(term("law_prevents")));
    let mut to_france = to_destination();
    to_france.recipient = nta("FR");
    assert!(elements.clear(arrival_record(), &to_france).is_ok());
    let mut from_italy = to_destination();
    (from_italy.sender, from_italy.recipient) = (nta("IT"), nta("GB"));
    assert!(elements.clear(arrival_record(), &from_italy).is_ok(), "one's law does not bind the other");
}

#[test]
fn a_condition_needs_its_fact() {
    let point = point_of(changed(|draft| {
        for row in &mut draft.disclosures {
            row.conditions.insert(term("mutual"));
        }
    }));
    let mut request = to_destination();
    assert_eq!(
        refusal(point.clear(arrival_record(), &request)),
        "refused: not_disclosed under clause `transit.advice`: disclosure `arrival-record` needs the fact `mutual` to \
         hold"
    );
    request.facts.insert(term("mutual"), false);
    assert!(point.clear(arrival_record(), &request).is_err());
    request.facts.insert(term("mutual"), true);
    request.facts.insert(term("beside_the_point"), true);
    assert!(point.clear(arrival_record(), &request).is_ok());
}

#[test]
fn personal_data_needs_a_legal_basis_that_has_not_expired() {
    let point = point_of(changed(|draft| {
        for row in &mut draft.transfer_basis {
            row.expires = Some(Date::parse("2026-11-23").unwrap());
        }
    }));
    let cleared = point.clear(arrival_record(), &to_destination()).unwrap();
    assert_eq!(cleared.record().withheld["Consignment/Consignee/name"], Withheld::NoTransferBasis);
}

#[test]
fn the_agreement_that_ranks_first_governs() {
    let stricter = changed(|draft| {
        draft.id = id("stricter");
        draft.precedence = 1;
        draft.disclosures.iter_mut().for_each(|row| row.personal = false);
    });
    let point = DecisionPoint::new(vec![corridor(), stricter], Vec::new()).unwrap();
    let cleared = point.clear(arrival_record(), &to_destination()).unwrap();
    assert_eq!(cleared.agreement().id.as_str(), "stricter");
    assert_eq!(cleared.document().1.len(), 2);
    let mut request = to_destination();
    request.agreement = Some(id(ct::ID));
    assert_eq!(point.clear(arrival_record(), &request).unwrap().document().1.len(), 3);
}

#[test]
fn a_projection_that_keeps_too_much_is_refused() {
    #[derive(Debug)]
    struct Careless;
    impl Disclosable for Careless {
        fn record_type(&self) -> &str {
            "CD001C"
        }
        fn paths(&self) -> Vec<String> {
            vec!["TransitOperation/MRN".to_owned(), "Photo".to_owned()]
        }
        fn project(self, _: &dyn Fn(&str) -> bool) -> Self {
            self
        }
    }
    let refused = point_of(corridor()).clear(Careless, &to_destination()).unwrap_err();
    assert_eq!(refused.ground, Ground::Fault);
    assert!(refused.record.permitted.is_empty());
}

/// The label of data that Italy gave to Great Britain.
fn from_italy(point: &DecisionPoint) -> Label {
    let mut request = to_destination();
    (request.sender, request.recipient) = (nta("IT"), nta("GB"));
    point.clear(arrival_record(), &request).unwrap().into_parts().1
}

#[test]
fn foreign_data_goes_on_only_as_its_label_allows() {
    let to_france = |label: Label, consents: bool, onward: OnwardRule| {
        let point = point_of(changed(|draft| draft.onward.default = onward));
        let mut request = to_destination();
        request.recipient = nta("FR");
        request.sources = vec![label];
        if consents {
            request.facts.insert(term(ORIGINATOR_CONSENTS), true);
        }
        point.clear(arrival_record(), &request)
    };
    for (onward, alone, with_consent) in [
        (OnwardRule::Parties, true, true),
        (OnwardRule::Consent, false, true),
        (OnwardRule::Deny, false, false),
    ] {
        let label = from_italy(&point_of(changed(|draft| draft.onward.default = onward)));
        assert_eq!(to_france(label.clone(), false, onward).is_ok(), alone, "{onward:?}");
        assert_eq!(to_france(label, true, onward).is_ok(), with_consent, "{onward:?}");
    }
    let label = from_italy(&point_of(changed(|draft| draft.onward.default = OnwardRule::Parties)));
    let cleared = to_france(label.clone(), false, OnwardRule::Parties).unwrap();
    assert_eq!(cleared.label().origins.len(), 2);
    let mut other_purpose = label.clone();
    other_purpose.purposes = BTreeSet::from([term("statistics")]);
    assert_eq!(
        refusal(to_france(other_purpose, true, OnwardRule::Parties)),
        "refused: onward under clause `transit.advice`: data of NTA.IT may not be used for `transit_control` on \
         2026-11-24"
    );
    let mut expired = label;
    expired.retain_until = Some(Date::parse("2026-11-23").unwrap());
    assert!(to_france(expired, true, OnwardRule::Parties).is_err());
}

#[test]
fn foreign_data_may_go_back_to_where_it_came_from() {
    let agreement = changed(|draft| draft.onward.default = OnwardRule::Deny);
    let point = point_of(agreement);
    let mut request = to_destination();
    request.sources = vec![from_italy(&point)];
    assert!(point.clear(arrival_record(), &request).is_ok());
}

#[test]
fn what_arrives_is_labelled_by_the_clause_it_came_under() {
    let point = point_of(corridor());
    let label = point.label_for(&incoming(&point)).unwrap();
    assert_eq!(label.origins.first().unwrap().originator, nta("GB"));
    assert_eq!(label.origins.first().unwrap().clause, id("transit.advice"));
    assert_eq!(label.handling, Handling::Restricted);
    assert_eq!(label.retain_until, Some(Date::parse("2029-11-24").unwrap()));
}

#[test]
fn what_the_sender_was_not_allowed_to_send_is_refused() {
    let point = point_of(corridor());
    let ask = |change: &dyn Fn(&mut Incoming)| {
        let mut message = incoming(&point);
        change(&mut message);
        point.label_for(&message).unwrap_err().ground
    };
    assert_eq!(ask(&|m| m.agreement.id = id("other")), Ground::NoAgreement);
    assert_eq!(ask(&|m| m.agreement.version = 2), Ground::AgreementDiffers);
    assert_eq!(ask(&|m| m.agreement.hash = base::Digest([0; 32])), Ground::AgreementDiffers);
    assert_eq!(ask(&|m| m.sender = nta("MN")), Ground::NoAgreement);
    assert_eq!(ask(&|m| m.on = at("2019-12-31T23:59:59Z")), Ground::NotInForce);
    assert_eq!(ask(&|m| m.clause = id("transit.gossip")), Ground::UnknownClause);
    assert_eq!(ask(&|m| m.purpose = term("statistics")), Ground::PurposeNotPermitted);
    assert_eq!(ask(&|m| m.record_type = id("CD006C")), Ground::RecordTypeNotPermitted);
    assert_eq!(ask(&|m| m.clause = id("transit.passage")), Ground::RecordTypeNotPermitted);
    let suspended = point_of(corridor()).with_suspensions(vec![Suspension {
        agreement: id(ct::ID),
        clause: None,
        by: nta("IT"),
        from: at("2026-11-24T06:00:00Z"),
        until: None,
    }]);
    assert_eq!(suspended.label_for(&incoming(&suspended)).unwrap_err().ground, Ground::Suspended);
    let one_way = point_of(changed(|draft| {
        let row = draft.disclosures.iter_mut().find(|row| row.id.as_str() == "arrival-record").unwrap();
        row.from = agreements::disclosure::Selector::Named(BTreeSet::from([nta("FR")]));
    }));
    assert_eq!(one_way.label_for(&incoming(&one_way)).unwrap_err().ground, Ground::NotDisclosed);
}

#[test]
fn what_the_sender_gave_beyond_the_clause_is_found() {
    let point = point_of(corridor());
    let paths = BTreeSet::from(["TransitOperation/MRN".to_owned(), "Photo/of/driver".to_owned()]);
    assert_eq!(
        point.excess(&incoming(&point), &paths).unwrap(),
        BTreeSet::from(["Photo/of/driver".to_owned()])
    );
}
