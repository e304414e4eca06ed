//! Writing JSON text: compact by [`std::fmt::Display`], indented by [`Json::pretty`].

use std::fmt::{self, Write};

use super::Json;

/// Compact: no blanks, keys in their order, numbers in their spelling, other than ASCII characters as they are.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_compact(self, f)
    }
}

impl Json {
    /// The value with a line per element and two blanks per level; empty lists and objects stay on one line.
    pub fn pretty(&self) -> String {
        let mut out = String::new();
        write_pretty(self, 0, &mut out);
        out
    }
}

fn write_compact(value: &Json, out: &mut impl Write) -> fmt::Result {
    match value {
        Json::Array(elements) => {
            out.write_char('[')?;
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.write_char(',')?;
                }
                write_compact(element, out)?;
            }
            out.write_char(']')
        }
        Json::Object(members) => {
            out.write_char('{')?;
            for (index, (key, member)) in members.iter().enumerate() {
                if index > 0 {
                    out.write_char(',')?;
                }
                write_string(key, out)?;
                out.write_char(':')?;
                write_compact(member, out)?;
            }
            out.write_char('}')
        }
        scalar => write_scalar(scalar, out),
    }
}

fn write_scalar(value: &Json, out: &mut impl Write) -> fmt::Result {
    match value {
        Json::Null => out.write_str("null"),
        Json::Bool(true) => out.write_str("true"),
        Json::Bool(false) => out.write_str("false"),
        Json::Number(text) => out.write_str(text),
        Json::String(text) => write_string(text, out),
        Json::Array(_) => out.write_str("[]"),
        Json::Object(_) => out.write_str("{}"),
    }
}

pub(super) fn write_string(text: &str, out: &mut impl Write) -> fmt::Result {
    out.write_char('"')?;
    let mut plain_from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.write_str(&text[plain_from..at])?;
        plain_from = at + 1;
        match byte {
            b'"' => out.write_str("\\\"")?,
            b'\\' => out.write_str("\\\\")?,
            b'\n' => out.write_str("\\n")?,
            b'\r' => out.write_str("\\r")?,
            b'\t' => out.write_str("\\t")?,
            0x08 => out.write_str("\\b")?,
            0x0c => out.write_str("\\f")?,
            control => write!(out, "\\u{control:04x}")?,
        }
    }
    out.write_str(&text[plain_from..])?;
    out.write_char('"')
}

fn write_pretty(value: &Json, level: usize, out: &mut String) {
    match value {
        Json::Array(elements) if !elements.is_empty() => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                new_line(index, level + 1, out);
                write_pretty(element, level + 1, out);
            }
            close(']', level, out);
        }
        Json::Object(members) if !members.is_empty() => {
            out.push('{');
            for (index, (key, member)) in members.iter().enumerate() {
                new_line(index, level + 1, out);
                write_string(key, out).expect("writing to a String cannot fail");
                out.push_str(": ");
                write_pretty(member, level + 1, out);
            }
            close('}', level, out);
        }
        other => write_scalar(other, out).expect("writing to a String cannot fail"),
    }
}

fn new_line(index: usize, level: usize, out: &mut String) {
    out.push_str(if index > 0 { ",\n" } else { "\n" });
    indent(level, out);
}

fn close(bracket: char, level: usize, out: &mut String) {
    out.push('\n');
    indent(level, out);
    out.push(bracket);
}

fn indent(level: usize, out: &mut String) {
    for _ in 0..level {
        out.push_str("  ");
    }
}
