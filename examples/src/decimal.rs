//! Amounts of money and percentages, exactly.
//!
//! A binary float cannot hold 0.1, so sums of prices drift by a cent sooner or later. A [`Decimal`] reads the digits
//! of a JSON number as they stand and writes them back the same way.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use tasker_core::step_handler::StepError;

/// Most digits an amount may have; enough for any shop, and two of them can be multiplied without loss.
const MAX_DIGITS: usize = 18;

/// Most decimals a product may have: 10 to this power is the largest that an `i128` holds.
const MAX_SCALE: u32 = 38;

/// A decimal number: `units / 10^scale`, always in its shortest form, so that 8.80 and 8.8 are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    units: i128,
    scale: u32,
}

/// A text that is not a decimal number of at most 18 digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidDecimal(String);

impl fmt::Display for InvalidDecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a decimal number of at most {MAX_DIGITS} digits", self.0)
    }
}

impl std::error::Error for InvalidDecimal {}

/// A sum or product that no longer fits.
///
/// It is no `std::error::Error`, so that `?` in a handler makes a *permanent* failure of it: trying again cannot help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfRange;

impl From<OutOfRange> for StepError {
    fn from(_: OutOfRange) -> Self {
        StepError::permanent("an amount is too large to reckon with").with_code("AMOUNT_OUT_OF_RANGE")
    }
}

impl Decimal {
    /// Nothing.
    pub const ZERO: Decimal = Decimal { units: 0, scale: 0 };

    /// A number of hundredths: `Decimal::cents(1999)` is 19.99.
    pub fn cents(cents: i64) -> Self {
        Self::shortest(i128::from(cents), 2)
    }

    fn shortest(mut units: i128, mut scale: u32) -> Self {
        while scale > 0 && units % 10 == 0 {
            units /= 10;
            scale -= 1;
        }
        Self { units, scale }
    }

    /// The units at a scale that is at least this number's own.
    fn units_at(self, scale: u32) -> Result<i128, OutOfRange> {
        let factor = 10_i128.checked_pow(scale - self.scale).ok_or(OutOfRange)?;
        self.units.checked_mul(factor).ok_or(OutOfRange)
    }

    /// The sum.
    ///
    /// # Errors
    /// It does not fit.
    pub fn plus(self, other: Self) -> Result<Self, OutOfRange> {
        let scale = self.scale.max(other.scale);
        let sum = self.units_at(scale)?.checked_add(other.units_at(scale)?).ok_or(OutOfRange)?;
        Ok(Self::shortest(sum, scale))
    }

    /// The difference.
    ///
    /// # Errors
    /// It does not fit.
    pub fn minus(self, other: Self) -> Result<Self, OutOfRange> {
        self.plus(Self { units: -other.units, scale: other.scale })
    }

    /// The product.
    ///
    /// # Errors
    /// It does not fit.
    pub fn times(self, other: Self) -> Result<Self, OutOfRange> {
        let units = self.units.checked_mul(other.units).ok_or(OutOfRange)?;
        let scale = self.scale + other.scale;
        if scale > MAX_SCALE { Err(OutOfRange) } else { Ok(Self::shortest(units, scale)) }
    }

    /// So many percent of this amount, unrounded.
    ///
    /// # Errors
    /// It does not fit.
    pub fn percent(self, percentage: Self) -> Result<Self, OutOfRange> {
        self.times(percentage)?.times(Self::cents(1))
    }

    /// Rounded to whole cents, halves away from zero.
    #[must_use]
    pub fn rounded_to_cents(self) -> Self {
        if self.scale <= 2 {
            return self;
        }
        let divisor = 10_i128.pow(self.scale - 2);
        let half = divisor / 2 * self.units.signum();
        Self::shortest((self.units + half) / divisor, 2)
    }

    /// Whether it is above zero.
    pub fn is_positive(self) -> bool {
        self.units > 0
    }
}

impl From<u32> for Decimal {
    fn from(number: u32) -> Self {
        Self { units: i128::from(number), scale: 0 }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let whole = |number: &Self| number.units.div_euclid(10_i128.pow(number.scale));
        let fraction = |number: &Self, scale: u32| {
            number.units.rem_euclid(10_i128.pow(number.scale)) * 10_i128.pow(scale - number.scale)
        };
        let scale = self.scale.max(other.scale);
        whole(self).cmp(&whole(other)).then_with(|| fraction(self, scale).cmp(&fraction(other, scale)))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let digits = format!("{:0width$}", self.units.unsigned_abs(), width = self.scale as usize + 1);
        let (whole, fraction) = digits.split_at(digits.len() - self.scale as usize);
        match f.precision().unwrap_or(0).max(self.scale as usize) {
            0 => write!(f, "{sign}{whole}"),
            places => write!(f, "{sign}{whole}.{fraction:0<places$}"),
        }
    }
}

impl FromStr for Decimal {
    type Err = InvalidDecimal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidDecimal(text.chars().take(40).collect());
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| invalid())?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let (negative, whole) = match whole.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, whole),
        };
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) || exponent.unsigned_abs() as usize > MAX_DIGITS {
            return Err(invalid());
        }
        let fraction = fraction.trim_end_matches('0');
        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_start_matches('0');
        if significant.len() > MAX_DIGITS || fraction.len() > MAX_DIGITS {
            return Err(invalid());
        }
        let magnitude: i128 = if significant.is_empty() { 0 } else { significant.parse().map_err(|_| invalid())? };
        let units = if negative { -magnitude } else { magnitude };
        let scale = fraction.len() as i32 - exponent;
        if scale >= 0 {
            return Ok(Self::shortest(units, scale.unsigned_abs()));
        }
        Ok(Self { units: units * 10_i128.pow(scale.unsigned_abs()), scale: 0 })
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The digits travel as a JSON number, never through a float.
        RawValue::from_string(self.to_string()).map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer)?.get().parse().map_err(D::Error::custom)
    }
}
