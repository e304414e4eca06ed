//! What differs between two contents of one version.

use serde_json::Value;

/// Changes that are named.
const NAMED: usize = 20;

/// Every value that differs, by its path: `steps[ship].retry_limit: 3, now 5`. Items of lists are found by their name
/// where they have one.
pub(crate) fn between(previous: &str, now: &str) -> Vec<String> {
    let (Ok(previous), Ok(now)) = (serde_json::from_str::<Value>(previous), serde_json::from_str::<Value>(now)) else {
        return vec!["the content that stands in the database cannot be read".to_owned()];
    };
    let mut changes = Vec::new();
    compare("", Some(&previous), Some(&now), &mut changes);
    let more = changes.len().saturating_sub(NAMED);
    changes.truncate(NAMED);
    if more > 0 {
        changes.push(format!("and {more} more"));
    }
    changes
}

fn compare(path: &str, before: Option<&Value>, now: Option<&Value>, changes: &mut Vec<String>) {
    match (before, now) {
        (before, now) if before == now => {}
        (Some(Value::Object(before)), Some(Value::Object(now))) => {
            let added = now.keys().filter(|key| !before.contains_key(*key));
            for key in before.keys().chain(added) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(&path, before.get(key), now.get(key), changes);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(now))) if named(before) && named(now) => {
            let find = |list: &'_ [Value], name: &str| list.iter().find(|item| name_of(item) == Some(name)).cloned();
            let names = before
                .iter()
                .chain(now.iter().filter(|item| name_of(item).is_some_and(|name| find(before, name).is_none())));
            for name in names.filter_map(name_of) {
                let (old, new) = (find(before, name), find(now, name));
                compare(&format!("{path}[{name}]"), old.as_ref(), new.as_ref(), changes);
            }
            let order = |list: &[Value], other: &[Value]| -> Vec<String> {
                list.iter().filter_map(name_of).filter(|name| find(other, name).is_some()).map(str::to_owned).collect()
            };
            if order(before, now) != order(now, before) {
                changes.push(format!("{path}: the same in another order"));
            }
        }
        (None, Some(now)) => changes.push(format!("{path}: not there, now {}", short(now))),
        (Some(before), None) => changes.push(format!("{path}: {}, now not there", short(before))),
        (Some(before), Some(now)) => changes.push(format!("{path}: {}, now {}", short(before), short(now))),
        (None, None) => {}
    }
}

fn named(list: &[Value]) -> bool {
    list.iter().all(|item| name_of(item).is_some())
}

fn name_of(item: &Value) -> Option<&str> {
    item.get("name").and_then(Value::as_str)
}

fn short(value: &Value) -> String {
    const LONGEST: usize = 80;
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    format!("{}…", text.chars().take(LONGEST).collect::<String>())
}
