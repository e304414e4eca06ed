//! Decimal numbers with a fixed number of decimals, as PostgreSQL's `numeric` has them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A decimal number with its scale: `0.0` and `0.00` are different ones. Written to JSON it is a text, so that no reader
/// loses decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    units: i128,
    scale: u8,
}

/// A text that is no decimal number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no decimal number: write digits with at most one point, such as -12.50")]
pub struct InvalidDecimal(pub String);

impl Decimal {
    /// The number `units` × 10^-`scale`: 1250 with scale 2 is 12.50.
    pub const fn new(units: i128, scale: u8) -> Self {
        Self { units, scale }
    }

    /// The quotient of two whole numbers, rounded to `scale` decimals, half away from zero; nothing when the divisor is
    /// 0 or the digits do not fit 128 bits.
    pub fn quotient(dividend: i128, divisor: i128, scale: u8) -> Option<Self> {
        let factor = 10_i128.checked_pow(u32::from(scale))?;
        let (dividend, divisor) = if divisor < 0 { (dividend.checked_neg()?, -divisor) } else { (dividend, divisor) };
        let scaled = dividend.checked_mul(factor)?;
        let whole = scaled.checked_div(divisor)?;
        let rest = (scaled - whole * divisor).unsigned_abs();
        let rounds_up = rest >= divisor.unsigned_abs() - rest;
        Some(Self { units: whole + i128::from(rounds_up && rest > 0) * scaled.signum(), scale })
    }

    /// Number of decimals.
    pub const fn scale(self) -> u8 {
        self.scale
    }

    /// The nearest binary number.
    pub fn as_f64(self) -> f64 {
        self.to_string().parse().expect("digits with at most one point are a number")
    }

    /// The number without its point: 1250 for 12.50.
    pub const fn units(self) -> i128 {
        self.units
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.units.unsigned_abs().to_string();
        let scale = usize::from(self.scale);
        let digits = format!("{digits:0>width$}", width = scale + 1);
        let (whole, decimals) = digits.split_at(digits.len() - scale);
        let point = if scale == 0 { "" } else { "." };
        f.pad_integral(self.units >= 0, "", &format!("{whole}{point}{decimals}"))
    }
}

impl FromStr for Decimal {
    type Err = InvalidDecimal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidDecimal(text.to_owned());
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
        let are_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let is_pointed = digits.contains('.');
        if whole.is_empty() || !are_digits(whole) || !are_digits(decimals) || is_pointed && decimals.is_empty() {
            return Err(invalid());
        }
        let units: i128 = format!("{whole}{decimals}").parse().map_err(|_| invalid())?;
        let scale = u8::try_from(decimals.len()).map_err(|_| invalid())?;
        Ok(Self { units: if text.starts_with('-') { -units } else { units }, scale })
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
