//! What makes two requests for a task the same (R-44): the strategies, and under `hash` the original's text and digest,
//! bit for bit. That cannot be computed again from a stored task, because `jsonb` forgets the order of keys and the
//! spelling of numbers.

mod digits;
mod strategy;

use chrono::NaiveDateTime;
use sha2::{Digest, Sha256};

use crate::json::Json;

pub use strategy::{CustomIdentity, Identity, IdentityError, IdentityStrategy, MAX_IDENTITY_LENGTH, UnknownStrategy};

/// What of a request counts (B-MOD-010). Namespace, version, tags and the seconds of the request's time do not.
#[derive(Debug, Clone, Copy)]
pub struct IdentityInput<'a> {
    /// Name of the task type.
    pub name: &'a str,
    /// Who asked for it.
    pub initiator: &'a str,
    /// Where the request came from.
    pub source_system: &'a str,
    /// The context as the request gave it: the order of its keys counts (B-IDN-005).
    pub context: &'a Json,
    /// Why it was asked for.
    pub reason: &'a str,
    /// Names of steps to bypass, in the order given.
    pub bypass_steps: &'a [String],
    /// When it was asked for, in UTC.
    pub requested_at: NaiveDateTime,
}

impl IdentityInput<'_> {
    /// The text that is hashed.
    #[must_use]
    pub fn canonical_text(&self) -> String {
        let mut out = String::from("{\"name\":");
        text(self.name, &mut out);
        for (key, value) in [("initiator", self.initiator), ("source_system", self.source_system)] {
            member(key, &mut out);
            text(value, &mut out);
        }
        member("context", &mut out);
        value(self.context, &mut out);
        member("reason", &mut out);
        text(self.reason, &mut out);
        member("bypass_steps", &mut out);
        list(self.bypass_steps, &mut out, |name, out| text(name, out));
        member("requested_at", &mut out);
        text(&self.requested_at.format("%Y-%m-%d %H:%M").to_string(), &mut out);
        out.push('}');
        out
    }

    /// SHA-256 of that text in lower-case hexadecimal digits (B-MOD-006, B-IDN-002).
    #[must_use]
    pub fn digest(&self) -> String {
        Sha256::digest(self.canonical_text()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn member(key: &str, out: &mut String) {
    out.push(',');
    text(key, out);
    out.push(':');
}

fn list<T>(elements: &[T], out: &mut String, write: impl Fn(&T, &mut String)) {
    out.push('[');
    for (place, element) in elements.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        write(element, out);
    }
    out.push(']');
}

fn value(json: &Json, out: &mut String) {
    match json {
        Json::Null => out.push_str("null"),
        Json::Bool(answer) => out.push_str(if *answer { "true" } else { "false" }),
        Json::Number(spelling) => number(spelling, out),
        Json::String(letters) => text(letters, out),
        Json::Array(elements) => list(elements, out, value),
        Json::Object(members) => {
            out.push('{');
            for (place, (key, json)) in members.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                text(key, out);
                out.push(':');
                value(json, out);
            }
            out.push('}');
        }
    }
}

fn text(letters: &str, out: &mut String) {
    out.push('"');
    for letter in letters.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Whole numbers keep all their digits; others become the float next to them and are written in its fewest digits.
fn number(spelling: &str, out: &mut String) {
    if !spelling.contains(['.', 'e', 'E']) {
        out.push_str(if spelling == "-0" { "0" } else { spelling });
        return;
    }
    match spelling.parse::<f64>() {
        Ok(float) if float.is_finite() => self::float(float, out),
        _ => out.push_str("null"),
    }
}

/// Plain where the number of zeros to write is small, else with an exponent. The limits are those of the version of the
/// original's JSON library that its lock file names.
fn float(float: f64, out: &mut String) {
    if float.is_sign_negative() {
        out.push('-');
    }
    if float == 0.0 {
        out.push_str("0.0");
        return;
    }
    // The value is `digits` times ten to the power of `scale`; `leading` is the power of its first digit.
    let (digits, scale) = digits::digits(float.abs());
    let length = i32::try_from(digits.len()).expect("a float has at most 18 digits");
    let leading = scale + length - 1;
    let most_zeros = if float.is_sign_negative() { 6 } else { 7 };
    if (0..=most_zeros).contains(&scale) {
        out.push_str(&digits);
        out.extend(std::iter::repeat_n('0', usize::try_from(scale).expect("checked to be from 0 to 7")));
        out.push_str(".0");
    } else if scale < 0 && (scale > -7 || leading.abs() < 10) {
        match usize::try_from(leading + 1) {
            Ok(before @ 1..) => {
                out.push_str(&digits[..before]);
                out.push('.');
                out.push_str(&digits[before..]);
            }
            _ => {
                out.push_str("0.");
                let zeros = usize::try_from(-leading - 1).expect("the first digit stands after the point");
                out.extend(std::iter::repeat_n('0', zeros));
                out.push_str(&digits);
            }
        }
    } else {
        out.push_str(&digits[..1]);
        if digits.len() > 1 {
            out.push('.');
            out.push_str(&digits[1..]);
        }
        out.push_str(&format!("e{leading:+}"));
    }
}
