//! A message in memory: groups of named texts, in the order in which they were read or set.

use crate::group::Group;
use crate::{Header, MessageType, Phase};
use std::ops::{Deref, DerefMut};

/// A phase-5 message. Dereferences to its root [`Group`], so that paths start below the root element:
/// `document.text("TransitOperation/LRN")`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    message: MessageType,
    phase: Option<Phase>,
    root: Group,
}

impl Document {
    /// An empty message of phase `NCTS5.1`.
    pub fn new(message: MessageType) -> Self {
        Self::from_parts(message, Some(Phase::Final), Group::new(message.as_str()))
    }

    pub(crate) fn from_parts(message: MessageType, phase: Option<Phase>, root: Group) -> Self {
        Self { message, phase, root }
    }

    /// The message, as named by the root element.
    pub fn message(&self) -> MessageType {
        self.message
    }

    /// The phase that the attribute `PhaseID` claims, where there is one.
    pub fn phase(&self) -> Option<Phase> {
        self.phase
    }

    /// Sets the attribute `PhaseID`.
    pub fn set_phase(&mut self, phase: Phase) {
        self.phase = Some(phase);
    }

    /// The root element.
    pub fn root(&self) -> &Group {
        &self.root
    }

    /// The root element, to be changed.
    pub fn root_mut(&mut self) -> &mut Group {
        &mut self.root
    }

    /// Keeps only the texts whose path (below the root, without positions) is wanted. Groups left empty go too; but where
    /// the message requires a group, the first one stays, so that a projection can still be written.
    pub fn retain(&mut self, wanted: &dyn Fn(&str) -> bool) {
        self.root.retain_below("", wanted, crate::table::table().root(self.message));
    }

    /// The message header: who sent it to whom, when, under which identification, in answer to what.
    pub fn header(&self) -> Header {
        crate::read::header_of(&self.root)
    }
}

impl Deref for Document {
    type Target = Group;
    fn deref(&self) -> &Group {
        &self.root
    }
}

impl DerefMut for Document {
    fn deref_mut(&mut self) -> &mut Group {
        &mut self.root
    }
}
