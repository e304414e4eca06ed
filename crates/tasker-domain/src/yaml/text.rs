//! From bytes to text, before the parser sees it.

use crate::problem::Problem;

use super::MAX_BYTES;

/// The text of a file, and what is wrong with it as a text; the text is there even then, to draw excerpts from.
///
/// Refused are: more than [`MAX_BYTES`] (such a text comes back empty), anything but UTF-8, characters that YAML does
/// not allow.
pub fn decode(bytes: &[u8]) -> (String, Vec<Problem>) {
    if bytes.len() > MAX_BYTES {
        let message = format!(
            "the file has {} bytes; at most {MAX_BYTES} ({} MiB) are read",
            bytes.len(),
            MAX_BYTES / (1024 * 1024)
        );
        return (String::new(), vec![Problem::error(message)]);
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return (String::from_utf8_lossy(bytes).into_owned(), vec![not_utf8(bytes, error.valid_up_to())]),
    };
    // Without the byte order mark, so that columns count what an editor shows.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let problems = first_forbidden(text).into_iter().collect();
    (text.to_owned(), problems)
}

fn not_utf8(bytes: &[u8], at: usize) -> Problem {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Problem::error("the file is written in UTF-16").help("save it as UTF-8");
    }
    // The first bad byte is shown in the text as the replacement character, at the same place.
    let end = at + '\u{fffd}'.len_utf8();
    Problem::error(format!("the file is not UTF-8: byte {at} is 0x{:02X}", bytes[at]))
        .at(at..end, "this is not a character of UTF-8")
        .help("save it as UTF-8")
}

fn first_forbidden(text: &str) -> Option<Problem> {
    // Not `all`, which looks at one byte after the other: most files are plain, and this runs over many at a time.
    if text.bytes().fold(true, |is_plain, byte| is_plain & matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t')) {
        return None;
    }
    let (at, character) = text.char_indices().find(|(_, character)| is_forbidden(*character))?;
    let span = at..at + character.len_utf8();
    Some(
        Problem::error(format!("the control character U+{:04X} must not stand in YAML", character as u32))
            .at(span, "here")
            .help("remove it; in a text in double quotes it can be written as an escape, such as \\x1b"),
    )
}

fn is_forbidden(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' | '\u{85}' => false,
        '\u{fffe}' | '\u{ffff}' => true,
        other => other.is_control(),
    }
}
