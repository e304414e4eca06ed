//! Which tests a word chooses: those with the word in their name, as the runner prints it: file and function.

use anyhow::{Context, Result};
use serde_json::Value;

/// The arguments that make nextest run just the tests with the word in their name, judged by what `cargo nextest list`
/// printed as JSON; nothing when there is none.
///
/// # Errors
/// When the list does not have the form that nextest gives it.
pub fn arguments(list: &Value, word: &str) -> Result<Option<Vec<String>>> {
    let suites = list["rust-suites"].as_object().context("`cargo nextest list` printed no test files")?;
    let mut in_file = false;
    let mut in_function = false;
    for (id, suite) in suites {
        let file = suite["binary-name"].as_str().with_context(|| format!("{id} is listed without a name"))?;
        let functions = suite["testcases"].as_object().with_context(|| format!("{id} is listed without tests"))?;
        in_file |= file.contains(word) && !functions.is_empty();
        in_function |= functions.keys().any(|function| function.contains(word));
    }
    // An expression about files is an error for nextest when no file fits. A word that fits a file's name has no
    // character that means something in the expression.
    Ok(match (in_file, in_function) {
        (true, _) => Some(vec!["--filterset".to_owned(), format!("test(~{word}) | binary(~{word})")]),
        (false, true) => Some(vec![word.to_owned()]),
        (false, false) => None,
    })
}
