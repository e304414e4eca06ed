//! Lengths of time as people read them.

use std::time::Duration;

/// The two largest units that say something: `350 ms`, `1.4 s`, `2 min 5 s`, `3 h`, `2 d 4 h`.
pub(crate) fn words(span: Duration) -> String {
    let milliseconds = span.as_millis();
    if milliseconds == 0 {
        return if span.is_zero() { "0 s".to_owned() } else { "< 1 ms".to_owned() };
    }
    if milliseconds < 1000 {
        return format!("{milliseconds} ms");
    }
    let tenths = (milliseconds + 50) / 100;
    if tenths < 600 {
        let (seconds, tenth) = (tenths / 10, tenths % 10);
        return if tenth == 0 { format!("{seconds} s") } else { format!("{seconds}.{tenth} s") };
    }
    let seconds = (milliseconds + 500) / 1000;
    for (unit, length, smaller, smaller_length) in
        [("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1)]
    {
        if seconds >= length {
            let (whole, rest) = (seconds / length, seconds % length / smaller_length);
            return if rest == 0 { format!("{whole} {unit}") } else { format!("{whole} {unit} {rest} {smaller}") };
        }
    }
    format!("{seconds} s")
}

/// Seconds with their fraction as a JSON number, for data that is written for programs.
pub(crate) mod seconds {
    use std::time::Duration;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(span.as_secs_f64())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(D::Error::custom)
    }

    /// The same where there may be none.
    pub(crate) mod optional {
        use super::{Deserialize, Deserializer, Duration, Error, Serializer};

        pub(crate) fn serialize<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
            match span {
                Some(span) => serializer.serialize_some(&span.as_secs_f64()),
                None => serializer.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
            Option::<f64>::deserialize(deserializer)?
                .map(|seconds| Duration::try_from_secs_f64(seconds).map_err(D::Error::custom))
                .transpose()
        }
    }
}
