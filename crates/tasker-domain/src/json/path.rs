//! Places inside a value: JSON pointers to read, dotted paths to set.

use std::borrow::Cow;

use indexmap::IndexMap;

use super::Json;

/// Why a value cannot be set at a dotted path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path, or a part of it, is empty.
    #[error("`{path}` has an empty part: write keys with single dots between them, such as `customer.email`")]
    EmptyPart {
        /// The whole path.
        path: String,
    },
    /// Something on the way is neither an object nor a list.
    #[error("`{path}` cannot be set: {at} is {kind}, not an object or a list")]
    NotAContainer {
        /// The whole path.
        path: String,
        /// The part of the path that was reached, or `the value` itself.
        at: String,
        /// What stands there.
        kind: &'static str,
    },
    /// A list is asked for something that is not an index.
    #[error("`{path}` cannot be set: {at} is a list, and `{part}` is not an index (0, 1, …)")]
    NotAnIndex {
        /// The whole path.
        path: String,
        /// The part of the path that was reached, or `the value` itself.
        at: String,
        /// The part that should be an index.
        part: String,
    },
    /// The index is beyond the end of the list by more than one.
    #[error("`{path}` cannot be set: {at} has {length} elements; index {length} would append, {index} leaves a gap")]
    BeyondEnd {
        /// The whole path.
        path: String,
        /// The part of the path that was reached, or `the value` itself.
        at: String,
        /// Elements the list has.
        length: usize,
        /// The index asked for.
        index: usize,
    },
}

impl Json {
    /// The value that a JSON pointer (RFC 6901) names; the empty pointer is the value itself.
    pub fn pointer(&self, pointer: &str) -> Option<&Json> {
        if pointer.is_empty() {
            return Some(self);
        }
        pointer.strip_prefix('/')?.split('/').try_fold(self, |value, token| {
            let key = token.replace("~1", "/").replace("~0", "~");
            match value {
                Json::Object(members) => members.get(&key),
                Json::Array(elements) => elements.get(list_index(&key)?),
                _ => None,
            }
        })
    }

    /// Sets the value at a path of keys with dots between them, such as `customer.address.0.city`.
    ///
    /// A key with a dot in it is written with a backslash before the dot. Missing objects on the way are made; a
    /// missing value whose next part is `0` becomes a list. In a list a part is an index; the index after the last
    /// appends.
    ///
    /// # Errors
    /// Says which part of the path does not fit what stands there; nothing has changed then.
    pub fn set_path(&mut self, path: &str, value: Json) -> Result<(), PathError> {
        let parts = split_path(path);
        if parts.iter().any(String::is_empty) {
            return Err(PathError::EmptyPart { path: path.to_owned() });
        }
        check_path(self, path, &parts)?;
        place(self, &parts, value);
        Ok(())
    }
}

/// A key as it is written within a JSON pointer.
pub(crate) fn escape_pointer(key: &str) -> Cow<'_, str> {
    if key.contains(['~', '/']) {
        return Cow::Owned(key.replace('~', "~0").replace('/', "~1"));
    }
    Cow::Borrowed(key)
}

fn list_index(part: &str) -> Option<usize> {
    let is_plain = part.bytes().all(|byte| byte.is_ascii_digit()) && (part.len() == 1 || !part.starts_with('0'));
    if is_plain { part.parse().ok() } else { None }
}

fn split_path(path: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = path.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '.' {
            parts.push(String::new());
            continue;
        }
        let escaped_dot = character == '\\' && characters.next_if_eq(&'.').is_some();
        let last = parts.len() - 1;
        parts[last].push(if escaped_dot { '.' } else { character });
    }
    parts
}

fn check_path(root: &Json, path: &str, parts: &[String]) -> Result<(), PathError> {
    let mut current = root;
    for (depth, part) in parts.iter().enumerate() {
        let at = || if depth == 0 { "the value".to_owned() } else { format!("`{}`", parts[..depth].join(".")) };
        let next = match current {
            Json::Object(members) => members.get(part),
            Json::Array(elements) => {
                let Some(index) = list_index(part) else {
                    return Err(PathError::NotAnIndex { path: path.to_owned(), at: at(), part: part.clone() });
                };
                if index > elements.len() {
                    let length = elements.len();
                    return Err(PathError::BeyondEnd { path: path.to_owned(), at: at(), length, index });
                }
                elements.get(index)
            }
            other => return Err(PathError::NotAContainer { path: path.to_owned(), at: at(), kind: other.kind() }),
        };
        match next {
            Some(value) => current = value,
            None => return Ok(()),
        }
    }
    Ok(())
}

/// Sets the value; the path has been found to fit.
fn place(target: &mut Json, parts: &[String], value: Json) {
    let [part, rest @ ..] = parts else {
        *target = value;
        return;
    };
    let fresh = || match rest.first().map(String::as_str) {
        Some("0") => Json::Array(Vec::new()),
        _ => Json::Object(IndexMap::new()),
    };
    match target {
        Json::Object(members) => place(members.entry(part.clone()).or_insert_with(fresh), rest, value),
        Json::Array(elements) => {
            let index = list_index(part).unwrap_or(elements.len());
            if index >= elements.len() {
                elements.push(fresh());
            }
            let last = elements.len() - 1;
            place(&mut elements[index.min(last)], rest, value);
        }
        scalar => *scalar = value,
    }
}
