//! Who knows a virtual machine, in which state it is, and which of its addresses are checked.

use super::layout::{GUTTER, Ink, Page, gutter};
use super::table::Table;
use crate::model::machine::{Instance, Machine, ProviderAnswer, Scope, Told};
use crate::model::resolution::{Resolution, SourceKind};
use crate::model::text::{escape, list};

/// The machine and its addresses; with `verbose` all providers and all addresses.
pub(super) fn show(
    page: &mut Page<'_>,
    host: &str,
    machine: &Machine,
    resolution: &Resolution,
    verbose: bool,
) {
    match machine.only() {
        None => page.field("machine", &format!("{host} → {}", account(machine))),
        Some((answer, instance)) => {
            let by_name = resolution.source(SourceKind::Provider).is_none();
            let to = match (&instance.host_name, resolution.addresses.as_slice()) {
                (Some(name), _) if by_name => escape(name),
                (_, []) => "no address".to_owned(),
                (_, addresses) => list(addresses),
            };
            let place = instance
                .place
                .as_deref()
                .map(|place| format!(", {}", escape(place)));
            page.field(
                "machine",
                &format!(
                    "{host} → {to} ({}{}{})",
                    answer.provider.name(),
                    place.unwrap_or_default(),
                    state(instance)
                ),
            );
            if let Some(choice) = &machine.choice {
                page.field("", &format!("checked because {}", escape(choice)));
            }
        }
    }
    if verbose {
        providers(page, machine);
    }
}

fn account(machine: &Machine) -> String {
    escape(&machine.account().unwrap_or_default())
}

/// `, running`, and the provider's own word where that is another.
fn state(instance: &Instance) -> String {
    match &instance.said {
        Some(said) if !said.eq_ignore_ascii_case(instance.state.phrase()) => {
            format!(", {}: \"{}\"", instance.state.phrase(), escape(said))
        }
        Some(_) => format!(", {}", instance.state.phrase()),
        None => String::new(),
    }
}

/// Who gave the addresses of a machine.
pub(super) fn source(resolution: &Resolution, time: &str) -> String {
    let known = resolution.machine.as_ref().and_then(Machine::only);
    let name = known.map_or("its provider", |(answer, _)| answer.provider.name());
    format!("from {name}{time}")
}

/// Each provider, what it said and what was run; those that are not here in one line.
fn providers(page: &mut Page<'_>, machine: &Machine) {
    let mut table = Table::new(&["provider", "answer", "time", "machines"]);
    table.right(&[2]);
    table.beneath(&[3]);
    let mut absent = Vec::new();
    for answer in &machine.providers {
        if answer.outcome == Told::Absent {
            absent.push(answer.provider.word());
            continue;
        }
        table.row(
            Ink::Plain,
            vec![
                answer.provider.word().to_owned(),
                said(answer),
                answer.ms.map(|ms| ms.to_string()).unwrap_or_default(),
                details(answer),
            ],
        );
    }
    if absent.len() < machine.providers.len() {
        table.show(page, GUTTER, &gutter("asked"));
    }
    if !absent.is_empty() {
        page.field("not here", &absent.join(", "));
    }
    for command in machine.providers.iter().flat_map(|answer| &answer.commands) {
        page.field("run", &escape(command));
    }
}

fn said(answer: &ProviderAnswer) -> String {
    match answer.outcome {
        Told::Known => "knows it",
        Told::Unknown => "does not know it",
        Told::Absent => "is not here",
        Told::Failed => "failed",
        Told::Timeout => "did not answer in time",
        Told::Unreadable => "wrote what can't be read",
    }
    .to_owned()
}

fn details(answer: &ProviderAnswer) -> String {
    if let Some(error) = &answer.error {
        return escape(error);
    }
    let all = answer.instances.iter().map(|instance| {
        let mut words = vec![escape(instance.key())];
        words.extend(instance.said.as_deref().map(escape));
        words.extend(instance.place.as_deref().map(escape));
        words.extend(instance.host_name.as_deref().map(escape));
        for address in &instance.addresses {
            let scope = match address.scope {
                Scope::Private => "private",
                Scope::Public => "public",
            };
            let interface = address.interface.as_deref().map(escape);
            let interface = interface.map_or_else(String::new, |name| format!(", {name}"));
            words.push(format!("{} ({scope}{interface})", address.address));
        }
        words.extend(instance.note.as_deref().map(escape));
        words.join(" ")
    });
    all.collect::<Vec<_>>().join("; ")
}
