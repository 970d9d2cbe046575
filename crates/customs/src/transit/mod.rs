//! Transit: goods move under customs control from one office to another, secured by a guarantee (UCC Art 226-236,
//! IA 2015/2447 Art 291-321, Convention on a common transit procedure).
//!
//! A movement lives in three kinds of office, each with its own room and its own state: [`departure`] owns it,
//! [`passage`] (the office of transit) watches it cross a frontier, [`destination`] receives it.

mod declaration;
pub mod departure;
pub mod destination;
pub mod passage;

pub use declaration::{
    AdditionalType, ControlResult, ControlType, Declaration, DeclarationType, Guarantee, GuaranteeLine,
    Holder, Reference, RequestedDocument, ResultCode, Security, TransitOffice,
};
