//! Chance from a seed: a number for each draw of each failure, the same however the run went until then.
//!
//! So a second worker or a longer attempt moves when a step fails, but not how long it then waits, and two schedules can
//! be laid side by side.

/// The draws that belong to one failed attempt.
pub(super) struct Chance {
    state: u64,
}

impl Chance {
    pub(super) fn of(seed: u64, place: usize, attempt: u32) -> Self {
        let place = u64::try_from(place).unwrap_or(u64::MAX);
        Chance { state: mixed(mixed(mixed(seed) ^ place) ^ u64::from(attempt)) }
    }

    /// The next number, from 0 up to but not including 1.
    pub(super) fn fraction(&mut self) -> f64 {
        self.state = mixed(self.state);
        // The 53 bits that a fraction of this type can have.
        (self.state >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A step of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
