//! The words of the command line, taken apart and not yet understood: all values are text here, so that one place says what is wrong
//! with them, and help works on a broken machine.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};
use clap_complete::Shell;

use super::help;

/// Does this connection work? If not: where does it break, and what is to be done?
#[derive(Debug, Parser)]
#[command(
    name = "nwcheck",
    version,
    max_term_width = 80,
    styles = help::STYLES,
    help_template = help::TEMPLATE_TOP,
    override_usage = help::USAGE_TOP,
    after_help = help::after("nwcheck"),
    disable_help_subcommand = true,
    disable_help_flag = true,
    args_conflicts_with_subcommands = true
)]
pub(super) struct Typed {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    /// Same as `nwcheck tcp`: host:443, 192.0.2.7:22, https://host/, vm:web:22
    #[arg(value_name = "TARGET")]
    pub(super) targets: Vec<String>,
    #[command(flatten)]
    pub(super) options: CheckArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Resolve, connect, probe, trace, diagnose: does TCP work?
    #[command(
        styles = help::STYLES,
        max_term_width = 80,
        help_template = help::TEMPLATE,
        after_help = help::after("nwcheck-tcp")
    )]
    Tcp(Box<TcpArgs>),
    /// Does the host answer echo requests?
    #[command(
        styles = help::STYLES,
        max_term_width = 80,
        help_template = help::TEMPLATE,
        after_help = help::after("nwcheck-icmp")
    )]
    Icmp(Box<IcmpArgs>),
    /// Does the port answer datagrams?
    #[command(
        styles = help::STYLES,
        max_term_width = 80,
        help_template = help::TEMPLATE,
        after_help = help::after("nwcheck-udp")
    )]
    Udp(Box<UdpArgs>),
    /// Show the paths alone, all of them
    #[command(
        styles = help::STYLES,
        max_term_width = 80,
        help_template = help::TEMPLATE,
        after_help = help::after("nwcheck-trace")
    )]
    Trace(Box<TraceArgs>),
    /// Show how a name resolves: every server asked and compared
    #[command(
        styles = help::STYLES,
        max_term_width = 80,
        help_template = help::TEMPLATE,
        after_help = help::after("nwcheck-dns")
    )]
    Dns(Box<DnsArgs>),
    /// Show saved reports again, in any output form
    #[command(
        styles = help::STYLES,
        max_term_width = 80,
        help_template = help::TEMPLATE,
        after_help = help::after("nwcheck-show")
    )]
    Show(Box<ShowArgs>),
    /// Compare two saved reports: what changed, and where they part
    #[command(
        styles = help::STYLES,
        max_term_width = 80,
        help_template = help::TEMPLATE,
        after_help = help::after("nwcheck-diff")
    )]
    Diff(DiffArgs),
    /// Print the JSON Schema of the report
    #[command(
        styles = help::STYLES,
        max_term_width = 80,
        help_template = help::TEMPLATE,
        after_help = help::after("nwcheck-schema")
    )]
    Schema {
        /// The schema of the report of several targets
        #[arg(long)]
        batch: bool,
        /// The schema of what nwcheck diff -o json writes
        #[arg(long, conflicts_with = "batch")]
        diff: bool,
        #[command(flatten)]
        help: HelpArg,
    },
    /// Explain a finding: meaning, proof, remedy; without ID the list
    #[command(
        styles = help::STYLES,
        max_term_width = 80,
        help_template = help::TEMPLATE,
        after_help = help::after("nwcheck-explain")
    )]
    Explain(ExplainArgs),
    /// Make faults on loopback and check each: needs no network
    #[command(
        styles = help::STYLES,
        max_term_width = 80,
        help_template = help::TEMPLATE,
        after_help = help::after("nwcheck-demo")
    )]
    Demo(OutputArgs),
    /// Print the completions of a shell
    #[command(hide = true)]
    Completions { shell: Shell },
    /// Write the manual pages into a directory
    #[command(hide = true)]
    Man { directory: PathBuf },
}

/// In place of clap's own, so that it stands where the other options are.
#[derive(Debug, Args)]
pub(super) struct HelpArg {
    /// Print help
    #[arg(short, long, action = ArgAction::Help)]
    help: Option<bool>,
}

#[derive(Debug, Args)]
pub(super) struct TcpArgs {
    /// host:443, 192.0.2.7:22, [2001:db8::1]:443, https://host/, vm:web:22
    #[arg(value_name = "TARGET", required = true)]
    pub(super) targets: Vec<String>,
    #[command(flatten)]
    pub(super) options: CheckArgs,
}

#[derive(Debug, Args)]
pub(super) struct IcmpArgs {
    /// host, 192.0.2.7, 2001:db8::1, vm:web
    #[arg(value_name = "TARGET", required = true)]
    pub(super) targets: Vec<String>,
    #[command(flatten)]
    pub(super) options: CheckArgs,
}

#[derive(Debug, Args)]
pub(super) struct UdpArgs {
    /// host:53, 192.0.2.7:123, [2001:db8::1]:443, vm:web:53
    #[arg(value_name = "TARGET", required = true)]
    pub(super) targets: Vec<String>,
    /// Send this: text, hex:00ff, or @FILE [what the port's protocol answers]
    #[arg(long, value_name = "DATA", help_heading = "Probes")]
    pub(super) payload: Option<String>,
    #[command(flatten)]
    pub(super) options: CheckArgs,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Saved reports: -o json, -o jsonl or --save; - is stdin
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Judge what was measured by the rules of this version
    #[arg(long)]
    pub(super) rejudge: bool,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// A finding, such as port-filtered
    #[arg(value_name = "ID")]
    pub(super) id: Option<String>,
    /// Form of the result: text, markdown, json [text]
    #[arg(short, long, value_name = "FORM")]
    pub(super) output: Option<String>,
    /// auto, always, never [auto; see also NO_COLOR]
    #[arg(long, value_name = "WHEN")]
    pub(super) color: Option<String>,
    /// Plain ASCII only
    #[arg(long)]
    pub(super) ascii: bool,
    #[command(flatten)]
    help: HelpArg,
}

#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// The earlier report, or the one that works; - is stdin
    #[arg(value_name = "A", required = true)]
    pub(super) a: PathBuf,
    /// The later report, or the one that does not
    #[arg(value_name = "B", required = true)]
    pub(super) b: PathBuf,
    /// Form of the result: text, markdown, json [text]
    #[arg(short, long, value_name = "FORM")]
    pub(super) output: Option<String>,
    /// One line per target
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// auto, always, never [auto; see also NO_COLOR]
    #[arg(long, value_name = "WHEN")]
    pub(super) color: Option<String>,
    /// Plain ASCII only
    #[arg(long)]
    pub(super) ascii: bool,
    #[command(flatten)]
    help: HelpArg,
}

#[derive(Debug, Args)]
pub(super) struct TraceArgs {
    /// host, host:443, 192.0.2.7, https://host/, vm:web:22
    #[arg(value_name = "TARGET", required = true)]
    pub(super) targets: Vec<String>,
    /// tcp, udp, icmp [with a port tcp, else udp]
    #[arg(long, value_name = "PROTOCOL", help_heading = "Path")]
    pub(super) protocol: Option<String>,
    #[command(flatten)]
    pub(super) options: CheckArgs,
}

#[derive(Debug, Args)]
pub(super) struct DnsArgs {
    /// db.example, db, db.example.
    #[arg(value_name = "NAME", required = true)]
    pub(super) targets: Vec<String>,
    /// Ask for this record type, too, such as MX (repeatable)
    #[arg(long = "type", value_name = "TYPE", help_heading = "Name")]
    pub(super) record: Vec<String>,
    #[command(flatten)]
    pub(super) options: CheckArgs,
}

/// The options that every check has.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) probes: ProbeArgs,
    #[command(flatten)]
    pub(super) way: WayArgs,
    #[command(flatten)]
    pub(super) names: NameArgs,
    #[command(flatten)]
    pub(super) path: PathArgs,
    #[command(flatten)]
    pub(super) criteria: CriteriaArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// Form of the result: text, json, jsonl, markdown, html, junit, github, nagios, prometheus, azure, dot, mermaid, svg [text]
    #[arg(short, long, value_name = "FORM")]
    pub(super) output: Option<String>,
    /// Also write to FILE, form by extension (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(super) save: Vec<PathBuf>,
    /// One line per target, no progress
    #[arg(short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// All numbers and proofs; -vv: each probe on stderr
    #[arg(short, long, action = ArgAction::Count)]
    pub(super) verbose: u8,
    /// Replace names and addresses in the result
    #[arg(long)]
    pub(super) redact: bool,
    /// auto, always, never [auto; see also NO_COLOR]
    #[arg(long, value_name = "WHEN")]
    pub(super) color: Option<String>,
    /// Plain ASCII only
    #[arg(long)]
    pub(super) ascii: bool,
    #[command(flatten)]
    help: HelpArg,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Probes")]
pub(super) struct ProbeArgs {
    /// Probes to each address [10]
    #[arg(short, long, value_name = "N")]
    pub(super) count: Option<String>,
    /// Time between two probes [20ms]
    #[arg(short, long, value_name = "DURATION")]
    pub(super) interval: Option<String>,
    /// Time for one probe [3.5s]
    #[arg(short = 'w', long, value_name = "DURATION")]
    pub(super) timeout: Option<String>,
    /// Time for the whole check [30s]
    #[arg(long, value_name = "DURATION")]
    pub(super) deadline: Option<String>,
    /// Repeat until it passes, for at most so long
    #[arg(long, value_name = "DURATION")]
    pub(super) wait: Option<String>,
    /// Port of the target known to be open or closed, for proof
    #[arg(long, value_name = "PORT")]
    pub(super) control: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Way out")]
pub(super) struct WayArgs {
    /// IPv4 only
    #[arg(short = '4', conflicts_with = "ipv6")]
    pub(super) ipv4: bool,
    /// IPv6 only
    #[arg(short = '6')]
    pub(super) ipv6: bool,
    /// Source address
    #[arg(short, long, value_name = "ADDR")]
    pub(super) source: Option<String>,
    /// Source port
    #[arg(long, value_name = "PORT")]
    pub(super) source_port: Option<String>,
    /// Interface
    #[arg(short = 'I', long, value_name = "NAME")]
    pub(super) interface: Option<String>,
    /// Type of service or traffic class, 0 to 255
    #[arg(long, value_name = "N")]
    pub(super) tos: Option<String>,
    /// Do not look at this machine
    #[arg(long)]
    pub(super) no_local: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Name")]
pub(super) struct NameArgs {
    /// Ask this name server (repeatable)
    #[arg(long, value_name = "ADDR[:PORT]")]
    pub(super) server: Vec<String>,
    /// Hosts by name for vm:NAME: an Ansible inventory, or ssh (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(super) inventory: Vec<PathBuf>,
    /// Use ADDR for HOST at PORT (repeatable)
    #[arg(long, value_name = "HOST:PORT:ADDR")]
    pub(super) resolve: Vec<String>,
    /// At most so many addresses of a name [8]
    #[arg(long, value_name = "N")]
    pub(super) all_addresses: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Path")]
pub(super) struct PathArgs {
    /// Longest path looked for [30]
    #[arg(long, value_name = "N")]
    pub(super) max_hops: Option<String>,
    /// Follow at most N flows; 1 is one path [64]
    #[arg(long, value_name = "N")]
    pub(super) flows: Option<String>,
    /// Follow every flow to its end, as many as tell a dead path
    #[arg(long)]
    pub(super) all_paths: bool,
    /// How sure that no branch is missed: 95, 99 [95]
    #[arg(long, value_name = "PERCENT")]
    pub(super) confidence: Option<String>,
    /// For each branching node, or the whole path: node, path [node]
    #[arg(long, value_name = "SCOPE")]
    pub(super) confidence_scope: Option<String>,
    /// Name the AS of each hop by this file (IP ranges to AS, TSV)
    #[arg(long, value_name = "FILE")]
    pub(super) as_database: Option<PathBuf>,
    /// Path probes a second [250]
    #[arg(long, value_name = "N")]
    pub(super) rate: Option<String>,
    /// Do not trace the path
    #[arg(long)]
    pub(super) no_path: bool,
    /// Earlier JSON report: knows the host's last router
    #[arg(long, value_name = "FILE")]
    pub(super) baseline: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Criteria")]
pub(super) struct CriteriaArgs {
    /// open, closed, filtered, blocked (closed or filtered)
    #[arg(long, value_name = "STATE")]
    pub(super) expect: Option<String>,
    /// Largest share of failed probes
    #[arg(long, value_name = "PERCENT")]
    pub(super) max_loss: Option<String>,
    /// Largest average round trip
    #[arg(long, value_name = "MS")]
    pub(super) max_avg: Option<String>,
    /// Largest 95th percentile of the round trip
    #[arg(long, value_name = "MS")]
    pub(super) max_p95: Option<String>,
    /// Longest wall time to an open socket
    #[arg(long, value_name = "MS")]
    pub(super) max_connect: Option<String>,
    /// Fail from this severity on: error, warning [error]
    #[arg(long, value_name = "SEVERITY")]
    pub(super) fail_on: Option<String>,
}
