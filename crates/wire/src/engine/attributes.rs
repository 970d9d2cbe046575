//! Attributes: namespace declarations, `PhaseID` of the root, and those of schema instances.

use super::report::MOST_VALUE;
use super::{Engine, Sink, Stop};
use crate::element::{Frame, Holds};
use crate::lexer::{self, Fault, TagEnd, quoted};
use crate::namespace::{NCTS, Resolved, XSI};
use crate::table::table;
use crate::{Phase, cl030};

/// White space of XML, which references can put into an attribute's value.
const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

impl<'a, S: Sink> Engine<'a, '_, S> {
    /// Takes the namespace declarations out of the attributes and checks that no attribute stands twice.
    pub(super) fn declare_namespaces(&mut self, element: &str, tag: TagEnd) -> Result<(), Stop> {
        let mut attributes = std::mem::take(&mut self.attributes);
        for (index, attribute) in attributes.iter().enumerate() {
            if attributes.iter().take(index).any(|earlier| earlier.name == attribute.name) {
                return Err(Fault::new(
                    tag.close,
                    format!("the attribute `{}` stands twice", quoted(attribute.name)),
                )
                .into());
            }
        }
        attributes.retain(|attribute| !self.scopes.declare(attribute));
        for (index, attribute) in attributes.iter().enumerate() {
            let message = match self.scopes.attribute(attribute.name) {
                Resolved::Undeclared => {
                    format!(
                        "the prefix of the attribute `{}` on `{}` is not declared",
                        quoted(attribute.name),
                        quoted(element)
                    )
                }
                Resolved::In(space, local)
                    if attributes
                        .iter()
                        .take(index)
                        .any(|earlier| self.scopes.attribute(earlier.name) == Resolved::In(space, local)) =>
                {
                    format!(
                        "the attribute `{}` of the namespace `{}` stands twice",
                        quoted(local),
                        quoted(space)
                    )
                }
                _ => continue,
            };
            self.push_namespace_error(tag.close, message)?;
        }
        self.attributes = attributes;
        Ok(())
    }

    /// Checks the attributes of the element just opened.
    pub(super) fn check_attributes(&mut self) -> Result<(), Stop> {
        if self.attributes.is_empty() && self.open.len() > 1 {
            return Ok(());
        }
        let attributes = std::mem::take(&mut self.attributes);
        let mut has_phase = false;
        for attribute in &attributes {
            let wrong = match self.scopes.attribute(attribute.name) {
                Resolved::Plain("PhaseID") if self.open.len() == 1 => {
                    has_phase = true;
                    let value = lexer::attribute_value(attribute.raw);
                    match Phase::parse(value.trim_matches(BLANKS)) {
                        Some(phase) => {
                            self.sink.phase(phase);
                            None
                        }
                        None => Some((
                            cl030::NOT_IN_ENUMERATION,
                            "PhaseID must be one of NCTS5.0, NCTS5.1".to_owned(),
                        )),
                    }
                }
                Resolved::In(XSI, "schemaLocation" | "noNamespaceSchemaLocation") => None,
                Resolved::In(XSI, "type") if self.is_own_type(&lexer::attribute_value(attribute.raw)) => None,
                Resolved::In(XSI, "type") => {
                    Some((cl030::WRONG_TYPE, "xsi:type must name the element's own type".to_owned()))
                }
                Resolved::In(XSI, "nil") => {
                    Some((cl030::NOT_EXPECTED, "the element may not be nil".to_owned()))
                }
                _ => Some((
                    cl030::NOT_EXPECTED,
                    format!("the attribute `{}` is not allowed", quoted(attribute.name)),
                )),
            };
            if let Some((code, message)) = wrong {
                let value = lexer::attribute_value(attribute.raw).chars().take(MOST_VALUE).collect();
                self.report_attribute(code, attribute.name, message, Some(value))?;
            }
        }
        self.attributes = attributes;
        let needs_phase =
            self.message.and_then(|message| table().message(message)).is_some_and(|spec| spec.phase_required);
        if self.open.len() == 1 && needs_phase && !has_phase {
            self.report_attribute(
                cl030::MISSING,
                "PhaseID",
                "the attribute `PhaseID` is missing".to_owned(),
                None,
            )?;
        }
        Ok(())
    }

    /// Whether a value of `xsi:type` names the type that the element just opened has anyway.
    pub(super) fn is_own_type(&self, value: &str) -> bool {
        let value = value.trim_matches(BLANKS);
        let (prefix, local) = value.split_once(':').unwrap_or(("", value));
        let Some(Frame { holds: Holds::Group { spec, .. }, .. }) = self.open.last() else {
            return false;
        };
        let own = spec.name.split('.').next().unwrap_or_default();
        let is_own =
            if self.open.len() == 1 { local.strip_suffix("Type") == Some(own) } else { local == own };
        self.scopes.lookup(prefix) == Some(NCTS) && is_own
    }

    pub(super) fn report_attribute(
        &mut self,
        code: u8,
        name: &str,
        message: String,
        value: Option<String>,
    ) -> Result<(), Stop> {
        let path = format!("{}/@{}", self.path(), quoted(name));
        let Some(place) = self.open.last().copied() else {
            return Ok(());
        };
        self.push_error(&place, code, path, message, value)
    }
}
