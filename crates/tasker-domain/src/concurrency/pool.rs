//! The pressure on a pool of connections (B-CON-042 to B-CON-055).

use serde::{Deserialize, Serialize};

use super::{EMERGENCY, ExecutionLimits, POOL_CEILING, SAFE_SHARE};

/// Under high pressure only this part of the recommendation is allowed.
const HIGH_PRESSURE_SHARE: f64 = 0.7;

/// A pool of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Connections that it may have.
    pub size: u32,
    /// Those that work.
    pub busy: u32,
    /// Those that are free. The original asks its pool for this number, which its pool does not know: then the advice is
    /// [`EMERGENCY`], whatever the load.
    pub available: Option<u32>,
}

/// How hard a pool is pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pressure {
    /// Up to half of it is busy.
    Low,
    /// Up to 70 percent.
    Moderate,
    /// Up to 85 percent.
    High,
    /// More.
    Critical,
}

/// What the pressure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolHealth {
    /// Low or moderate pressure.
    Healthy,
    /// High pressure.
    Degraded,
    /// Critical pressure.
    Critical,
}

impl Pressure {
    /// Of the busy part of a pool, from 0. A limit belongs to the lower pressure.
    pub fn of(utilisation: f64) -> Self {
        if utilisation <= 0.5 {
            Self::Low
        } else if utilisation <= 0.7 {
            Self::Moderate
        } else if utilisation <= 0.85 {
            Self::High
        } else {
            Self::Critical
        }
    }

    /// What it means.
    pub fn health(self) -> PoolHealth {
        match self {
            Self::Low | Self::Moderate => PoolHealth::Healthy,
            Self::High => PoolHealth::Degraded,
            Self::Critical => PoolHealth::Critical,
        }
    }
}

/// The part of the free connections that is recommended, by pressure. One that is not given is 0.5; without any they are
/// 0.8, 0.6, 0.4, 0.2.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PressureFactors {
    /// Under low pressure.
    #[serde(default = "missing")]
    pub low: f64,
    /// Under moderate pressure.
    #[serde(default = "missing")]
    pub moderate: f64,
    /// Under high pressure.
    #[serde(default = "missing")]
    pub high: f64,
    /// Under critical pressure.
    #[serde(default = "missing")]
    pub critical: f64,
}

fn missing() -> f64 {
    0.5
}

impl Default for PressureFactors {
    fn default() -> Self {
        Self { low: 0.8, moderate: 0.6, high: 0.4, critical: 0.2 }
    }
}

impl PressureFactors {
    fn of(&self, pressure: Pressure) -> f64 {
        match pressure {
            Pressure::Low => self.low,
            Pressure::Moderate => self.moderate,
            Pressure::High => self.high,
            Pressure::Critical => self.critical,
        }
    }
}

/// What is to be said about a pool.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// The busy part, from 0, to three decimals.
    pub utilisation: f64,
    /// How hard it is pressed.
    pub pressure: Pressure,
    /// What that means.
    pub health: PoolHealth,
    /// How many steps at once its free connections are good for, 3 to 12.
    pub recommended: u32,
}

impl Pool {
    /// The busy part of it, from 0, to three decimals; 0 for a pool without connections.
    pub fn utilisation(&self) -> f64 {
        if self.size == 0 {
            return 0.0;
        }
        (f64::from(self.busy) / f64::from(self.size) * 1000.0).round() / 1000.0
    }

    /// What is to be said about it; nothing where its free connections are not known.
    pub fn assess(&self, limits: &ExecutionLimits) -> Option<Assessment> {
        let available = self.available?;
        let utilisation = self.utilisation();
        let pressure = Pressure::of(utilisation);
        let factor = limits.connection_pressure_factors.of(pressure);
        let good_for = (f64::from(available) * factor).min(f64::from(POOL_CEILING)).floor() as u32;
        Some(Assessment { utilisation, pressure, health: pressure.health(), recommended: good_for.max(EMERGENCY) })
    }

    /// How many steps at once it allows.
    pub fn advice(&self, limits: &ExecutionLimits) -> u32 {
        let Some((assessment, available)) = self.assess(limits).zip(self.available) else { return EMERGENCY };
        let safe = (f64::from(available) * SAFE_SHARE).floor() as u32;
        let recommended = assessment.recommended;
        limits.bound(match assessment.pressure {
            Pressure::Low => recommended,
            Pressure::Moderate => recommended.min(safe),
            Pressure::High => (f64::from(recommended) * HIGH_PRESSURE_SHARE).min(f64::from(safe)).floor() as u32,
            Pressure::Critical => EMERGENCY.min(safe),
        })
    }
}
