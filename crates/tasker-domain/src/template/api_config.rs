//! The known keys of an API handler's configuration; keys beyond them are the handler's own business.

use crate::problem::{Problem, quoted};
use crate::yaml::{Mapping, Node};

use super::reader::Reader;

/// Checks the configuration if its `type` is `api`.
pub(super) fn check(node: &Node, config: &Mapping, reader: &mut Reader<'_>) {
    let kind = config.get("type").and_then(|entry| entry.node.as_scalar());
    if kind.is_none_or(|kind| *kind.text != *"api") {
        return;
    }
    match reader.text(config, "url", usize::MAX) {
        Some(url) if !is_absolute(&url.value) => reader.report(
            Problem::error("`url` must be an absolute URL")
                .at(url.span, "expected a scheme and a host, such as https://api.example.com/orders"),
        ),
        None if !config.contains_key("url") => {
            reader.missing("url", &node.span, "a `handler_config` of type `api`");
        }
        _ => {}
    }
    reader.mapping(config, "params");
    if let Some((_, headers)) = reader.mapping(config, "headers") {
        for entry in headers {
            reader.any_text_of(format_args!("the header {}", quoted(&entry.key)), &entry.node);
        }
    }
    if config.get("ssl").is_some_and(|entry| !entry.node.is_null()) {
        reader.mapping(config, "ssl");
    }
    reader.boolean(config, "enable_exponential_backoff");
    not_negative(config, "retry_delay", f64::INFINITY, reader);
    not_negative(config, "jitter_factor", 1.0, reader);
}

fn not_negative(config: &Mapping, key: &str, highest: f64, reader: &mut Reader<'_>) {
    let Some(number) = reader.number(config, key) else { return };
    if (0.0..=highest).contains(&number.value) {
        return;
    }
    let range = if highest.is_finite() { format!("lie between 0 and {highest}") } else { "not be negative".to_owned() };
    reader.report(Problem::error(format!("`{key}` must {range}")).at(number.span, "out of range"));
}

/// Whether the text begins with a scheme and a host. Not a full check: placeholders such as `{cart_id}` may follow.
fn is_absolute(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let begins_with_letter = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    let is_scheme = scheme.chars().all(|character| character.is_ascii_alphanumeric() || "+.-".contains(character));
    let has_host = rest.chars().next().is_some_and(|first| first != '/' && !first.is_whitespace());
    begins_with_letter && is_scheme && has_host
}
