//! Periods of days.

use base::{Date, Timestamp};

/// The moment at which a period of `days` that an event on `day` begins is over. The day of the event does not count,
/// and a period ends with the last hour of its last day (Regulation 1182/71 Art 3(1) and (2)(b)), so what must happen
/// within it is in time until the next day begins.
pub(crate) fn deadline(day: Date, days: u16) -> Timestamp {
    day.plus_days(i32::from(days).saturating_add(1)).start()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::day;

    #[test]
    fn a_period_ends_with_its_last_day() {
        let due = |days| deadline(day("2026-11-24"), days);
        assert_eq!(due(0), day("2026-11-25").start(), "the day itself is whole");
        assert_eq!(due(6), day("2026-12-01").start());
        assert!(Timestamp::parse("2026-11-30T23:59:59Z").unwrap() < due(6), "the last hour is in time");
        assert_eq!(due(30), day("2026-12-25").start());
    }
}
