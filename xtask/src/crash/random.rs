//! Draws from a seed, so that a campaign can be repeated as far as the machine allows.

/// A small generator (SplitMix64); good enough to decide who declines an offer.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The draws of one part of a campaign.
    pub(crate) const fn new(seed: u64, part: u64) -> Self {
        Self(seed ^ part.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17))
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when there is none.
    pub(crate) const fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.next() % end }
    }

    /// A number from `least` to `most`.
    pub(crate) const fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// True in so many of a hundred cases.
    pub(crate) const fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    pub(crate) fn one_of<'a, T>(&mut self, several: &'a [T]) -> Option<&'a T> {
        let index = usize::try_from(self.below(several.len() as u64)).ok()?;
        several.get(index)
    }
}
