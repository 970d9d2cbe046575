//! The worklist: what waits for a decision, where every movement stands, and a search.

use super::failure::Failure;
use super::frame::{Frame, Section, page};
use super::moment::Moment;
use super::paging::{ASKED, Found};
use super::visit::Visit;
use super::{names, paths};
use askama::Template;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::Response;
use base::Mrn;
use node::{MovementFilter, MovementRow};
use serde::Deserialize;

/// Movements in the box of those that wait; the list has the rest.
const WAITING_SHOWN: usize = 10;

/// What an officer looks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// An MRN or LRN.
    pub q: String,
    /// Only this room.
    pub room: String,
    /// Only this state.
    pub state: String,
    /// `1`: only those that wait for an officer.
    pub waiting: String,
    /// Only those whose last change has a lower number.
    pub before: Option<i64>,
}

impl Wanted {
    /// Whether it is narrower than everything.
    fn narrows(&self) -> bool {
        let texts = [&self.q, &self.room, &self.state, &self.waiting];
        texts.iter().any(|text| !text.is_empty())
    }

    /// The same, as a question to the node.
    fn filter(&self) -> MovementFilter {
        let searched = self.q.trim();
        let mrn = Mrn::parse(&searched.to_uppercase()).ok().map(|mrn| mrn.to_string());
        let lrn = (mrn.is_none() && !searched.is_empty()).then(|| searched.to_owned());
        MovementFilter {
            lrn,
            mrn,
            room: (!self.room.is_empty()).then(|| self.room.clone()),
            state: (!self.state.is_empty()).then(|| self.state.clone()),
            waiting: self.waiting == "1",
            before: self.before,
            ..MovementFilter::default()
        }
    }

    fn address(&self, before: &str) -> String {
        let values = [
            ("q", self.q.as_str()),
            ("room", &self.room),
            ("state", &self.state),
            ("waiting", &self.waiting),
            ("before", before),
        ];
        paths::with_query(paths::WORKLIST, &values)
    }
}

/// A movement in a list.
#[derive(Clone, Debug)]
pub struct Line {
    /// The address of its page.
    pub address: String,
    /// What it is called: its MRN, or its LRN before acceptance.
    pub name: String,
    /// The declarant's reference; empty where it is not known.
    pub lrn: String,
    /// What this administration's office is to it.
    pub room: String,
    /// The office.
    pub office: String,
    /// The state in words.
    pub state: String,
    /// How the state looks.
    pub tone: &'static str,
    /// The holder of the procedure.
    pub holder: String,
    /// Whether an officer has to decide.
    pub waits: bool,
    /// When it last changed.
    pub updated: Moment,
}

impl From<&MovementRow> for Line {
    fn from(row: &MovementRow) -> Self {
        let known_by = if row.mrn.is_empty() { &row.movement } else { &row.mrn };
        let name = [&row.mrn, &row.lrn, &row.movement].into_iter().find(|name| !name.is_empty());
        Self {
            address: paths::movement(known_by),
            name: name.cloned().unwrap_or_default(),
            lrn: row.lrn.clone(),
            room: names::room(&row.room).to_owned(),
            office: row.office.clone(),
            state: names::words(&row.state),
            tone: names::tone(&row.state),
            holder: row.holder.clone(),
            waits: row.waits_for_officer,
            updated: Moment::from_micros(row.updated),
        }
    }
}

/// How many movements are in a state of a room.
#[derive(Clone, Debug)]
pub struct Count {
    /// The list of them.
    pub address: String,
    /// The state in words.
    pub state: String,
    /// How the state looks.
    pub tone: &'static str,
    /// How many.
    pub number: i64,
}

/// The counts of one room.
#[derive(Clone, Debug)]
pub struct RoomCounts {
    /// The room in words.
    pub room: String,
    /// Its states.
    pub counts: Vec<Count>,
}

/// A choice of a filter.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is shown.
    pub label: String,
    /// Whether it is chosen now.
    pub chosen: bool,
}

/// The worklist page.
#[derive(Template)]
#[template(path = "worklist.html")]
pub struct WorklistPage {
    frame: Frame,
    wanted: Wanted,
    narrowed: bool,
    later_page: bool,
    first_page: String,
    waiting: Vec<Line>,
    more_waiting: bool,
    counts: Vec<RoomCounts>,
    rooms: Vec<Choice>,
    states: Vec<Choice>,
    lines: Vec<Line>,
    older: Option<String>,
}

impl WorklistPage {
    /// The page of `found` and `waiting`, as the node answers them, where `counts` says what states there are.
    pub fn new(
        frame: Frame,
        wanted: Wanted,
        waiting: &[MovementRow],
        counts: &[(String, String, i64)],
        found: &Found,
    ) -> Self {
        let older = found.before.map(|before| wanted.address(&before.to_string()));
        Self {
            narrowed: wanted.narrows(),
            later_page: wanted.before.is_some(),
            first_page: wanted.address(""),
            waiting: waiting.iter().take(WAITING_SHOWN).map(Line::from).collect(),
            more_waiting: waiting.len() > WAITING_SHOWN,
            counts: counts_by_room(counts),
            rooms: rooms(counts, &wanted.room),
            states: states(counts, &wanted.state),
            lines: found.rows.iter().map(Line::from).collect(),
            older,
            frame,
            wanted,
        }
    }

    /// Whether only those that wait are listed.
    fn only_waiting(&self) -> bool {
        self.wanted.waiting == "1"
    }
}

fn counts_by_room(counts: &[(String, String, i64)]) -> Vec<RoomCounts> {
    let known =
        |room: &str| names::ROOMS.iter().position(|known| *known == room).unwrap_or(names::ROOMS.len());
    let mut sorted: Vec<_> = counts.iter().filter(|(_, _, number)| *number > 0).collect();
    sorted.sort_by(|one, other| (known(&one.0), &one.0).cmp(&(known(&other.0), &other.0)));
    let mut grouped: Vec<RoomCounts> = Vec::new();
    for (room, state, number) in sorted {
        let count = Count {
            address: paths::with_query(paths::WORKLIST, &[("room", room), ("state", state)]),
            state: names::words(state),
            tone: names::tone(state),
            number: *number,
        };
        let words = names::room(room);
        match grouped.last_mut().filter(|group| group.room == words) {
            Some(group) => group.counts.push(count),
            None => grouped.push(RoomCounts { room: words.to_owned(), counts: vec![count] }),
        }
    }
    grouped
}

fn rooms(counts: &[(String, String, i64)], chosen: &str) -> Vec<Choice> {
    let others = counts.iter().map(|(room, _, _)| room.as_str()).filter(|room| !names::ROOMS.contains(room));
    choices(names::ROOMS.into_iter().chain(others), chosen, |room| names::room(room).to_owned())
}

fn states(counts: &[(String, String, i64)], chosen: &str) -> Vec<Choice> {
    let mut states: Vec<&str> = counts.iter().map(|(_, state, _)| state.as_str()).collect();
    states.push(chosen);
    states.sort_unstable();
    choices(states.into_iter(), chosen, names::words)
}

fn choices<'a>(
    values: impl Iterator<Item = &'a str>,
    chosen: &str,
    label: impl Fn(&str) -> String,
) -> Vec<Choice> {
    let mut choices: Vec<Choice> = Vec::new();
    for value in values.filter(|value| !value.is_empty()) {
        if choices.iter().all(|choice| choice.value != value) {
            choices.push(Choice { value: value.to_owned(), label: label(value), chosen: value == chosen });
        }
    }
    choices
}

/// `GET /console?q=&room=&state=&waiting=&before=`.
pub async fn show(visit: Visit, wanted: Result<Query<Wanted>, QueryRejection>) -> Result<Response, Failure> {
    let visit = visit.within(Section::Movements);
    let Query(wanted) =
        wanted.map_err(|rejection| Failure::malformed(&visit.frame, rejection.body_text()))?;
    let answer = visit.node.movements(wanted.filter(), ASKED).await.map_err(visit.failed())?;
    let found = Found::of(answer);
    let counts = visit.node.movement_counts().await.map_err(visit.failed())?;
    let waiting = MovementFilter { waiting: true, ..MovementFilter::default() };
    let waiting = visit.node.movements(waiting, WAITING_SHOWN as i64 + 1).await.map_err(visit.failed())?;
    Ok(page(StatusCode::OK, &WorklistPage::new(visit.frame, wanted, &waiting, &counts, &found)))
}
