//! Command lines that are printed so that a person can type them again.

/// Whether a URL may be shown: it can be read, and there is no password in it.
pub(crate) fn holds_no_secret(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| {
        let parameters_harmless = url.query_pairs().all(|(name, _)| !name.to_ascii_lowercase().contains("password"));
        url.password().is_none() && parameters_harmless
    })
}

/// This program as it was started: one that is not on PATH is found again by the same words.
pub(crate) fn program() -> String {
    quoted(&std::env::args_os().next().map_or_else(|| "tasker".into(), |word| word.display().to_string()))
}

/// A word as a shell reads it back.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+=:@%,".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
