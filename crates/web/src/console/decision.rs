//! The decisions of officers as forms take them: which fields each has, and what was entered in them.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The longest text of a field, in characters: what the messages' text elements hold (an..512).
pub const TEXT_LIMIT: usize = 512;

/// A decision.
pub struct Kind {
    /// Its name, as in `control-satisfactory`.
    pub name: &'static str,
    /// Whether it goes against the trader, and so looks like it.
    pub negative: bool,
    /// Whether it is a decision of one office among several.
    pub at_office: bool,
    /// What is to be filled in.
    pub fields: &'static [Field],
}

/// One field of a decision.
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it is called on the page.
    pub label: &'static str,
    /// What it is for.
    pub hint: &'static str,
    /// Whether it must be filled in.
    pub required: bool,
    /// Its choices, code and words; none for text.
    pub choices: &'static [(&'static str, &'static str)],
}

const REASON: Field = Field {
    name: "reason",
    label: "Reason",
    hint: "It stays on record, and goes into the message that tells the decision.",
    required: true,
    choices: &[],
};

const REMARKS: Field = Field { label: "Remarks", hint: "They stay on record.", required: false, ..REASON };

const FINDINGS: Field = Field {
    label: "Remarks",
    hint: "They stay on record. Discrepancies need them.",
    required: false,
    ..REASON
};

/// What an office orders (CL716).
const CONTROL_TYPE: Field = Field {
    name: "type",
    label: "Control",
    hint: "The declarant is told that the goods are under control.",
    required: true,
    choices: &[
        ("10", "Documentary controls"),
        ("20", "Nuclear or radioactive material check"),
        ("30", "Non-intrusive inspection"),
        ("40", "Physical controls"),
        ("41", "Identification of consignment and seals"),
        ("42", "Intrusive inspection"),
        ("43", "Quantity control, partial or total"),
        ("44", "Nature and characteristics of the goods"),
        ("45", "Sampling"),
        ("50", "Other"),
    ],
};

/// What the office of destination found (G0126, G0017).
const CONTROL_RESULT: Field = Field {
    name: "code",
    label: "Result",
    hint: "A1 and A2 end the movement; A5 and B1 start the resolution of discrepancies.",
    required: true,
    choices: &[
        ("A1", "Satisfactory, after physical control"),
        ("A2", "Considered satisfactory"),
        ("A5", "Discrepancies: seals broken"),
        ("B1", "Not satisfactory: discrepancies"),
    ],
};

/// What the office of destination saw of the seals (C0810).
const SEALS: Field = Field {
    name: "seals",
    label: "Seals",
    hint: "Departure is told. Leave it out when the consignment has no seals.",
    required: false,
    choices: &[("intact", "In good state"), ("broken", "Broken or missing")],
};

/// The results that need remarks, because they go against the trader.
const DISCREPANCIES: [&str; 2] = ["A5", "B1"];

const fn kind(name: &'static str, fields: &'static [Field]) -> Kind {
    Kind { name, negative: false, at_office: false, fields }
}

const fn against(name: &'static str) -> Kind {
    Kind { name, negative: true, at_office: false, fields: &[REASON] }
}

/// Every decision that an officer can take.
const KINDS: &[Kind] = &[
    kind("release", &[]),
    kind("control", &[CONTROL_TYPE, REMARKS]),
    kind("control-satisfactory", &[REMARKS]),
    against("control-unsatisfactory"),
    against("refuse-release"),
    against("invalidate"),
    kind("resolve-discrepancies", &[REASON]),
    Kind { at_office: true, ..kind("crossing", &[]) },
    kind("permit-unloading", &[]),
    kind("control-result", &[CONTROL_RESULT, SEALS, FINDINGS]),
    kind("release-goods", &[]),
];

/// The decision of this name.
pub fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// What an officer has entered in one form.
#[derive(Clone, Debug, Default)]
pub struct Entered {
    decision: String,
    office: String,
    confirmed: bool,
    form_token: String,
    values: BTreeMap<String, String>,
}

/// Something that is missing or wrong in a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field, by name.
    pub field: &'static str,
    /// What to do.
    pub words: String,
}

impl Entered {
    /// What a form was sent with.
    pub fn from_pairs(pairs: Vec<(String, String)>) -> Self {
        let mut entered = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "decision" => entered.decision = value,
                "office" => entered.office = value,
                "confirmed" => entered.confirmed = value == "yes",
                "form_token" => entered.form_token = value,
                _ => _ = entered.values.insert(name, value),
            }
        }
        entered
    }

    /// The decision's name.
    pub fn decision(&self) -> &str {
        &self.decision
    }

    /// The office that decides; empty when the form named none.
    pub fn office(&self) -> &str {
        &self.office
    }

    /// The secret of the form.
    pub fn form_token(&self) -> &str {
        &self.form_token
    }

    /// What was entered in a field, without the space around it.
    pub fn value(&self, field: &str) -> &str {
        self.values.get(field).map_or("", |value| value.trim())
    }

    /// What is missing or wrong; `None` when there is no such decision.
    pub fn problems(&self) -> Option<Vec<Problem>> {
        let fields = find(&self.decision)?.fields.iter();
        let wrong = |field: &Field| Some(Problem { field: field.name, words: self.wrong(field)? });
        let mut problems: Vec<Problem> = fields.filter_map(wrong).collect();
        if !self.confirmed {
            let words = "Confirm that you have checked the movement and take this decision".to_owned();
            problems.push(Problem { field: "confirmed", words });
        }
        Some(problems)
    }

    /// What is wrong with one field.
    fn wrong(&self, field: &Field) -> Option<String> {
        let (value, label) = (self.value(field.name), field.label.to_lowercase());
        if value.is_empty() {
            let against = field.name == "reason" && DISCREPANCIES.contains(&self.value("code"));
            let verb = if field.choices.is_empty() { "Enter" } else { "Choose" };
            return (field.required || against).then(|| format!("{verb} the {label}"));
        }
        if value.chars().count() > TEXT_LIMIT {
            return Some(format!("Shorten the {label} to {TEXT_LIMIT} characters at most"));
        }
        let known = field.choices.is_empty() || field.choices.iter().any(|(code, _)| *code == value);
        (!known).then(|| format!("Choose the {label} from the list: `{value}` is not on it"))
    }

    /// The decision as the node reads it. Only fields of this decision that were filled in are part of it.
    pub fn to_json(&self) -> Value {
        let mut json = Map::new();
        json.insert("decision".to_owned(), self.decision.clone().into());
        let Some(kind) = find(&self.decision) else {
            return Value::Object(json);
        };
        if kind.at_office && !self.office.is_empty() {
            json.insert("office".to_owned(), self.office.clone().into());
        }
        for field in kind.fields {
            let value = self.value(field.name);
            if !value.is_empty() {
                json.insert(field.name.to_owned(), value.into());
            }
        }
        Value::Object(json)
    }

    /// What was entered, for people: labels and values.
    pub fn told(&self) -> Vec<(&'static str, String)> {
        let fields = find(&self.decision).map(|kind| kind.fields).unwrap_or_default().iter();
        let told = fields.map(|field| (field.label, self.value(field.name).to_owned()));
        told.filter(|(_, value)| !value.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::entered;
    use super::*;
    use node::OfficerDecision;

    #[test]
    fn the_node_understands_every_decision() {
        for kind in KINDS {
            let mut pairs = vec![("decision", kind.name), ("office", "FR000060"), ("confirmed", "yes")];
            let value = |field: &Field| field.choices.first().map_or("because", |(code, _)| *code);
            pairs.extend(kind.fields.iter().map(|field| (field.name, value(field))));
            let full = entered(&pairs);
            assert_eq!(full.problems(), Some(Vec::new()), "{} is complete", kind.name);
            let read: Result<OfficerDecision, _> = serde_json::from_value(full.to_json());
            assert!(read.is_ok(), "{}: {read:?}", kind.name);
        }
    }

    #[test]
    fn a_negative_decision_needs_its_reason() {
        for kind in KINDS.iter().filter(|kind| kind.negative) {
            let silent = entered(&[("decision", kind.name), ("reason", "  \n"), ("confirmed", "yes")]);
            let missing = Problem { field: "reason", words: "Enter the reason".to_owned() };
            assert_eq!(silent.problems(), Some(vec![missing]), "{}", kind.name);
        }
        assert_eq!(KINDS.iter().filter(|kind| kind.negative).count(), 3);
    }

    #[test]
    fn a_control_result_needs_remarks_when_it_names_discrepancies() {
        let missing = |code: &str| {
            let result = entered(&[("decision", "control-result"), ("code", code), ("confirmed", "yes")]);
            result.problems().unwrap().len()
        };
        assert_eq!(["A1", "A2", "A5", "B1"].map(missing), [0, 0, 1, 1]);
    }

    #[test]
    fn every_decision_must_be_confirmed() {
        for kind in KINDS {
            let problems = entered(&[("decision", kind.name)]).problems().unwrap();
            assert!(problems.iter().any(|problem| problem.field == "confirmed"), "{}", kind.name);
        }
    }

    #[test]
    fn fields_are_checked_before_the_node_is_asked() {
        let too_long = "x".repeat(TEXT_LIMIT + 1);
        let wrong =
            entered(&[("decision", "control"), ("type", "99"), ("reason", &too_long), ("confirmed", "yes")]);
        let fields: Vec<_> = wrong.problems().unwrap().iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["type", "reason"]);
        assert_eq!(entered(&[("decision", "drop-tables")]).problems(), None);
    }

    #[test]
    fn the_node_reads_only_the_fields_of_the_decision() {
        let sent = entered(&[
            ("decision", "control-result"),
            ("office", "IT261101"),
            ("code", "A2"),
            ("reason", ""),
            ("type", "10"),
            ("form_token", "secret"),
            ("confirmed", "yes"),
        ]);
        assert_eq!(sent.to_json(), serde_json::json!({"decision": "control-result", "code": "A2"}));
        let crossing = entered(&[("decision", "crossing"), ("office", "FR000060")]);
        assert_eq!(crossing.to_json(), serde_json::json!({"decision": "crossing", "office": "FR000060"}));
    }
}
