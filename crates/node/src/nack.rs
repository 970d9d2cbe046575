//! Answers that no room writes: to messages that do not follow their structure (CC917C, CD917C), and to those that no
//! office takes (CC906C).

use base::{Administration, Timestamp};
use customs::FunctionalError;
use wire::{Document, MessageType, Rejection, XmlError};

/// The most errors that one answer names. The structure admits 9,999; whoever breaks a message in more than a hundred
/// places needs no longer list.
const NAMED: usize = 100;

/// The longest text of an error (an..512).
const TEXT: usize = 512;

/// The header facts of an answer.
pub struct AnswerHeader<'a> {
    /// The answering administration.
    pub sender: &'a Administration,
    /// Who is answered.
    pub recipient: &'a str,
    /// When.
    pub now: Timestamp,
    /// The identification of the answer.
    pub identification: &'a str,
    /// The identification of the rejected message, when it is legible (R0008).
    pub correlation: Option<&'a str>,
}

/// The answer to a trader whose message no office takes, or for which there is no rejection of its own (CC906C).
pub fn functional_nack(
    document: &Document,
    errors: &[FunctionalError],
    header: &AnswerHeader<'_>,
) -> Document {
    let kind = MessageType::CC906C;
    let mut answer = answer(kind, header);
    let mrn = document.text("TransitOperation/MRN");
    answer.set_if("Header/MRN", mrn);
    if mrn.is_none() {
        answer.set_if("Header/LRN", document.text("TransitOperation/LRN"));
    }
    for error in errors.iter().take(NAMED) {
        let entry = answer.add("FunctionalError");
        entry.set("errorPointer", &error.pointer);
        entry.set("errorCode", error.code.code());
        entry.set("errorReason", &error.reason);
        entry.set_if("originalAttributeValue", error.value.as_deref().and_then(cut));
    }
    answer
}

/// The answer to a trader (CC917C) or a partner (CD917C).
pub fn xml_rejection(kind: MessageType, rejection: &Rejection, header: &AnswerHeader<'_>) -> Document {
    let mut answer = answer(kind, header);
    for error in rejection.errors.iter().take(NAMED) {
        add(&mut answer, error);
    }
    answer
}

/// An answer with its header.
fn answer(kind: MessageType, header: &AnswerHeader<'_>) -> Document {
    let mut answer = Document::new(kind);
    answer.set("messageSender", header.sender);
    answer.set("messageRecipient", header.recipient);
    answer.set("preparationDateAndTime", header.now.message_form());
    answer.set("messageIdentification", header.identification);
    answer.set("messageType", kind.as_str());
    let correlation = header.correlation.filter(|text| (1..=35).contains(&text.chars().count()));
    answer.set_if("correlationIdentifier", correlation);
    answer
}

fn add(answer: &mut Document, error: &XmlError) {
    let entry = answer.add("XMLError");
    entry.set("errorLineNumber", error.line);
    entry.set("errorColumnNumber", error.column);
    entry.set_if("errorPointer", cut(&error.path));
    entry.set("errorCode", error.code);
    entry.set("errorText", cut(&error.message).unwrap_or_else(|| "malformed".to_owned()));
    entry.set_if("originalAttributeValue", error.value.as_deref().and_then(cut));
}

/// Text as an element can carry it: one line, no control characters, at most 512 characters, not empty.
fn cut(text: &str) -> Option<String> {
    let words =
        text.split(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'));
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let line: String = line.chars().take(TEXT).collect();
    let line = line.trim_end().to_owned();
    (!line.is_empty()).then_some(line)
}
