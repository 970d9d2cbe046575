//! Messages of our trader after the declaration, to the administration of Great Britain.

use super::declarations::{from_trader, pre_lodged};
use wire::{Document, MessageType};

/// The holder of the procedure of our declarations.
pub const HOLDER: &str = "GB205672212000";

/// A request to invalidate the movement with that MRN (CC014C).
pub fn invalidation(identification: &str, mrn: &str) -> Document {
    let mut message = request(identification);
    message.set("TransitOperation/MRN", mrn);
    message
}

/// A request to invalidate the declaration under that LRN (CC014C).
pub fn invalidation_of_lrn(identification: &str, lrn: &str) -> Document {
    let mut message = request(identification);
    message.set("TransitOperation/LRN", lrn);
    message
}

fn request(identification: &str) -> Document {
    let mut message = from_trader(MessageType::CC014C, identification);
    message.set("Invalidation/requestDateAndTime", "2026-11-24T08:00:00");
    message.set("Invalidation/initiatedByCustoms", 0);
    message.set("Invalidation/justification", "the goods stay here");
    message.set("CustomsOfficeOfDeparture/referenceNumber", "GB000087");
    message.set("HolderOfTheTransitProcedure/identificationNumber", HOLDER);
    message
}

/// The presentation of goods that were declared before (CC170C).
pub fn presentation(identification: &str, lrn: &str) -> Document {
    let mut message = wire::carry(&pre_lodged(0), MessageType::CC170C);
    let head = from_trader(MessageType::CC170C, identification);
    for (path, value) in head.leaf_paths() {
        message.set(&path, value);
    }
    message.set("TransitOperation/LRN", lrn);
    message
}

/// The arrival at an office of destination (CC007C).
pub fn arrival(identification: &str, mrn: &str, office: &str) -> Document {
    let mut message = from_trader(MessageType::CC007C, identification);
    message.set("TransitOperation/MRN", mrn);
    message.set("TransitOperation/arrivalNotificationDateAndTime", "2026-11-26T10:00:00");
    message.set("TransitOperation/simplifiedProcedure", 0);
    message.set("TransitOperation/incidentFlag", 0);
    message.set("CustomsOfficeOfDestinationActual/referenceNumber", office);
    message.set("TraderAtDestination/identificationNumber", HOLDER);
    message.set("Consignment/LocationOfGoods/typeOfLocation", "B");
    message.set("Consignment/LocationOfGoods/qualifierOfIdentification", "V");
    message.set("Consignment/LocationOfGoods/CustomsOffice/referenceNumber", office);
    message
}

/// Unloading remarks without discrepancies (CC044C).
pub fn unloading_remarks(identification: &str, mrn: &str) -> Document {
    let mut message = from_trader(MessageType::CC044C, identification);
    message.set("TransitOperation/MRN", mrn);
    message.set("CustomsOfficeOfDestinationActual/referenceNumber", "GB000060");
    message.set("TraderAtDestination/identificationNumber", HOLDER);
    message.set("UnloadingRemark/conform", 1);
    message.set("UnloadingRemark/unloadingCompletion", 1);
    message.set("UnloadingRemark/unloadingDate", "2026-11-26");
    message.set("UnloadingRemark/stateOfSeals", 1);
    message
}
