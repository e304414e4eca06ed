//! The text that PostgreSQL makes of a value that it was given as `jsonb`.

use super::Json;
use super::number::Decimal;
use super::write::write_string;

impl Json {
    /// The value as it comes back from a column of `jsonb`: keys by length and then by their bytes, numbers without
    /// exponent and with the digits that they were written with, a blank after each comma and colon.
    ///
    /// Meant for values that can be stored ([`Json::check_storable`]).
    ///
    /// ```
    /// use tasker_domain::json::Json;
    /// let value = Json::parse(r#"{"paid": true, "id": 1e3, "no": 0.10}"#).unwrap();
    /// assert_eq!(value.jsonb_text(), r#"{"id": 1000, "no": 0.10, "paid": true}"#);
    /// ```
    pub fn jsonb_text(&self) -> String {
        let mut out = String::new();
        write(self, &mut out);
        out
    }
}

fn write(value: &Json, out: &mut String) {
    match value {
        Json::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write(element, out);
            }
            out.push(']');
        }
        Json::Object(members) => {
            let mut sorted: Vec<(&String, &Json)> = members.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| (key.len(), key.as_bytes()));
            out.push('{');
            for (index, (key, member)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_string(key, out).expect("writing to a String cannot fail");
                out.push_str(": ");
                write(member, out);
            }
            out.push('}');
        }
        Json::Number(text) => {
            out.push_str(&Decimal::of(text).map_or_else(|| text.clone(), |number| number.written_out()))
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}
