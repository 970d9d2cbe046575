//! Moments as pages show them: in UTC, and saying so.

use base::Timestamp;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A moment of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(Timestamp);

impl Moment {
    /// From microseconds since 1970, as rows carry them.
    pub fn from_micros(micros: i64) -> Self {
        Self(Timestamp::from_micros(micros))
    }

    /// For the `datetime` attribute: `2026-11-24T06:00:05Z`.
    pub fn machine(&self) -> String {
        format!("{}Z", self.0.message_form())
    }

    /// For people: `24 Nov 2026, 06:00:05 UTC`.
    pub fn shown(&self) -> String {
        let form = self.0.message_form();
        words(&form).unwrap_or(form)
    }
}

/// `2026-11-24T06:00:05` in words; `None` for years of more than four digits.
fn words(form: &str) -> Option<String> {
    let (date, time) = form.split_once('T')?;
    let [year, month, day]: [&str; 3] = date.split('-').collect::<Vec<_>>().try_into().ok()?;
    let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    Some(format!("{} {month} {year}, {time} UTC", day.trim_start_matches('0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shown_in_utc() {
        let micros = Timestamp::parse("2026-02-04T06:00:05.999Z").unwrap().as_micros();
        let moment = Moment::from_micros(micros);
        assert_eq!(moment.machine(), "2026-02-04T06:00:05Z");
        assert_eq!(moment.shown(), "4 Feb 2026, 06:00:05 UTC");
    }

    #[test]
    fn the_ends_of_time_are_shown_too() {
        assert!(!Moment::from_micros(i64::MIN).shown().is_empty());
        assert!(!Moment::from_micros(i64::MAX).shown().is_empty());
    }
}
