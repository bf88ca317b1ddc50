//! Weighted picks with exact shares: a cursor walks a pattern in which every choice stands as often as it weighs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Short patterns are repeated up to about this length before they are loosened.
const ENOUGH: usize = 1024;
/// Neighbours are shuffled within runs of this length.
const RUN: usize = 8;

/// Picks an index by weight. After every whole turn of the pattern the counts are exactly in proportion, whoever picked.
#[derive(Debug)]
pub(crate) struct Split {
    /// Empty when nothing has any weight.
    pattern: Box<[u8]>,
    cursor: Arc<AtomicUsize>,
}

impl Split {
    /// The cursor may go on from another split, so that a split that is replaced often still reaches its rare choices.
    pub(crate) fn new(weights: &[u16], cursor: Arc<AtomicUsize>) -> Split {
        Split { pattern: pattern(weights), cursor }
    }

    /// The next choice.
    pub(crate) fn pick(&self) -> Option<usize> {
        match self.pattern.len() {
            0 => None,
            length => Some(usize::from(self.pattern[self.cursor.fetch_add(1, Ordering::Relaxed) % length])),
        }
    }
}

fn pattern(weights: &[u16]) -> Box<[u8]> {
    // A lone group gets everything, as the load balancer has it, whatever its weight says.
    if let [_] = weights {
        return Box::new([0]);
    }
    let divisor = weights.iter().fold(0, |divisor, weight| gcd(divisor, usize::from(*weight)));
    if divisor == 0 {
        return Box::new([]);
    }
    let parts: Vec<usize> = weights.iter().map(|weight| usize::from(*weight) / divisor).collect();
    let period: usize = parts.iter().sum();
    let length = period * ENOUGH.div_ceil(period);
    // Smooth weighted round robin: each gains its weight, the richest is chosen and pays for a whole period.
    let mut wealth = vec![0_isize; parts.len()];
    let mut pattern = Vec::with_capacity(length);
    for _ in 0..length {
        let mut richest = 0;
        for (index, part) in parts.iter().enumerate() {
            wealth[index] = wealth[index].saturating_add_unsigned(*part);
            if wealth[index] > wealth[richest] || parts[richest] == 0 {
                richest = index;
            }
        }
        wealth[richest] = wealth[richest].saturating_sub_unsigned(period);
        pattern.push(u8::try_from(richest).unwrap_or(u8::MAX));
    }
    // A strict alternation would send every second request of a client that asks for two things in turn to one side.
    let mut random = fastrand::Rng::with_seed(parts.iter().fold(17, |seed, part| seed * 1009 + *part as u64));
    for run in pattern.chunks_mut(RUN) {
        random.shuffle(run);
    }
    pattern.into_boxed_slice()
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(split: &Split, picks: usize, choices: usize) -> Vec<usize> {
        let mut counts = vec![0; choices];
        for _ in 0..picks {
            counts[split.pick().unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn a_whole_turn_is_exact_and_nothing_waits_long() {
        for weights in [
            &[90, 10][..],
            &[99, 1],
            &[50, 50],
            &[100, 0],
            &[0, 100],
            &[997, 3],
            &[1, 999],
            &[1, 2, 3, 4, 5],
            &[999, 998, 997, 0, 1],
            &[0, 0, 7],
        ] {
            let split = Split::new(weights, Arc::default());
            let total: usize = weights.iter().map(|weight| usize::from(*weight)).sum();
            let turns = split.pattern.len();
            let expected: Vec<usize> = weights.iter().map(|weight| usize::from(*weight) * turns / total).collect();
            assert_eq!(counts(&split, turns, weights.len()), expected, "{weights:?}");
            for (index, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0) {
                let twice = split.pattern.iter().chain(&split.pattern);
                let (longest, _) = twice.fold((0, 0), |(longest, gap), choice| {
                    if usize::from(*choice) == index { (longest, 0) } else { (longest.max(gap + 1), gap + 1) }
                });
                let fair = total.div_ceil(usize::from(*weight));
                assert!(longest <= 2 * fair + 2 * RUN, "{weights:?}: {index} waited {longest}, fair is {fair}");
            }
        }
    }

    #[test]
    fn nothing_weighs_anything() {
        assert_eq!(Split::new(&[0, 0], Arc::default()).pick(), None);
        assert_eq!(Split::new(&[], Arc::default()).pick(), None);
        assert_eq!(Split::new(&[0], Arc::default()).pick(), Some(0));
    }

    #[test]
    fn a_split_replaced_before_every_request_keeps_its_shares() {
        let cursor = Arc::<AtomicUsize>::default();
        let mut counts = [0; 2];
        for _ in 0..1_100 {
            counts[Split::new(&[99, 1], cursor.clone()).pick().unwrap()] += 1;
        }
        assert_eq!(counts, [1_089, 11]);
    }

    #[test]
    fn an_even_split_does_not_follow_a_client_that_alternates() {
        let split = Split::new(&[50, 50], Arc::default());
        let second = (0..2_000).filter(|_| {
            split.pick();
            split.pick() == Some(1)
        });
        assert!((700..=1_300).contains(&second.count()));
    }
}
