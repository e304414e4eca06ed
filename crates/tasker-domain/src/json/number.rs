//! Numbers as text: what is one, and what it is worth.

/// Whether the text is a number as RFC 8259 writes one.
pub(super) fn is_valid(text: &str) -> bool {
    let bytes = text.as_bytes();
    scan(bytes, 0).is_ok_and(|end| end == bytes.len())
}

/// What is wrong with a number, and at which byte.
pub(super) struct BadNumber {
    pub(super) at: usize,
    pub(super) problem: &'static str,
}

/// Finds the end of the number that begins at `start`.
pub(super) fn scan(bytes: &[u8], start: usize) -> Result<usize, BadNumber> {
    let digits = |from: usize| from + bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = start;
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    let whole_end = digits(at);
    if whole_end == at {
        return Err(BadNumber { at, problem: "a digit must follow the minus sign" });
    }
    if bytes[at] == b'0' && whole_end > at + 1 {
        return Err(BadNumber { at, problem: "a number must not begin with a zero" });
    }
    at = whole_end;
    if bytes.get(at) == Some(&b'.') {
        let fraction_end = digits(at + 1);
        if fraction_end == at + 1 {
            return Err(BadNumber { at: fraction_end, problem: "a digit must follow the decimal point" });
        }
        at = fraction_end;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        if matches!(bytes.get(at), Some(b'+' | b'-')) {
            at += 1;
        }
        let exponent_end = digits(at);
        if exponent_end == at {
            return Err(BadNumber { at, problem: "a digit must follow the exponent sign `e`" });
        }
        at = exponent_end;
    }
    Ok(at)
}

/// A number taken apart: value = ±0.digits × 10^magnitude, digits without zeros at either end, none for zero.
#[derive(PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    digits: String,
    /// Number of digits before the decimal point once the number is written without an exponent; may be negative.
    pub(super) magnitude: i64,
    /// Number of digits after the decimal point as written; what PostgreSQL keeps as scale.
    pub(super) scale: i64,
}

impl Decimal {
    /// Takes a valid number apart; nothing if the exponent has more than 18 digits.
    pub(super) fn of(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent_text) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent: i64 = exponent_text.parse().ok().filter(|value: &i64| value.abs() < 1_000_000_000_000_000_000)?;
        let scale = (length(fraction) - exponent).max(0);
        let all_digits = format!("{whole}{fraction}");
        let significant = all_digits.trim_start_matches('0');
        if significant.is_empty() {
            return Some(Decimal { negative: false, digits: String::new(), magnitude: 0, scale });
        }
        let leading_zeros = all_digits.len() - significant.len();
        let magnitude = length(whole) + exponent - i64::try_from(leading_zeros).ok()?;
        Some(Decimal { negative, digits: significant.trim_end_matches('0').to_owned(), magnitude, scale })
    }

    /// The number without an exponent, with as many digits after the point as it was written with.
    pub(super) fn written_out(&self) -> String {
        let count = |number: i64| usize::try_from(number).unwrap_or(0);
        let whole_digits = count(self.magnitude).min(self.digits.len());
        let mut text = String::from(if self.negative { "-" } else { "" });
        if self.magnitude > 0 {
            text.push_str(&self.digits[..whole_digits]);
            text.push_str(&"0".repeat(count(self.magnitude) - whole_digits));
        } else {
            text.push('0');
        }
        if self.scale > 0 {
            let leading_zeros = count(-self.magnitude).min(count(self.scale));
            let fraction = &self.digits[whole_digits..];
            text.push('.');
            text.push_str(&"0".repeat(leading_zeros));
            text.push_str(fraction);
            text.push_str(&"0".repeat(count(self.scale).saturating_sub(leading_zeros + fraction.len())));
        }
        text
    }

    pub(super) fn same_value(&self, other: &Decimal) -> bool {
        self.negative == other.negative && self.digits == other.digits && self.magnitude == other.magnitude
    }
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

/// Whether two numbers have the same value, however each is spelled: `1`, `1.0` and `10e-1` are the same.
///
/// Exact: nothing is rounded. Numbers whose exponent has more than 18 digits are compared as text, and so is a text
/// that is no number.
pub fn same_number(left: &str, right: &str) -> bool {
    if left == right {
        return true;
    }
    if !is_valid(left) || !is_valid(right) {
        return false;
    }
    match (Decimal::of(left), Decimal::of(right)) {
        (Some(left), Some(right)) => left.same_value(&right),
        _ => false,
    }
}

/// The value of a number that is whole and fits into 128 bits.
pub(super) fn whole(text: &str) -> Option<i128> {
    if let Ok(value) = text.parse::<i64>() {
        return Some(value.into());
    }
    if !is_valid(text) {
        return None;
    }
    let decimal = Decimal::of(text)?;
    if decimal.digits.is_empty() {
        return Some(0);
    }
    let trailing_zeros = u32::try_from(decimal.magnitude - length(&decimal.digits)).ok()?;
    let value = decimal.digits.parse::<i128>().ok()?.checked_mul(10_i128.checked_pow(trailing_zeros)?)?;
    Some(if decimal.negative { -value } else { value })
}
