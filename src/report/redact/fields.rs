//! Which field holds what, by the type and the name that the schema gives it; closed lists and instants are left alone, and what is not
//! listed is dropped.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::model::Report;

/// What is done with a text. An address, with a port or a length, is replaced wherever it stands alone, but in what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Treat {
    /// A word of this program's or of the kernel's: it stays.
    Keep,
    /// Sentences, commands, routes: what is found in them is replaced.
    Prose,
    /// A name, of a host or a domain.
    Name,
    /// A DNS record.
    Record,
    /// An interface of this machine.
    Interface,
    /// A link-layer address.
    Link,
    /// A URI, or what was typed and may be one.
    Uri,
    /// A path of a file.
    File,
    /// A packet rule, as its program writes it.
    Rule,
    /// The name of a table or a chain of packet rules.
    Label,
    /// Somebody else's words.
    Drop,
}

/// All texts of a report that are neither of a closed list nor an instant.
const FIELDS: &[(&str, Treat)] = &[
    ("Report.summary", Treat::Prose),
    ("Report.names", Treat::Name),
    ("Tool.name", Treat::Keep),
    ("Tool.version", Treat::Keep),
    ("Options.interface", Treat::Interface),
    ("Options.inventories", Treat::File),
    ("Options.record_types", Treat::Keep),
    ("Options.as_database", Treat::File),
    ("Options.baseline", Treat::File),
    ("Override.host", Treat::Name),
    ("Payload.name", Treat::Keep),
    ("Payload.hex", Treat::Drop),
    ("Payload.silent", Treat::Keep),
    ("Source.host", Treat::Name),
    ("Source.os", Treat::Prose),
    ("Source.kernel", Treat::Prose),
    ("Source.container", Treat::Keep),
    ("Source.interface", Treat::Interface),
    ("ProxyVariable.name", Treat::Keep),
    ("ProxyVariable.uri", Treat::Uri),
    ("ProxyExceptions.name", Treat::Keep),
    ("ProxyException.host", Treat::Name),
    ("ResolverConfig.file", Treat::File),
    ("ResolverConfig.search", Treat::Name),
    ("ResolverConfig.options", Treat::Prose),
    ("ResolverLink.interface", Treat::Interface),
    ("LinkDomain.name", Treat::Name),
    ("ResolverConfig.nsswitch", Treat::Keep),
    ("ResolverConfig.precedence", Treat::Keep),
    ("Target.input", Treat::Uri),
    ("Target.host", Treat::Name),
    ("Target.uri", Treat::Uri),
    ("Finding.title", Treat::Prose),
    ("Finding.explanation", Treat::Prose),
    ("Fact.text", Treat::Prose),
    ("Action.text", Treat::Prose),
    ("Action.command", Treat::Prose),
    ("Criterion.name", Treat::Keep),
    ("Quantity", Treat::Keep),
    ("NotMeasured.what", Treat::Prose),
    ("NotMeasured.why", Treat::Prose),
    ("NotMeasured.command", Treat::Prose),
    ("Resolution.names", Treat::Name),
    ("Resolution.near_misses", Treat::Name),
    ("SourceAnswer.error", Treat::Prose),
    ("Machine.choice", Treat::Prose),
    ("ProviderAnswer.error", Treat::Drop),
    ("ProviderAnswer.commands", Treat::Drop),
    ("Instance.name", Treat::Name),
    ("Instance.id", Treat::Name),
    ("Instance.place", Treat::Drop),
    ("Instance.said", Treat::Prose),
    ("Instance.host_name", Treat::Name),
    ("Instance.note", Treat::Drop),
    ("MachineAddress.interface", Treat::Drop),
    ("ServerAnswer.name", Treat::Name),
    ("ServerAnswer.type", Treat::Keep),
    ("ServerAnswer.answers", Treat::Record),
    ("ServerAnswer.extended_errors", Treat::Drop),
    ("Node.id", Treat::Keep),
    ("Node.name", Treat::Name),
    ("QuotedInterface.name", Treat::Drop),
    ("AutonomousSystem.name", Treat::Drop),
    ("Link.from", Treat::Keep),
    ("Link.to", Treat::Keep),
    ("Flow.nodes", Treat::Keep),
    ("Route.interface", Treat::Interface),
    ("Route.rule", Treat::Prose),
    ("Route.text", Treat::Prose),
    ("Route.errno", Treat::Keep),
    ("Neighbour.interface", Treat::Interface),
    ("Neighbour.link_address", Treat::Link),
    ("Firewall.programs", Treat::Keep),
    ("Firewall.gaps", Treat::Prose),
    ("JudgedFlow.interface", Treat::Interface),
    ("Ruling.rejects", Treat::Keep),
    ("Ruling.why", Treat::Prose),
    ("QuotedRule.family", Treat::Keep),
    ("QuotedRule.table", Treat::Label),
    ("QuotedRule.chain", Treat::Label),
    ("QuotedRule.hook", Treat::Keep),
    ("QuotedRule.text", Treat::Rule),
    ("Process.comm", Treat::Prose),
    ("Interface.name", Treat::Interface),
    ("Interface.state", Treat::Keep),
    ("Interface.kind", Treat::Keep),
    ("Observation.errno", Treat::Keep),
    ("Banner.text", Treat::Drop),
];

/// The report's schema, by which its texts are told apart.
pub(super) struct Fields {
    schema: Value,
}

impl Fields {
    pub(super) fn of_report() -> Self {
        let schema = SchemaSettings::draft2020_12()
            .for_serialize()
            .into_generator()
            .into_root_schema_for::<Report>();
        Self {
            schema: schema.to_value(),
        }
    }

    /// Visits each text that may be changed, keys that are addresses among them.
    pub(super) fn visit(&self, report: &mut Value, visit: &mut dyn FnMut(Treat, &mut String)) {
        self.node(report, &self.schema, "Report", visit);
    }

    fn node(
        &self,
        value: &mut Value,
        schema: &Value,
        path: &str,
        visit: &mut dyn FnMut(Treat, &mut String),
    ) {
        if let Some((name, schema)) = self.referred(schema) {
            return self.node(value, schema, name, visit);
        }
        let choices = ["anyOf", "oneOf"]
            .iter()
            .find_map(|key| schema.get(key)?.as_array());
        match value {
            Value::String(text) => {
                if choices.map_or_else(|| closed(schema), |all| self.any_closed(all)) {
                    return;
                }
                let path = choices
                    .into_iter()
                    .flatten()
                    .find_map(|choice| self.referred(choice))
                    .map_or(path, |(name, _)| name);
                visit(treat(path), text);
            }
            Value::Array(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    let of = schema.get("prefixItems").and_then(|all| all.get(at));
                    let of = of.or_else(|| schema.get("items")).unwrap_or(&Value::Null);
                    self.node(item, of, path, visit);
                }
            }
            Value::Object(object) => {
                if let Some(choice) = choices.into_iter().flatten().find(|choice| {
                    choice.get("$ref").is_some() || choice.get("properties").is_some()
                }) {
                    return self.node(value, choice, path, visit);
                }
                let properties = schema.get("properties");
                let known = std::mem::take(object);
                for (mut key, mut value) in known {
                    if let Some(of) = properties.and_then(|all| all.get(&key)) {
                        self.node(&mut value, of, &format!("{path}.{key}"), visit);
                    } else {
                        let of = schema.get("additionalProperties").unwrap_or(&Value::Null);
                        visit(Treat::Drop, &mut key);
                        self.node(&mut value, of, path, visit);
                    }
                    object.insert(key, value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The type that a schema refers to, and its name.
    fn referred<'s>(&'s self, schema: &'s Value) -> Option<(&'s str, &'s Value)> {
        let name = schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")?;
        Some((name, self.schema.get("$defs")?.get(name)?))
    }

    fn any_closed(&self, choices: &[Value]) -> bool {
        choices.iter().any(|choice| match self.referred(choice) {
            Some((_, referred)) => {
                let inner = ["anyOf", "oneOf"];
                let inner = inner.iter().find_map(|key| referred.get(key)?.as_array());
                closed(referred) || inner.is_some_and(|all| all.iter().any(closed))
            }
            None => closed(choice),
        })
    }
}

/// Whether a text is one of a closed list, or an instant.
fn closed(schema: &Value) -> bool {
    schema.get("const").is_some()
        || schema.get("enum").is_some()
        || schema
            .get("format")
            .is_some_and(|format| format == "date-time")
}

fn treat(path: &str) -> Treat {
    FIELDS
        .iter()
        .find(|(known, _)| *known == path)
        .map_or(Treat::Drop, |(_, treat)| *treat)
}

#[cfg(test)]
mod tests {
    use super::{FIELDS, Fields, Value, closed};

    /// The texts of the schema that are no closed list, instant, address or prefix.
    fn texts(name: &str, schema: &Value, found: &mut Vec<String>) {
        let string = |of: &Value| of == "string";
        let is = schema.get("type").is_some_and(|of| {
            string(of) || of.as_array().is_some_and(|all| all.iter().any(string))
        });
        // Addresses, endpoints and prefixes have examples.
        if is && !closed(schema) && schema.get("examples").is_none() {
            found.push(name.to_owned());
        }
        for (key, of) in schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            texts(&format!("{name}.{key}"), of, found);
        }
        for key in ["items", "additionalProperties"] {
            schema
                .get(key)
                .into_iter()
                .for_each(|of| texts(name, of, found));
        }
        for key in ["anyOf", "oneOf", "prefixItems"] {
            let all = schema.get(key).and_then(Value::as_array);
            all.into_iter()
                .flatten()
                .for_each(|of| texts(name, of, found));
        }
    }

    #[test]
    fn every_text_of_the_report_is_listed() {
        let fields = Fields::of_report();
        let mut found = Vec::new();
        texts("Report", &fields.schema, &mut found);
        for (name, schema) in fields.schema["$defs"].as_object().unwrap() {
            texts(name, schema, &mut found);
        }
        found.sort();
        found.dedup();
        let mut listed: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
        listed.sort_unstable();
        assert_eq!(
            found, listed,
            "say in FIELDS what a redacted report does with a text that is new: until then it is dropped"
        );
    }
}
