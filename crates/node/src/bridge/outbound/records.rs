//! CC029C, CD001C, CD050C and CC043C: messages that carry the consignment on.

use super::{OutboundContext, RenderError, complete, line};
use base::{Eori, Mrn, OfficeReference};
use customs::transit::departure::ReleaseFacts;
use wire::{Document, MessageType};

/// CC029C.
pub(super) fn released(
    target: MessageType,
    release: &ReleaseFacts,
    context: &OutboundContext<'_>,
) -> Result<Document, RenderError> {
    let mut message = carried(target, context)?;
    message.set("TransitOperation/LRN", &release.lrn);
    decided(&mut message, release);
    // Who controlled: the office of departure, which answers for the result.
    let office = message.text("CustomsOfficeOfDeparture/referenceNumber").map(str::to_owned);
    message.set("ControlResult/controlledBy", office.unwrap_or_else(|| context.sender.to_string()));
    complete::holder(&mut message);
    complete::container_indicator(&mut message);
    complete::guarantee_amounts(&mut message, &release.covered);
    complete::border_offices(&mut message);
    complete::transport_means(&mut message, "Consignment/DepartureTransportMeans");
    complete::transport_means(&mut message, "Consignment/ActiveBorderTransportMeans");
    complete::gross_masses(&mut message);
    Ok(message)
}

/// CD001C and CD050C.
pub(super) fn record(
    target: MessageType,
    release: &ReleaseFacts,
    context: &OutboundContext<'_>,
) -> Result<Document, RenderError> {
    let mut message = carried(target, context)?;
    decided(&mut message, release);
    complete::container_indicator(&mut message);
    complete::parties(&mut message);
    Ok(message)
}

fn carried(target: MessageType, context: &OutboundContext<'_>) -> Result<Document, RenderError> {
    let missing = RenderError::SourceMissing { message: target.as_str(), what: "the declaration" };
    Ok(wire::carry(context.declaration.ok_or(missing)?, target))
}

/// What the release decided. The date of the control result carries the limit date (G0127).
fn decided(message: &mut Document, release: &ReleaseFacts) {
    message.set("TransitOperation/MRN", &release.mrn);
    message.set("TransitOperation/declarationAcceptanceDate", release.accepted);
    message.set("TransitOperation/releaseDate", release.released);
    message.set("ControlResult/code", &release.control.code);
    message.set("ControlResult/date", release.limit);
    message.set_if("ControlResult/text", release.control.text.as_deref().and_then(line));
}

/// CC043C: the record, as far as the consignee may see it.
pub(super) fn unloading_permission(
    target: MessageType,
    mrn: &Mrn,
    office: &OfficeReference,
    trader: &Eori,
    context: &OutboundContext<'_>,
) -> Result<Document, RenderError> {
    let missing = RenderError::SourceMissing { message: target.as_str(), what: "the arrival record" };
    let mut message = wire::carry(context.record.ok_or(missing)?, target);
    message.set("TransitOperation/MRN", mrn);
    message.set("CustomsOfficeOfDestinationActual/referenceNumber", office);
    message.set("TraderAtDestination/identificationNumber", trader);
    complete::transport_means(&mut message, "Consignment/DepartureTransportMeans");
    complete::gross_masses(&mut message);
    Ok(message)
}
