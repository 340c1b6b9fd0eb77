//! Milliseconds as they stand in the report: a number with a microsecond's resolution.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time, or an offset from the start of the check, in whole microseconds.
///
/// Serialised as a number of milliseconds with at most three decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ms(u64);

impl Ms {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From whole microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// From whole milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// From a number of milliseconds; what is negative or not a number becomes zero.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn from_f64(millis: f64) -> Self {
        // `as` saturates, and maps NaN to zero.
        Self((millis * 1000.0).round() as u64)
    }

    /// In whole microseconds.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// As a number of milliseconds.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// As the standard library's duration.
    pub const fn to_duration(self) -> Duration {
        Duration::from_micros(self.0)
    }

    /// The difference, or zero where `other` is longer.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl From<Duration> for Ms {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
    }
}

impl Add for Ms {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Ms {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.saturating_sub(other)
    }
}

/// As a person reads it: `0.04 ms`, `12.3 ms`, `950 ms`, `3.06 s`.
impl fmt::Display for Ms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.as_f64();
        if ms > 0.0 && ms < 0.0095 {
            write!(f, "{ms:.3} ms")
        } else if ms < 0.995 {
            write!(f, "{ms:.2} ms")
        } else if ms < 99.95 {
            write!(f, "{ms:.1} ms")
        } else if ms < 999.5 {
            write!(f, "{ms:.0} ms")
        } else if ms < 99_950.0 {
            write!(f, "{:.2} s", ms / 1000.0)
        } else {
            write!(f, "{:.0} s", ms / 1000.0)
        }
    }
}

impl Serialize for Ms {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_f64())
    }
}

impl<'de> Deserialize<'de> for Ms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let millis = f64::deserialize(deserializer)?;
        if millis.is_finite() && millis >= 0.0 {
            Ok(Self::from_f64(millis))
        } else {
            Err(serde::de::Error::custom(
                "a time in milliseconds is a number, zero or more",
            ))
        }
    }
}

impl JsonSchema for Ms {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Ms".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "description": "milliseconds, to the microsecond" })
    }
}

#[cfg(test)]
mod tests {
    use super::Ms;

    #[test]
    fn a_time_survives_json_to_the_microsecond() {
        for micros in [0, 1, 999, 1000, 12_345, 3_060_001] {
            let json = serde_json::to_string(&Ms::from_micros(micros)).unwrap();
            assert_eq!(
                serde_json::from_str::<Ms>(&json).unwrap(),
                Ms::from_micros(micros),
                "{json}"
            );
        }
    }

    #[test]
    fn a_time_reads_with_the_precision_that_matters() {
        for (micros, text) in [
            (40, "0.04 ms"),
            (999, "1.0 ms"),
            (12_345, "12.3 ms"),
            (950_000, "950 ms"),
            (3_060_000, "3.06 s"),
            (120_000_000, "120 s"),
        ] {
            assert_eq!(Ms::from_micros(micros).to_string(), text);
        }
    }
}
