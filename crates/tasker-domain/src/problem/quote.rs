//! Foreign words in messages: shortened, without control characters, and the nearest word to a misspelt one.

/// Longest quotation in a message, in characters.
const LONGEST: usize = 60;

/// A text in backquotes, made safe to print: shortened to 60 characters, control characters escaped.
pub fn quoted(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(LONGEST) + 4);
    shown.push('`');
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST {
            shown.push('…');
            break;
        }
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown.push('`');
    shown
}

/// Words as `a`, `a or b`, `a, b or c`.
pub(crate) fn or_list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// The candidates that the word may be a misspelling of, nearest first and then by the alphabet, at most three.
///
/// Near means that about a third of the letters may differ but not all of them, or that one begins with the other; a
/// candidate that differs in nothing but upper and lower case leaves no room for others. Only the first 2,000
/// candidates are looked at, so that a message about a large file costs no more than the file.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let lower = word.to_lowercase();
    let length = lower.chars().count();
    if length == 0 || length > 128 {
        return Vec::new();
    }
    let allowed = (length / 3).clamp(1, 4);
    let mut near: Vec<(usize, &str)> = candidates
        .into_iter()
        .take(2_000)
        .filter(|candidate| candidate.len() <= 512)
        .filter_map(|candidate| {
            let other = candidate.to_lowercase();
            if other.chars().count().abs_diff(length) > allowed && !begins_with_other(&lower, &other) {
                return None;
            }
            let distance = strsim::osa_distance(&lower, &other);
            let is_near = distance <= allowed && distance < length;
            (is_near || begins_with_other(&lower, &other)).then_some((distance, candidate))
        })
        .collect();
    near.sort_unstable();
    near.dedup();
    if near.first().is_some_and(|(distance, _)| *distance == 0) {
        near.retain(|(distance, _)| *distance == 0);
    }
    near.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// Names that a message lists at most.
const LISTED: usize = 20;

/// What to say after a name that there is not: the names that it may be a misspelling of, or else those that there are.
pub fn instead<'a>(word: &str, names: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let near: Vec<String> = nearest(word, names.clone()).into_iter().map(quoted).collect();
    if !near.is_empty() {
        return format!("did you mean {}?", or_list(&near));
    }
    let mut names = names.into_iter();
    let listed: Vec<String> = names.by_ref().take(LISTED).map(quoted).collect();
    let more = if names.next().is_some() { ", …" } else { "" };
    format!("there are {}{more}", listed.join(", "))
}

fn begins_with_other(left: &str, right: &str) -> bool {
    let shorter = left.chars().count().min(right.chars().count());
    shorter >= 4 && (left.starts_with(right) || right.starts_with(left))
}
