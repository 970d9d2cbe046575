//! The forms in which an officer decides.

use super::decision::{self, Entered, Field, Problem};
use super::names;
use super::worklist::Choice;
use node::PossibleDecision;

/// A form for one possible decision.
#[derive(Clone, Debug)]
pub struct DecisionForm {
    /// Its number on the page, which makes its identifiers unique.
    pub number: usize,
    /// The decision's name.
    pub decision: String,
    /// The decision in words.
    pub label: String,
    /// The office that decides; empty when there is only one.
    pub office: String,
    /// Whether it goes against the trader.
    pub negative: bool,
    /// Its fields.
    pub fields: Vec<FieldView>,
    /// What is wrong with the confirmation.
    pub unconfirmed: String,
    /// Whether it is shown open.
    pub open: bool,
}

/// A field of a form.
#[derive(Clone, Debug)]
pub struct FieldView {
    /// Its identifier on the page.
    pub id: String,
    /// Its name in the form.
    pub name: &'static str,
    /// Its label.
    pub label: &'static str,
    /// What it is for.
    pub hint: &'static str,
    /// Whether it must be filled in.
    pub required: bool,
    /// Its choices; none for text.
    pub choices: Vec<Choice>,
    /// What was entered.
    pub value: String,
    /// What is wrong with it; empty when nothing is.
    pub problem: String,
}

impl DecisionForm {
    /// The form for the `number`th possible decision; it holds what was `entered` in it before.
    pub fn new(
        number: usize,
        possible: &PossibleDecision,
        entered: Option<&Entered>,
        problems: &[Problem],
    ) -> Self {
        let kind = decision::find(&possible.decision);
        let office = possible.office.clone().unwrap_or_default();
        let one_of_several = kind.is_some_and(|kind| kind.at_office);
        let same = |entered: &&Entered| {
            entered.decision() == possible.decision && (!one_of_several || entered.office() == office)
        };
        let entered = entered.filter(same);
        let problem = |field: &str| {
            let found = problems.iter().find(|problem| entered.is_some() && problem.field == field);
            found.map(|problem| problem.words.clone()).unwrap_or_default()
        };
        let view = |field: &Field| {
            let value = entered.map(|entered| entered.value(field.name)).unwrap_or_default().to_owned();
            let choice = |(code, label): &(&str, &str)| Choice {
                value: (*code).to_owned(),
                label: format!("{code} {label}"),
                chosen: *code == value,
            };
            FieldView {
                id: field_id(number, field.name),
                name: field.name,
                label: field.label,
                hint: field.hint,
                required: field.required,
                choices: field.choices.iter().map(choice).collect(),
                problem: problem(field.name),
                value,
            }
        };
        let label =
            if possible.label.is_empty() { names::words(&possible.decision) } else { possible.label.clone() };
        Self {
            number,
            label,
            negative: kind.is_some_and(|kind| kind.negative),
            fields: kind.map(|kind| kind.fields).unwrap_or_default().iter().map(view).collect(),
            unconfirmed: problem("confirmed"),
            open: entered.is_some(),
            decision: possible.decision.clone(),
            office,
        }
    }

    /// Its problems, each with the identifier of its field.
    pub fn problems(&self) -> Vec<(String, String)> {
        let fields = self.fields.iter().map(|field| (field.id.clone(), field.problem.clone()));
        let confirmation = (field_id(self.number, "confirmed"), self.unconfirmed.clone());
        fields.chain([confirmation]).filter(|(_, words)| !words.is_empty()).collect()
    }
}

fn field_id(number: usize, field: &str) -> String {
    format!("decision-{number}-{field}")
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{entered, possible};
    use super::*;

    #[test]
    fn a_form_keeps_what_was_entered_in_it_and_only_in_it() {
        let sent = entered(&[("decision", "crossing"), ("office", "FR000060")]);
        let problems = sent.problems().unwrap();
        let own = DecisionForm::new(0, &possible("crossing", "FR000060"), Some(&sent), &problems);
        let other = DecisionForm::new(1, &possible("crossing", "FR000070"), Some(&sent), &problems);
        assert!(own.open && !own.problems().is_empty());
        assert!(!other.open && other.problems().is_empty());
    }

    #[test]
    fn a_decision_that_the_console_does_not_know_has_a_form_without_fields() {
        let form = DecisionForm::new(0, &possible("seal-again", ""), None, &[]);
        assert_eq!(form.label, "Seal again");
        assert!(form.fields.is_empty());
    }
}
