//! The JSON Schema of the report, made of the same types as the report.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::json;

use crate::model::Report;
use crate::model::diff::Diff;
use crate::model::report::Batch;

/// Of which document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Of {
    /// The report of one target.
    Report,
    /// The report of several.
    Batch,
    /// What changed between two.
    Diff,
}

/// The schema as it is printed: JSON Schema 2020-12.
pub fn text(of: Of) -> String {
    let schema = match of {
        Of::Report => schema::<Report>(
            "urn:nwcheck:schema:report:1",
            "nwcheck report",
            "What one check learnt, and what it means (`-o json` with one target, each line of `-o jsonl`).",
        ),
        Of::Batch => schema::<Batch>(
            "urn:nwcheck:schema:batch:1",
            "nwcheck batch",
            "The reports of several targets checked in one call (`-o json` with several targets).",
        ),
        Of::Diff => schema::<Diff>(
            "urn:nwcheck:schema:diff:1",
            "nwcheck diff",
            "What changed between two reports (`nwcheck diff -o json`).",
        ),
    };
    // A value that is JSON already can't fail to be written as JSON.
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

fn schema<T: JsonSchema>(id: &str, title: &str, description: &str) -> Schema {
    // As it is written: every key is there, and what may be unknown is null.
    let mut schema = SchemaSettings::draft2020_12()
        .for_serialize()
        // What an earlier version did not write is read as its default; what is written is always there.
        .with_transform(RecursiveTransform(|schema: &mut Schema| {
            schema.remove("default");
        }))
        .into_generator()
        .into_root_schema_for::<T>();
    let mut ordered = serde_json::Map::new();
    let description = format!(
        "{description} Every key is always there: null is unknown or not applicable, [] is none. A newer minor version may add keys and \
         values of enumerations: readers have to expect both."
    );
    for (key, value) in [
        (
            "$schema",
            json!("https://json-schema.org/draft/2020-12/schema"),
        ),
        ("$id", json!(id)),
        ("title", json!(title)),
        ("description", json!(description)),
    ] {
        ordered.insert(key.to_owned(), value);
    }
    if let Some(object) = schema.as_object_mut() {
        for (key, value) in std::mem::take(object) {
            ordered.entry(key).or_insert(value);
        }
    }
    Schema::from(ordered)
}
