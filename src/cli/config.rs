//! What the words mean: a [`Config`] that exists is valid, or a line says what is wrong.

mod limits;
mod prose;
mod shown;

use std::path::PathBuf;

use super::args::{CheckArgs, Command, ShowArgs, Typed};
use super::usage::Usage;
use super::{Invocation, payload, schema, value};
use crate::model::options::{Family, Options};
use crate::model::target::{Protocol, Target};
use crate::model::topology::TraceProtocol;
use crate::report::{Form, Verbosity};
use shown::output;

pub use prose::{Diff, Explain, ProseForm};

/// When colour is used (`--color`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Colour {
    /// Where a terminal reads, and nothing in the environment speaks against it.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The characters that may be used (`--ascii`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Charset {
    /// Those that the locale has.
    #[default]
    Locale,
    /// ASCII only.
    Ascii,
}

/// A file that the result is also written to (`--save`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Save {
    /// Where.
    pub path: PathBuf,
    /// In which form, from the file's extension.
    pub form: Form,
}

/// All that a check needs to know from the command line.
#[derive(Debug, Clone)]
pub struct Config {
    /// What is checked, in the order in which it was typed; empty for the demo.
    pub targets: Vec<Target>,
    /// The effective options.
    pub options: Options,
    /// The form of the result on stdout.
    pub output: Form,
    /// Files that it is also written to.
    pub saves: Vec<Save>,
    /// How much is told.
    pub verbosity: Verbosity,
    /// Whether each probe is told on stderr when it ends (`-vv`).
    pub each_probe: bool,
    /// Whether names and addresses are replaced in the result (`--redact`).
    pub redact: bool,
    /// When colour is used.
    pub colour: Colour,
    /// Which characters are used.
    pub charset: Charset,
    /// An earlier report to compare with; it is read with [`super::baseline::read`].
    pub baseline: Option<PathBuf>,
    /// A table of autonomous systems; it is read with [`super::systems::read`].
    pub as_database: Option<PathBuf>,
    /// Inventories of machines; they are read with [`super::inventory::read`], but for `ssh`, which is none.
    pub inventories: Vec<PathBuf>,
    /// What is to be said on stderr before the check: where it does less than was typed.
    pub notes: Vec<String>,
}

/// What `nwcheck show` needs to know from the command line.
#[derive(Debug, Clone)]
pub struct Show {
    /// The files, in the order in which they were typed; `-` is stdin.
    pub files: Vec<PathBuf>,
    /// Whether what was measured is judged anew.
    pub rejudge: bool,
    /// How the result looks and where it goes; it has no targets.
    pub config: Config,
}

/// Commands that are promised and not yet there: they are no targets.
const LATER: &[&str] = &["http", "run"];

/// The commands that check targets.
const CHECKS: &[(&str, Protocol)] = &[
    ("tcp", Protocol::Tcp),
    ("icmp", Protocol::Icmp),
    ("udp", Protocol::Udp),
    ("trace", Protocol::Trace),
    ("dns", Protocol::Dns),
];

/// What was typed → what is to be done.
pub(super) fn invocation(typed: Typed) -> Result<Invocation, Usage> {
    let config = |targets: &[String], options, protocol| {
        check(targets, options, protocol).map(|config| Invocation::Check(Box::new(config)))
    };
    match typed.command {
        Some(Command::Tcp(tcp)) => config(&tcp.targets, tcp.options, Some(Protocol::Tcp)),
        Some(Command::Icmp(icmp)) => config(&icmp.targets, icmp.options, Some(Protocol::Icmp)),
        Some(Command::Udp(udp)) => {
            let payload = given(udp.payload.as_deref(), payload::read)?;
            let mut config = check(&udp.targets, udp.options, Some(Protocol::Udp))?;
            config.options.payload = payload;
            Ok(Invocation::Check(Box::new(config)))
        }
        Some(Command::Dns(dns)) => {
            let mut config = check(&dns.targets, dns.options, Some(Protocol::Dns))?;
            limits::name_alone(&config)?;
            config.options.record_types = all(&dns.record, value::record_type)?;
            Ok(Invocation::Check(Box::new(config)))
        }
        Some(Command::Trace(trace)) => {
            let protocol = given(trace.protocol.as_deref(), value::trace_protocol)?;
            let mut config = check(&trace.targets, trace.options, Some(Protocol::Trace))?;
            limits::paths_alone(&config.options)?;
            config.options.protocol = protocol;
            for target in &mut config.targets {
                fit(target, protocol, &mut config.notes)?;
            }
            Ok(Invocation::Check(Box::new(config)))
        }
        Some(Command::Diff(typed)) => prose::diff(typed).map(Invocation::Diff),
        Some(Command::Schema { diff: true, .. }) => Ok(Invocation::Schema(schema::Of::Diff)),
        Some(Command::Schema { batch: true, .. }) => Ok(Invocation::Schema(schema::Of::Batch)),
        Some(Command::Schema { batch: false, .. }) => Ok(Invocation::Schema(schema::Of::Report)),
        Some(Command::Show(typed)) => show(*typed).map(|show| Invocation::Show(Box::new(show))),
        Some(Command::Explain(typed)) => prose::explain(typed).map(Invocation::Explain),
        Some(Command::Demo(options)) => {
            output(Options::default(), options).map(|config| Invocation::Demo(Box::new(config)))
        }
        Some(Command::Completions { shell }) => Ok(Invocation::Completions(shell)),
        Some(Command::Man { directory }) => Ok(Invocation::Man(directory)),
        None => match typed.targets.split_first() {
            // Options may stand before the command, too.
            Some((first, rest)) if CHECKS.iter().any(|(name, _)| name == first) => {
                if rest.is_empty() {
                    return Err(no_target(first));
                }
                let named = CHECKS.iter().find(|(name, _)| name == first);
                let protocol = named.map(|(_, protocol)| *protocol);
                let config = check(rest, typed.options, protocol)?;
                match protocol {
                    Some(Protocol::Trace) => limits::paths_alone(&config.options)?,
                    Some(Protocol::Dns) => limits::name_alone(&config)?,
                    _ => {}
                }
                Ok(Invocation::Check(Box::new(config)))
            }
            Some((first, _)) if first == "help" => Err(Usage::new(
                "help",
                "it is no command",
                "the option",
                "nwcheck --help",
            )),
            Some((first, rest)) if LATER.contains(&first.as_str()) => Err(Usage::new(
                first,
                "this version has no such command",
                "tcp, icmp, udp, dns, trace, show, diff, schema, explain or demo",
                format!(
                    "nwcheck tcp {}",
                    rest.first()
                        .filter(|target| Target::parse(target, Some(Protocol::Tcp)).is_ok())
                        .map_or("db.example:5432", String::as_str)
                ),
            )),
            Some((first, _))
                if matches!(
                    first.as_str(),
                    "show" | "diff" | "schema" | "explain" | "demo"
                ) =>
            {
                Err(Usage::new(
                    first,
                    "an option of a check stands before the command",
                    "the command first",
                    format!("nwcheck {first}"),
                ))
            }
            Some(_) => config(&typed.targets, typed.options, None),
            None => Err(no_target("command line")),
        },
    }
}

fn no_target(whence: &str) -> Usage {
    Usage::new(
        whence,
        "no target is named",
        "a host and a port",
        "nwcheck tcp db.example:5432 (see nwcheck --help)",
    )
}

/// A check of these targets.
fn check(
    targets: &[String],
    typed: CheckArgs,
    protocol: Option<Protocol>,
) -> Result<Config, Usage> {
    let CheckArgs {
        output: shown,
        probes,
        way,
        names,
        path,
        criteria,
    } = typed;
    let mut options = Options::default();
    set(&mut options.count, probes.count.as_deref(), |text| {
        value::whole("--count", text, 1, 10_000)
    })?;
    set(
        &mut options.interval_ms,
        probes.interval.as_deref(),
        |text| value::duration("--interval", text),
    )?;
    set(&mut options.timeout_ms, probes.timeout.as_deref(), |text| {
        value::duration("--timeout", text)
    })?;
    set(
        &mut options.deadline_ms,
        probes.deadline.as_deref(),
        |text| value::duration("--deadline", text),
    )?;
    if probes.timeout.is_none() {
        // The default gives way to a shorter deadline.
        options.timeout_ms = options.timeout_ms.min(options.deadline_ms);
    }
    options.wait_ms = given(probes.wait.as_deref(), |text| {
        value::duration("--wait", text)
    })?;
    options.control = given(probes.control.as_deref(), |text| {
        value::whole("--control", text, 1, u16::MAX)
    })?;
    options.family = match (way.ipv4, way.ipv6) {
        (true, _) => Family::Ipv4,
        (_, true) => Family::Ipv6,
        _ => Family::Any,
    };
    options.source = given(way.source.as_deref(), |text| {
        value::address("--source", text)
    })?;
    options.source_port = given(way.source_port.as_deref(), |text| {
        value::whole("--source-port", text, 1, u16::MAX)
    })?;
    options.interface = given(way.interface.as_deref(), value::interface)?;
    options.tos = given(way.tos.as_deref(), value::tos)?;
    options.local = !way.no_local;
    options.servers = all(&names.server, value::server)?;
    options.inventories = value::files(&names.inventory);
    options.resolve = all(&names.resolve, value::resolve)?;
    set(
        &mut options.all_addresses,
        names.all_addresses.as_deref(),
        |text| value::whole("--all-addresses", text, 1, 64),
    )?;
    set(&mut options.max_hops, path.max_hops.as_deref(), |text| {
        value::whole("--max-hops", text, 1, 255)
    })?;
    set(&mut options.flows, path.flows.as_deref(), |text| {
        value::whole("--flows", text, 1, 1024)
    })?;
    options.all_paths = path.all_paths;
    set(
        &mut options.confidence_percent,
        path.confidence.as_deref(),
        value::confidence,
    )?;
    set(
        &mut options.confidence_scope,
        path.confidence_scope.as_deref(),
        value::confidence_scope,
    )?;
    options.as_database = path
        .as_database
        .as_ref()
        .map(|path| path.display().to_string());
    set(&mut options.rate, path.rate.as_deref(), |text| {
        value::whole("--rate", text, 1, 10_000)
    })?;
    options.path = !path.no_path;
    options.baseline = path
        .baseline
        .as_ref()
        .map(|path| path.display().to_string());
    limits::demands(&mut options, &criteria)?;
    limits::source_family(&mut options)?;
    limits::times(&options)?;

    let mut notes = Vec::new();
    let targets = targets
        .iter()
        .map(|text| target(text, protocol, &options, &mut notes))
        .collect::<Result<_, _>>()?;
    Ok(Config {
        targets,
        baseline: path.baseline,
        as_database: path.as_database,
        inventories: names.inventory,
        notes,
        ..output(options, shown)?
    })
}

/// Saved reports, shown again.
fn show(typed: ShowArgs) -> Result<Show, Usage> {
    let stdin = typed.files.iter().filter(|file| file.as_os_str() == "-");
    if stdin.count() > 1 {
        return Err(Usage::new(
            "show -",
            "stdin can be read only once",
            "it once",
            "nwcheck show - earlier.json",
        ));
    }
    Ok(Show {
        files: typed.files,
        rejudge: typed.rejudge,
        config: output(Options::default(), typed.output)?,
    })
}

/// A target of `nwcheck trace`, for the protocol that was named: a SYN needs a port, an echo request has none.
fn fit(
    target: &mut Target,
    protocol: Option<TraceProtocol>,
    notes: &mut Vec<String>,
) -> Result<(), Usage> {
    match (protocol, target.port) {
        (Some(TraceProtocol::Tcp), None) => Err(Usage::new(
            format!("target `{}`", target.input),
            "it has no port, and a trace with TCP needs one",
            "a host and a port",
            format!("nwcheck trace --protocol tcp {}:443", target.label()),
        )),
        (Some(TraceProtocol::Icmp), Some(port)) => {
            notes.push(format!(
                "{}: an echo request has no port: {port} is not used",
                target.label()
            ));
            target.port = None;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// One target, as the command asks for it.
fn target(
    text: &str,
    protocol: Option<Protocol>,
    options: &Options,
    notes: &mut Vec<String>,
) -> Result<Target, Usage> {
    let mut target = Target::parse(text, protocol)?;
    if target.protocol == Protocol::Http {
        notes.push(format!(
            "{}: checking TCP port {} only; this version does not check TLS or HTTP",
            target.label(),
            target.port.unwrap_or_default(),
        ));
        target.protocol = Protocol::Tcp;
    }
    limits::of_protocol(target.protocol, options)?;
    let whence = format!("target `{}`", target.input);
    let with_port = |host: &str| match target.port {
        Some(port) if host.contains(':') => format!("[{host}]:{port}"),
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    if let Some(address) = target.address() {
        if !options.family.admits(&address) {
            let (asked, family) = match options.family {
                Family::Ipv6 => ("IPv6", "2001:db8::1"),
                _ => ("IPv4", "192.0.2.7"),
            };
            let why = match &options.source {
                Some(source) => format!("the source {source}"),
                None => format!("-{}", asked.trim_start_matches("IPv")),
            };
            return Err(Usage::new(
                whence,
                format!("its address is not {asked}, which {why} asks for"),
                format!("an {asked} address or a name"),
                with_port(family),
            ));
        }
        if limits::needs_zone(&address) && options.interface.is_none() {
            return Err(Usage::new(
                whence,
                "a link-local address says nothing without its interface",
                "the address with its interface",
                with_port(&format!("{address}%eth0")),
            ));
        }
    }
    // For a check with datagrams the control is another protocol's port, whatever its number.
    let same_port = options.control.is_some() && options.control == target.port;
    if same_port && target.protocol != Protocol::Udp {
        return Err(Usage::new(
            "--control",
            format!(
                "it names the port that is checked, which proves nothing ({})",
                target.input
            ),
            "another port of the target",
            if target.port == Some(22) {
                "--control 443"
            } else {
                "--control 22"
            },
        ));
    }
    Ok(target)
}

/// A value that was typed, understood.
fn given<T>(
    text: Option<&str>,
    read: impl FnOnce(&str) -> Result<T, Usage>,
) -> Result<Option<T>, Usage> {
    text.map(read).transpose()
}

/// Replaces a default by what was typed.
fn set<T>(
    value: &mut T,
    text: Option<&str>,
    read: impl FnOnce(&str) -> Result<T, Usage>,
) -> Result<(), Usage> {
    if let Some(new) = given(text, read)? {
        *value = new;
    }
    Ok(())
}

fn all<T>(texts: &[String], read: impl Fn(&str) -> Result<T, Usage>) -> Result<Vec<T>, Usage> {
    texts.iter().map(|text| read(text)).collect()
}
