//! Short, printable pieces of what a program or a server wrote.

/// The text without what would steer a terminal: escape sequences and control characters other than line feed and tab.
fn printable(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // A control sequence is ESC [ parameters and one final byte from @ to ~.
            if characters.next_if_eq(&'[').is_some() {
                while characters.next_if(|next| matches!(next, ' '..='?')).is_some() {}
                characters.next_if(|next| matches!(next, '@'..='~'));
            }
        } else if matches!(character, '\n' | '\t') || !character.is_control() {
            kept.push(character);
        }
    }
    kept
}

/// The beginning of the bytes as printable text of at most `limit` bytes, with `…` where something was left out.
pub(crate) fn head(bytes: &[u8], limit: usize) -> String {
    // A character takes at most four bytes, so this is enough for `limit` bytes of whole characters.
    let beginning = &bytes[..bytes.len().min(limit.saturating_add(4))];
    let text = printable(&String::from_utf8_lossy(beginning));
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let left_out = end < text.len() || beginning.len() < bytes.len();
    let shown = text[..end].trim();
    if left_out { format!("{shown}…") } else { shown.to_owned() }
}

/// The end of the bytes as printable text of at most `limit` bytes, with `…` where something was left out, be it here or
/// before (`cut`).
pub(crate) fn tail(bytes: &[u8], limit: usize, cut: bool) -> String {
    let whole = String::from_utf8_lossy(bytes);
    let text = printable(&whole);
    let mut start = text.len().saturating_sub(limit);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let shown = text[start..].trim();
    if cut || start > 0 { format!("…{shown}") } else { shown.to_owned() }
}
