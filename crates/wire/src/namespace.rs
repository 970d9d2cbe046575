//! Namespaces: which prefix stands for which name, and what may be declared (Namespaces in XML 1.0).

use crate::lexer::{Attribute, attribute_value};
use std::borrow::Cow;

/// The namespace of all phase-5 messages.
pub(crate) const NCTS: &str = "http://ncts.dgtaxud.ec";
/// The namespace of schema instance attributes.
pub(crate) const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// The most namespace declarations in force at once: each name is looked up among them, and a message needs two.
pub(crate) const MOST_DECLARATIONS: usize = 256;

/// A name with its namespace looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolved<'n> {
    /// In no namespace.
    Plain(&'n str),
    /// In a namespace: its name and the local name.
    In(&'n str, &'n str),
    /// The prefix is not declared, or the name is no qualified name.
    Undeclared,
}

/// The declarations in force, innermost last.
#[derive(Default)]
pub(crate) struct Scopes<'a> {
    declared: Vec<(&'a str, Cow<'a, str>)>,
}

impl<'a> Scopes<'a> {
    /// How many declarations are in force, to go back to with [`Scopes::leave`].
    pub(crate) fn mark(&self) -> usize {
        self.declared.len()
    }

    pub(crate) fn leave(&mut self, mark: usize) {
        self.declared.truncate(mark);
    }

    /// Whether an unprefixed name is in no namespace for want of any declaration at all but prefixed ones.
    pub(crate) fn has_default(&self) -> bool {
        self.declared.iter().any(|(prefix, _)| prefix.is_empty())
    }

    /// Takes an attribute as a declaration if it is one; whether it is one. What may not be declared is not, as libxml2
    /// warns about it and goes on.
    pub(crate) fn declare(&mut self, attribute: &Attribute<'a>) -> bool {
        let prefix = match attribute.name.split_once(':') {
            None if attribute.name == "xmlns" => "",
            Some(("xmlns", prefix)) => prefix,
            _ => return false,
        };
        let name = attribute_value(attribute.raw);
        let is_reserved = matches!(prefix, "xml" | "xmlns") || matches!(name.as_ref(), XML | XMLNS);
        if !is_reserved && (prefix.is_empty() || !name.is_empty()) {
            self.declared.push((prefix, name));
        }
        true
    }

    /// The namespace of a prefix; the empty prefix is the default namespace.
    pub(crate) fn lookup(&self, prefix: &str) -> Option<&str> {
        if prefix == "xml" {
            return Some(XML);
        }
        self.declared.iter().rev().find(|(known, _)| *known == prefix).map(|(_, name)| name.as_ref())
    }

    /// Looks up the name of an element.
    pub(crate) fn element<'n>(&'n self, name: &'n str) -> Resolved<'n> {
        match name.split_once(':') {
            None => match self.lookup("") {
                None | Some("") => Resolved::Plain(name),
                Some(space) => Resolved::In(space, name),
            },
            Some((prefix, local)) => self.prefixed(prefix, local),
        }
    }

    /// Looks up the name of an attribute: without prefix it is in no namespace.
    pub(crate) fn attribute<'n>(&'n self, name: &'n str) -> Resolved<'n> {
        match name.split_once(':') {
            None => Resolved::Plain(name),
            Some((prefix, local)) => self.prefixed(prefix, local),
        }
    }

    fn prefixed<'n>(&'n self, prefix: &'n str, local: &'n str) -> Resolved<'n> {
        // A local name must itself be a name without a colon.
        let is_local =
            crate::lexer::name_length(local) == local.len() && !local.contains(':') && !local.is_empty();
        match self.lookup(prefix) {
            Some(space) if is_local && !prefix.is_empty() => Resolved::In(space, local),
            _ => Resolved::Undeclared,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(declarations: &[(&'static str, &'static str)]) -> Scopes<'static> {
        let mut scopes = Scopes::default();
        for (name, raw) in declarations {
            assert!(scopes.declare(&Attribute { name, raw }));
        }
        scopes
    }

    #[test]
    fn names_are_looked_up_from_the_inside() {
        let scopes = scopes(&[("xmlns:a", "one"), ("xmlns:a", "two"), ("xmlns", "three")]);
        assert_eq!(scopes.element("a:x"), Resolved::In("two", "x"));
        assert_eq!(scopes.element("x"), Resolved::In("three", "x"));
        assert_eq!(scopes.attribute("x"), Resolved::Plain("x"));
        assert_eq!(scopes.element("b:x"), Resolved::Undeclared);
        assert_eq!(scopes.element("a:b:c"), Resolved::Undeclared);
    }

    #[test]
    fn what_may_not_be_declared_is_not() {
        let scopes = scopes(&[("xmlns:a", ""), ("xmlns:xml", "one"), ("xmlns:xmlns", "two"), ("xmlns", XML)]);
        assert_eq!(scopes.mark(), 0);
    }

    #[test]
    fn an_empty_default_takes_names_out_of_the_namespace() {
        let scopes = scopes(&[("xmlns", "one"), ("xmlns", "")]);
        assert_eq!(scopes.element("x"), Resolved::Plain("x"));
    }
}
