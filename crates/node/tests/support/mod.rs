//! One node of Great Britain in a folder of its own, with partners that cannot be reached.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "each test uses a part"
)]

use base::{AccessCode, Administration, Country, Currency, Eori, Grn, GuaranteeType, Money};
use node::{
    Config, Delivery, GuaranteeRegistration, Node, Principal, Role, SetUp, Submission, Transport,
    TransportError, World,
};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The declaration of the demonstration, from Leeds through Calais to Turin.
pub const DECLARATION: &str = include_str!("../../../corridor/declarations/gb-fr-it.xml");

static NUMBER: AtomicU32 = AtomicU32::new(0);

struct Nowhere;

impl Transport for Nowhere {
    fn deliver<'a>(&'a self, partner: &'a Administration, _envelope: node::Bytes) -> Delivery<'a> {
        Box::pin(async move { Err(TransportError::Unreachable(partner.clone(), "it is away".into())) })
    }
}

pub struct Bench {
    pub node: Arc<Node>,
    folder: PathBuf,
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A node that releases by officers, with partners FR and IT by agreement and card.
pub async fn bench() -> Bench {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("tidewaiter-node-test-{}-{number}", std::process::id()));
    let parties = ["GB", "FR", "IT"].map(|code| Administration::of(Country::parse(code).unwrap()));
    let unused = SocketAddr::from(([127, 0, 0, 1], 0));
    let prepared: Vec<_> = parties
        .iter()
        .map(|administration| {
            let set_up = SetUp {
                folder: folder.join(administration.country().as_str()),
                administration: administration.clone(),
                store: "sqlite:node.db".into(),
                api: unused,
                peer: unused,
                corridor_defaults: true,
                reference: None,
            };
            node::initialise(&set_up).unwrap()
        })
        .collect();
    let cards = prepared[1..].iter().map(|files| files.card.clone()).collect();
    node::join_corridor(&prepared[0].config, cards, &parties).unwrap();
    let config = Config::load(&prepared[0].config).unwrap();
    let node = Node::open_with(config, World::system(), Arc::new(Nowhere)).await.unwrap();
    Bench { node, folder }
}

pub fn trader(name: &str) -> Principal {
    Principal { name: name.into(), role: Role::Trader }
}

pub fn officer() -> Principal {
    Principal { name: "officer".into(), role: Role::Officer }
}

/// The declaration with another LRN and message identification.
pub fn declaration(number: u32) -> String {
    DECLARATION
        .replace("LEEDS-TURIN-000001", &format!("LEEDS-TURIN-{number:06}"))
        .replace("CORRIDOR-000001", &format!("CORRIDOR-{number:06}"))
}

/// A request to invalidate a movement (CC014C).
pub fn invalidation(mrn: &str, identification: &str) -> String {
    format!(
        "<ncts:CC014C xmlns:ncts=\"http://ncts.dgtaxud.ec\" PhaseID=\"NCTS5.1\">\
         <messageSender>GB205672212000</messageSender><messageRecipient>NTA.GB</messageRecipient>\
         <preparationDateAndTime>2026-11-24T07:00:00</preparationDateAndTime>\
         <messageIdentification>{identification}</messageIdentification><messageType>CC014C</messageType>\
         <TransitOperation><MRN>{mrn}</MRN></TransitOperation>\
         <Invalidation><requestDateAndTime>2026-11-24T07:00:00</requestDateAndTime>\
         <initiatedByCustoms>0</initiatedByCustoms><justification>sold elsewhere</justification></Invalidation>\
         <CustomsOfficeOfDeparture><referenceNumber>GB000087</referenceNumber></CustomsOfficeOfDeparture>\
         <HolderOfTheTransitProcedure><identificationNumber>GB205672212000</identificationNumber>\
         </HolderOfTheTransitProcedure></ncts:CC014C>"
    )
}

pub async fn submit(bench: &Bench, by: &str, xml: &str) -> Submission {
    bench.node.submit(&trader(by), xml.as_bytes().to_vec()).await.unwrap()
}

/// Registers the guarantee that the declaration names.
pub async fn register_guarantee(bench: &Bench) {
    let registration = GuaranteeRegistration {
        grn: Grn::parse("26GB0000000001236").unwrap(),
        kind: GuaranteeType::COMPREHENSIVE,
        holders: BTreeSet::from([Eori::parse("GB205672212000").unwrap()]),
        access_code: AccessCode::parse("AV26").unwrap(),
        reference_amount: Money::parse("50000.00", Currency::EUR).unwrap(),
        percentage: 100,
        valid_from: None,
        valid_until: None,
        not_valid_in: BTreeSet::new(),
        office: None,
    };
    let registered = bench.node.register_guarantee(&officer(), registration).await.unwrap();
    assert!(registered.accepted, "{}", registered.words);
}
