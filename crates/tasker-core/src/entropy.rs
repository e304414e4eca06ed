//! Randomness through a handle: seeded by the operating system, or by a number that repeats a run.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

/// Where chance and ids come from. Cheap to clone; clones draw from the same source.
#[derive(Clone)]
pub struct Entropy {
    source: Arc<Mutex<StdRng>>,
}

impl Entropy {
    /// A source that the operating system seeds.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub fn from_system() -> Result<Self, EntropyError> {
        let mut seed = <StdRng as SeedableRng>::Seed::default();
        getrandom::fill(&mut seed).map_err(|error| EntropyError(error.to_string()))?;
        Ok(Self { source: Arc::new(Mutex::new(StdRng::from_seed(seed))) })
    }

    /// A source that gives the same numbers at every run.
    pub fn seeded(seed: u64) -> Self {
        Self { source: Arc::new(Mutex::new(StdRng::seed_from_u64(seed))) }
    }

    /// A number from 0 up to but not including 1.
    pub fn fraction(&self) -> f64 {
        self.draw(|source| source.random::<f64>())
    }

    /// A random UUID (version 4).
    pub fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.draw(|source| source.random::<[u8; 16]>())).into_uuid()
    }

    fn draw<T>(&self, take: impl FnOnce(&mut StdRng) -> T) -> T {
        // A panic while drawing leaves the generator in a valid state, so a poisoned lock is still usable.
        take(&mut self.source.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}

/// The operating system gave no randomness.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the operating system gives no random numbers: {0}")]
pub struct EntropyError(String);
