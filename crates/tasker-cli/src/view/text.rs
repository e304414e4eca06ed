//! Text from outside (names, error messages) made safe to show, and measured in columns of the terminal.
//!
//! Names and messages come from templates, handlers and servers. They may hold control characters that would move the
//! cursor, characters that are two columns wide or none, marks that turn the direction of writing around, or millions
//! of characters. Nothing of theirs reaches the terminal but through [`fit`] or [`message_lines`].

use super::settings::Charset;

/// More combining marks than this on one letter are dropped: no script needs them, and they cover the lines around.
const MARKS_PER_LETTER: usize = 4;

/// How much of a text is looked at for one column shown. Bounds the work on a text that is all invisible characters.
const CHARACTERS_PER_COLUMN: usize = 16;

/// The columns that a character takes, summed character by character as terminals do.
fn columns_of(character: char) -> usize {
    if character.is_ascii() {
        return usize::from(!character.is_ascii_control());
    }
    let mut buffer = [0; 4];
    console::measure_text_width(character.encode_utf8(&mut buffer))
}

/// The columns that a text without control characters takes.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// Characters that are invisible or change the direction or joining of what stands around them.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
        | '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{70f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text on one line and in at most `columns` columns: escape sequences and invisible characters removed, blanks of
/// every kind a space, other control characters replaced by a sign, and a sign at the end where something was cut off.
pub(crate) fn fit(text: &str, columns: usize, charset: Charset) -> String {
    let limit = columns.saturating_add(1).saturating_mul(CHARACTERS_PER_COLUMN);
    let (head, mut was_cut) = match text.char_indices().nth(limit) {
        Some((end, _)) => (&text[..end], true),
        None => (text, false),
    };
    let head = console::strip_ansi_codes(head);
    let mut shown = String::new();
    let mut used = 0;
    let mut marks = 0;
    for character in head.chars() {
        let character = match character {
            _ if is_invisible(character) => continue,
            _ if character.is_whitespace() => ' ',
            _ if character.is_control() => charset.replacement(),
            _ if charset == Charset::Ascii && !character.is_ascii() => charset.replacement(),
            other => other,
        };
        let needed = columns_of(character);
        marks = if needed == 0 { marks + 1 } else { 0 };
        // A mark with no letter before it would join what the view itself wrote.
        if marks > MARKS_PER_LETTER || (needed == 0 && shown.is_empty()) {
            continue;
        }
        if used + needed > columns {
            was_cut = true;
            break;
        }
        shown.push(character);
        used += needed;
    }
    if was_cut { with_ellipsis(&shown, columns, charset) } else { shown }
}

/// The text shortened until the sign that something is missing fits behind it.
fn with_ellipsis(text: &str, columns: usize, charset: Charset) -> String {
    let ellipsis = charset.ellipsis();
    let sign = if width(ellipsis) > columns { "" } else { ellipsis };
    let room = columns - width(sign);
    let mut shown = cut(text, room).trim_end().to_owned();
    shown.push_str(sign);
    shown
}

/// The longest beginning of a safe text that takes at most `columns` columns.
pub(crate) fn cut(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (start, character) in text.char_indices() {
        used += columns_of(character);
        if used > columns {
            return &text[..start];
        }
    }
    text
}

/// The first line of a message that holds anything.
pub(crate) fn first_line(message: &str) -> &str {
    message.lines().find(|line| !line.trim().is_empty()).unwrap_or("").trim()
}

/// The first lines of a message that hold anything, each made safe and at most `columns` columns wide, and whether
/// there were more.
pub(crate) fn message_lines(message: &str, count: usize, columns: usize, charset: Charset) -> (Vec<String>, bool) {
    let mut filled = message.lines().filter(|line| !line.trim().is_empty());
    let lines = filled.by_ref().take(count).map(|line| fit(line.trim_end(), columns, charset)).collect();
    (lines, filled.next().is_some())
}

/// Spaces that bring a text of `used` columns to `columns`.
pub(crate) fn padding(used: usize, columns: usize) -> String {
    " ".repeat(columns.saturating_sub(used))
}
