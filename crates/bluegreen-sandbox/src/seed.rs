//! Randomness that can be repeated: numbers drawn from a seed and the names of what they are for.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The finaliser of splitmix64: spreads the bits of `value` over all 64.
pub fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number that depends on `seed` and `what` alone, so that draws do not depend on the order in which operators run.
pub fn draw<W: Hash + ?Sized>(seed: u64, what: &W) -> u64 {
    // `DefaultHasher::new` has fixed keys, unlike the hasher of a map.
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    mix(seed ^ hasher.finish())
}

/// A sequence of numbers from a seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Sequence(u64);

impl Sequence {
    /// The sequence that `seed` begins.
    pub fn new(seed: u64) -> Sequence {
        Sequence(seed)
    }

    /// The next number.
    pub fn next_number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// The next number below `bound`; 0 where `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let number = self.next_number() >> 1;
        usize::try_from(number).unwrap_or(usize::MAX >> 1).checked_rem(bound).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_another_one_others() {
        let numbers = |seed| {
            let mut sequence = Sequence::new(seed);
            (0..8).map(|_| sequence.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
        assert_eq!(draw(1, &("a", 2)), draw(1, &("a", 2)));
        assert_ne!(draw(1, &("a", 2)), draw(1, &("a", 3)));
        assert_eq!(Sequence::new(1).below(0), 0);
    }
}
