//! CC014C, CC170C, CC007C and CC044C: what traders ask and report.

use super::Inbound;
use super::declaration::reference;
use super::reader::Reader;
use customs::FunctionalError;
use customs::transit::{departure, destination};

type Asked = Result<Vec<Inbound>, Vec<FunctionalError>>;

pub(super) fn invalidation_request(mut reader: Reader<'_>) -> Asked {
    let reference = reference(&mut reader);
    let document = reader.document();
    let said = reader.moment("Invalidation/requestDateAndTime");
    // The request is dated by C0129; the header stands in for a date that is not there.
    let requested = said.or_else(|| reader.required_moment("preparationDateAndTime"));
    let justification = document.text("Invalidation/justification").map(str::to_owned);
    let command = reference.zip(requested).map(|(reference, requested)| {
        departure::Command::RequestInvalidation { reference, requested, justification }
    });
    reader.finish(command.map(|command| vec![Inbound::Departure(command)]))
}

pub(super) fn presentation(mut reader: Reader<'_>) -> Asked {
    let lrn = reader.required("TransitOperation/LRN");
    let holder = reader.optional("HolderOfTheTransitProcedure/identificationNumber");
    let limit = reader.optional("TransitOperation/limitDate");
    let command = lrn.map(|lrn| departure::Command::Present { lrn, holder, limit });
    reader.finish(command.map(|command| vec![Inbound::Departure(command)]))
}

pub(super) fn arrival_notification(mut reader: Reader<'_>) -> Asked {
    let mrn = reader.required("TransitOperation/MRN");
    let office = reader.required("CustomsOfficeOfDestinationActual/referenceNumber");
    let trader = reader.required("TraderAtDestination/identificationNumber");
    let at = reader.required_moment("TransitOperation/arrivalNotificationDateAndTime");
    let simplified = reader.flag("TransitOperation/simplifiedProcedure").unwrap_or(false);
    let command = match (mrn, office, trader, at) {
        (Some(mrn), Some(office), Some(trader), Some(at)) => {
            Some(destination::Command::NotifyArrival { mrn, office, trader, at, simplified })
        }
        _ => None,
    };
    reader.finish(command.map(|command| vec![Inbound::Destination(command)]))
}

pub(super) fn unloading_remarks(mut reader: Reader<'_>) -> Asked {
    let mrn = reader.required("TransitOperation/MRN");
    let office = reader.required("CustomsOfficeOfDestinationActual/referenceNumber");
    let trader = reader.required("TraderAtDestination/identificationNumber");
    let on = reader.required("UnloadingRemark/unloadingDate");
    let document = reader.document();
    let said = ["UnloadingRemark/unloadingRemark", "TransitOperation/otherThingsToReport"];
    // Discrepancies may be reported as data alone (G0360); an officer then reads them in the message.
    let as_data = document.group("Consignment").map(|_| "discrepancies are listed in the unloading remarks");
    let text = said.into_iter().find_map(|path| document.text(path)).or(as_data).map(str::to_owned);
    let remark = on.map(|on| destination::UnloadingRemark {
        conform: reader.flag("UnloadingRemark/conform").unwrap_or(false)
            && document.group("Consignment").is_none(),
        complete: reader.flag("UnloadingRemark/unloadingCompletion").unwrap_or(false),
        on,
        seals_intact: reader.flag("UnloadingRemark/stateOfSeals"),
        text,
    });
    let command = match (mrn, office, trader, remark) {
        (Some(mrn), Some(office), Some(trader), Some(remark)) => {
            Some(destination::Command::Remark { mrn, office, trader, remark })
        }
        _ => None,
    };
    reader.finish(command.map(|command| vec![Inbound::Destination(command)]))
}
