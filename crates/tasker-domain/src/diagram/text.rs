//! Text from outside (names, versions, handlers) made safe to draw, and measured without a font.
//!
//! Names hold whatever their author typed. What would turn the direction of writing, hide, or be refused by a reader of
//! XML is spelled out (`\u{202e}`); everything else stays as it is and is escaped by each format in its own way.

use std::fmt::Write as _;

/// More combining marks than this on one letter are dropped from labels: no script needs them, and they cover the
/// lines around.
const MARKS_PER_LETTER: usize = 4;

/// Widths of the printable ASCII characters from the space on, in thousandths of the size of the font, as Helvetica and
/// the fonts made to replace it have them.
const ASCII_WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
];
/// Fonts differ: what is drawn may be this much wider than Helvetica before it leaves its box.
const MARGIN: f64 = 1.07;

/// The text with every character spelled out that is a control character, invisible, a mark of direction, or none of
/// XML's. The result is one line.
pub(crate) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unfit(character) {
            // Writing into a text cannot fail.
            let _ = write!(cleaned, "{}", character.escape_unicode());
        } else {
            cleaned.push(character);
        }
    }
    cleaned
}

fn is_unfit(character: char) -> bool {
    let is_no_character = u32::from(character) & 0xfffe == 0xfffe || matches!(character, '\u{fdd0}'..='\u{fdef}');
    character.is_control()
        || is_no_character
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{70f}'
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}'
            | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text as the content of an XML element or of an attribute in double quotes.
pub(crate) fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in clean(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// An estimate of the width of a cleaned text in a font of this size, rather too wide than too narrow.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(thousandths).map(f64::from).sum::<f64>() / 1000.0 * size * MARGIN
}

fn thousandths(character: char) -> u16 {
    match u32::from(character) {
        code @ 0x20..=0x7e => ASCII_WIDTHS[code as usize - 0x20],
        _ if is_combining(character) => 0,
        0xa0..=0x24f => 600,
        0x370..=0x5ff => 640,
        0x1100..=0x11ff | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xff00..=0xffe6 => 1000,
        0x2190..=0x2bff | 0x1f000..=0x1faff => 1350,
        0x12000..=0x1efff => 1300,
        _ => 900,
    }
}

fn is_combining(character: char) -> bool {
    matches!(character,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{200c}' | '\u{200d}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}')
}

/// The beginning of a text that fits into a width, cleaned, with `…` where something is missing.
pub(crate) fn fit(text: &str, size: f64, room: f64) -> String {
    let lines = wrap(text, size, room, 1);
    lines.into_iter().next().unwrap_or_default()
}

/// The text cleaned and broken into at most so many lines, each within the width; `…` ends the last one if something
/// is missing. Lines break behind blanks, `_`, `-`, `.`, `:` and `/` where that leaves no line half empty.
pub(crate) fn wrap(text: &str, size: f64, room: f64, lines: usize) -> Vec<String> {
    // As much as could ever fit, so that a name of a megabyte costs no more than one of a line.
    let looked_at = (room / size * 8.0) as usize * lines * (MARKS_PER_LETTER + 1) + 16;
    let (head, mut was_cut) = match text.char_indices().nth(looked_at) {
        Some((end, _)) => (&text[..end], true),
        None => (text, false),
    };
    let cleaned = without_heaped_marks(&clean(head));
    let mut rest = cleaned.as_str();
    let mut wrapped = Vec::new();
    while !rest.is_empty() && wrapped.len() < lines {
        let end = end_of_line(rest, size, room, wrapped.len() + 1 < lines);
        wrapped.push(rest[..end].trim_end().to_owned());
        rest = rest[end..].trim_start();
    }
    was_cut |= !rest.is_empty();
    if was_cut && let Some(last) = wrapped.last_mut() {
        let room_before_the_sign = room - width("…", size);
        while !last.is_empty() && width(last, size) > room_before_the_sign {
            last.pop();
        }
        last.push('…');
    }
    wrapped
}

/// Where the first line of a text ends, in bytes; at least one character is in it.
fn end_of_line(text: &str, size: f64, room: f64, may_break_between_words: bool) -> usize {
    let mut used = 0.0;
    let mut last_break = None;
    for (start, character) in text.char_indices() {
        used += f64::from(thousandths(character)) / 1000.0 * size * MARGIN;
        if used > room && start > 0 {
            return match last_break {
                Some((end, filled)) if may_break_between_words && filled > room * 0.45 => end,
                _ => start,
            };
        }
        if matches!(character, ' ' | '_' | '-' | '.' | ':' | '/') {
            last_break = Some((start + character.len_utf8(), used));
        }
    }
    text.len()
}

fn without_heaped_marks(text: &str) -> String {
    let mut marks = 0;
    text.chars()
        .filter(|character| {
            marks = if is_combining(*character) { marks + 1 } else { 0 };
            marks <= MARKS_PER_LETTER
        })
        .collect()
}
