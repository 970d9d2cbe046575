//! Chance with a memory: everything random in a simulation comes from its seed.

/// A SplitMix64 generator (Steele, Lea and Flood, 2014): one number of state, every seed a different sequence, and the
/// same sequence every time. It is fast and fair enough to choose faults with, and no protection against anybody.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The dice of one part of a simulation: `part` tells apart those that must not follow each other.
    pub fn of(seed: u64, part: &str) -> Self {
        // FNV-1a: parts that differ in a letter get sequences that have nothing in common.
        let hash = part.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut dice = Self(seed ^ hash);
        dice.roll();
        dice
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `least` to `most`, both included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        let width = most.saturating_sub(least).saturating_add(1);
        least + self.roll() % width.max(1)
    }

    /// Whether something happens that happens `times` in a thousand.
    pub fn per_mille(&mut self, times: u64) -> bool {
        self.roll() % 1000 < times
    }

    /// One of several; `None` when there is none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(from.len()).unwrap_or(u64::MAX);
        let place = self.roll() % count.max(1);
        from.get(usize::try_from(place).unwrap_or_default())
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let roll = self.roll().to_le_bytes();
            for (slot, byte) in chunk.iter_mut().zip(roll) {
                *slot = byte;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_that_of_splitmix64() {
        // The first numbers for seed 1234567 as the reference implementation gives them.
        let mut dice = Dice(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| dice.roll()).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn parts_of_a_simulation_do_not_follow_each_other() {
        let roll = |seed, part| Dice::of(seed, part).roll();
        assert_eq!(roll(1, "faults"), roll(1, "faults"));
        assert_ne!(roll(1, "faults"), roll(1, "people"));
        assert_ne!(roll(1, "faults"), roll(2, "faults"));
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        let mut dice = Dice::of(7, "bounds");
        assert!((0..1000).all(|_| (3..=5).contains(&dice.between(3, 5))));
        assert!((0..1000).all(|_| !dice.per_mille(0) && dice.per_mille(1000)));
        assert_eq!(dice.pick::<u8>(&[]), None);
    }
}
