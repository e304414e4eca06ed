//! What a scalar means by the core schema of YAML 1.2.

use crate::problem::quoted;

use super::Text;

/// A single value as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar<'t> {
    /// The text, escapes resolved.
    pub text: Text<'t>,
    /// Whether the text was quoted, is a block, or carries the tag `!!str`: then it is a text whatever it looks like.
    pub is_quoted: bool,
}

/// What a scalar is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number, as JSON writes it.
    Int(String),
    /// A number with fraction or exponent, as JSON writes it.
    Float(String),
    /// An infinity or not-a-number, which JSON does not have.
    NotFinite,
    /// A text.
    Text,
}

impl Scalar<'_> {
    /// What the scalar is by the core schema.
    pub fn resolve(&self) -> Resolved {
        if self.is_quoted {
            return Resolved::Text;
        }
        resolve_plain(&self.text)
    }

    /// What the scalar is, in the words that messages use.
    pub fn describe(&self) -> String {
        match self.resolve() {
            Resolved::Null => "nothing".to_owned(),
            Resolved::Bool(_) => format!("the boolean {}", quoted(&self.text)),
            Resolved::Int(_) | Resolved::Float(_) | Resolved::NotFinite => format!("the number {}", quoted(&self.text)),
            Resolved::Text if self.text.is_empty() => "an empty text".to_owned(),
            Resolved::Text => format!("the text {}", quoted(&self.text)),
        }
    }
}

/// What a text that was not quoted is by the core schema.
pub(crate) fn resolve_plain(text: &str) -> Resolved {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Resolved::Null,
        "true" | "True" | "TRUE" => Resolved::Bool(true),
        "false" | "False" | "FALSE" => Resolved::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Resolved::NotFinite,
        text if matches!(text.strip_prefix(['+', '-']).unwrap_or(text), ".inf" | ".Inf" | ".INF") => {
            Resolved::NotFinite
        }
        text => number(text).unwrap_or(Resolved::Text),
    }
}

fn number(text: &str) -> Option<Resolved> {
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return None;
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return in_radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return in_radix(digits, 8);
    }
    let (sign, unsigned) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], &unsigned[at..]),
        None => (unsigned, ""),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let has_digits = !whole.is_empty() || fraction.is_some_and(|digits| !digits.is_empty());
    if !has_digits || !is_digits(whole) || !fraction.is_none_or(is_digits) {
        return None;
    }
    if !exponent.is_empty() {
        let digits = exponent[1..].strip_prefix(['+', '-']).unwrap_or(&exponent[1..]);
        if digits.is_empty() || !is_digits(digits) {
            return None;
        }
    }
    let significant = whole.trim_start_matches('0');
    let whole = if significant.is_empty() { "0" } else { significant };
    Some(match fraction {
        None if exponent.is_empty() => Resolved::Int(format!("{sign}{whole}")),
        None => Resolved::Float(format!("{sign}{whole}{exponent}")),
        Some("") => Resolved::Float(format!("{sign}{whole}.0{exponent}")),
        Some(digits) => Resolved::Float(format!("{sign}{whole}.{digits}{exponent}")),
    })
}

/// A number in hexadecimal or octal digits; one that does not fit 128 bits is a text.
fn in_radix(digits: &str, radix: u32) -> Option<Resolved> {
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u128::from_str_radix(digits, radix).ok().map(|value| Resolved::Int(value.to_string()))
}
