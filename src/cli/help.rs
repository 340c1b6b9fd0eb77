//! How help looks, and what stands at its end and in the manual pages: examples and exit status.

use std::ffi::OsString;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use clap::builder::{StyledStr, Styles};
use clap::{CommandFactory, Error};

/// Headings bold, what is typed in one colour, what is replaced plain.
pub(super) const STYLES: Styles = Styles::styled()
    .header(Style::new().bold())
    .usage(Style::new().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(Style::new());

pub(super) const TEMPLATE_TOP: &str = "\
{about}

{usage-heading}
  {usage}

\x1b[1mCommands:\x1b[0m
{subcommands}

\x1b[1mCommon options\x1b[0m (nwcheck tcp --help has all):
{options}{after-help}";

pub(super) const TEMPLATE: &str = "\
{about}

{usage-heading}
  {usage}

{all-args}{after-help}";

pub(super) const USAGE_TOP: &str = "nwcheck [tcp | icmp | udp | dns | trace] TARGET... [OPTIONS]\n  nwcheck show FILE... | diff A B | schema | explain [ID] | demo";

/// The options that the short help of `nwcheck` itself shows; `nwcheck tcp --help` has all.
const COMMON: &[&str] = &[
    "output", "save", "quiet", "verbose", "count", "timeout", "wait", "ipv4", "ipv6", "expect",
    "max_loss", "help", "version",
];

/// A command line and what it is for.
pub(super) struct Example {
    pub(super) line: &'static str,
    pub(super) purpose: &'static str,
}

/// How a command is written, by the name of its manual page.
pub(super) fn synopsis(page: &str) -> &'static str {
    match page {
        "nwcheck-tcp" => "nwcheck tcp [OPTIONS] TARGET...",
        "nwcheck-icmp" => "nwcheck icmp [OPTIONS] TARGET...",
        "nwcheck-udp" => "nwcheck udp [OPTIONS] TARGET...",
        "nwcheck-dns" => "nwcheck dns [OPTIONS] NAME...",
        "nwcheck-trace" => "nwcheck trace [OPTIONS] TARGET...",
        "nwcheck-show" => "nwcheck show [OPTIONS] FILE...",
        "nwcheck-diff" => "nwcheck diff [OPTIONS] A B",
        "nwcheck-schema" => "nwcheck schema [--batch | --diff]",
        "nwcheck-explain" => "nwcheck explain [ID] [OPTIONS]",
        "nwcheck-demo" => "nwcheck demo [OPTIONS]",
        _ => "nwcheck [COMMAND] [OPTIONS] TARGET...",
    }
}

/// What a command does, by the name of its manual page; each a paragraph.
pub(super) fn description(page: &str) -> &'static [&'static str] {
    match page {
        "nwcheck-tcp" => &[
            "Resolves the name as an application on this machine would, and asks each configured name server beside it; opens \
             connections to every address; traces the path with the same protocol to the same port; and says, from what was \
             measured, where the connection breaks, whose fault that is and what is to be done.",
            "A TARGET is host:443, 192.0.2.7:22, [2001:db8::1]:443, [fe80::1%eth0]:22, or a URI, whose scheme gives the port. \
             Several are checked at the same time, and shown in the order given.",
            "vm:NAME:22, vm:PROVIDER/NAME:22 and the full ids of Azure, AWS and Google Cloud are virtual machines and containers. Who may \
             know the name is asked by the programs that are there: virsh, incus, lxc, docker, podman, machinectl, multipass, vagrant, az, \
             aws and gcloud, for at most 3 seconds each, or 15 for the one that is named; and the inventories that --inventory names. A \
             machine that does not run is told as such, and nothing is sent to it. As root only programs are run that root alone may change; \
             no shell is involved.",
            "The result goes to stdout, all else to stderr. No privilege is needed; what could not be measured for lack of one is \
             listed in the result.",
        ],
        "nwcheck-icmp" => &[
            "Checks with echo requests what nwcheck tcp checks with connections: name, way out, path, and whether the host answers. A \
             host that answers TCP and not echo requests is told apart from one that is down.",
            "Ping sockets are used where they are allowed (net.ipv4.ping_group_range), else raw sockets where those are; where neither \
             is, the result says so and how to get it.",
        ],
        "nwcheck-udp" => &[
            "Checks with datagrams what nwcheck tcp checks with connections. A server answers only what it understands: the payload is \
             one that the port's protocol answers (53 DNS, 123 NTP, 161 SNMPv3, 443 QUIC, 500 IKE, 3478 STUN), else the one of --payload.",
            "UDP permits silence: where nothing comes back, open and filtered can't be told apart, and the exit status is 3.",
        ],
        "nwcheck-dns" => &[
            "Shows how a name becomes addresses on this machine: what an application gets from the system's resolver, what the hosts file \
             has, and what each configured name server says when it is asked directly, over UDP and, where that is needed, TCP; and where \
             they contradict each other or are slow.",
            "It passes when an application would get an address.",
        ],
        "nwcheck-trace" => &[
            "Shows the paths alone, all of them: every branch of equal-cost routes, each hop's answers, and where probes end. With a port \
             the probes are TCP SYNs to it, else UDP datagrams; --protocol names another.",
            "No privilege is needed for TCP and UDP. How sure it is that no branch was missed stands in the result.",
        ],
        "nwcheck-show" => &[
            "Shows what -o json, -o jsonl or --save wrote, again and in any form: one report, a batch, several one after the other, from \
             several files, or from stdin (-). Reports of earlier versions are read, and keys of later ones are ignored.",
            "With --rejudge the findings, the verdict and the exit status are made anew by the rules of this version, out of what was \
             measured then. Nothing is sent.",
            "With --redact names, addresses and interfaces are replaced everywhere, the same original by the same replacement, by a random key \
             that is not kept. Public addresses become ones of 240.0.0.0/4 and 3fff::/20, others stay in their range; common prefixes and \
             equality survive, so that the report can be judged again. What others wrote (texts of servers, TXT records) is dropped. Times, \
             ports, process names and the release of the kernel stay. What is told on stderr is not redacted.",
            "The exit status is that of the reports, the worst of several.",
        ],
        "nwcheck-diff" => &[
            "Says what changed from one saved report to another, for better or worse, step by step (name, local, path, destination, findings, \
             criteria, verdict), and the first step at which they part: before a deploy and after, this office and that, IPv4 and IPv6. \
             Different targets are compared, with a note; of files with several reports, those of the same target.",
            "What chance alone may change is no difference. Shares of failed probes differ where their 95 % confidence intervals do not \
             overlap; round trips where the medians differ by more than half a millisecond and more than both spreads (95th percentile \
             less the shortest) together; paths where both have answers at a hop and none in common. Other addresses and another way are \
             a change, and neither better nor worse.",
            "A better or worse verdict decides; where the verdicts are alike, B is worse as soon as any step of it is.",
        ],
        "nwcheck-schema" => &[
            "Prints the JSON Schema (2020-12) of what -o json writes: the report of one target, or with \
                               --batch of several, with --diff what nwcheck diff -o json writes.",
        ],
        "nwcheck-explain" => &[
            "Says of a finding what it means, what proves it, what to do about it and what else looks like it. Without an ID all findings \
             are listed; as markdown and JSON all of them are told in full.",
            "What is longer than the terminal is shown in PAGER, or in less. As root it is only printed.",
        ],
        "nwcheck-demo" => &[
            "Makes faults on loopback, checks each, and shows what is found. It needs no network and ends by \
                             itself.",
        ],
        _ => &[
            "Diagnoses one network connection: does it work, and if not, where does it break, whose is it, and what is to \
                be done? Without a command, a target with a port is checked as nwcheck tcp does.",
        ],
    }
}

/// Exit status and what it means.
const EXIT: &[(&str, &str)] = &[
    (
        "0",
        "every check passed; warnings allowed unless --fail-on warning",
    ),
    (
        "1",
        "a check failed: an error finding, or a criterion broken",
    ),
    ("2", "wrong usage: nothing was sent"),
    ("3", "could not tell: not carried out, or proves neither"),
];

/// The exit status of reports that are shown.
const SHOWN: &[(&str, &str)] = &[
    ("0", "every report passed"),
    ("1", "one of them failed"),
    ("2", "wrong usage, or a file that is no report"),
    (
        "3",
        "one of them could not tell, or the result can't be written",
    ),
];

/// The exit status of a comparison.
const COMPARED: &[(&str, &str)] = &[
    ("0", "B is not worse than A"),
    ("1", "B is worse"),
    ("2", "wrong usage, or a file that is no report"),
    ("3", "they can't be compared, or one of them could not tell"),
];

const CHECKS: &[Example] = &[
    Example {
        line: "nwcheck tcp db.example:5432",
        purpose: "does it open, or why not?",
    },
    Example {
        line: "nwcheck tcp '[2001:db8::1]:443' 192.0.2.7:22",
        purpose: "two targets at once",
    },
    Example {
        line: "nwcheck tcp https://web.example/ -o json",
        purpose: "for a script",
    },
    Example {
        line: "nwcheck tcp db.example:5432 --expect blocked",
        purpose: "is it closed off?",
    },
    Example {
        line: "nwcheck tcp web.example:443 -c 100 --max-loss 1%",
        purpose: "at most 1 % may fail",
    },
    Example {
        line: "nwcheck tcp db.example:5432 --wait 2m -q",
        purpose: "wait until it is up",
    },
    Example {
        line: "nwcheck tcp web.example:443 --save report.json",
        purpose: "keep it for a ticket",
    },
];

/// The examples of a command, by the name of its manual page.
pub(super) fn examples(page: &str) -> &'static [Example] {
    match page {
        "nwcheck" => {
            const {
                &[
                    Example {
                        line: "nwcheck db.example:5432",
                        purpose: "does it open, or why not?",
                    },
                    Example {
                        line: "nwcheck tcp web.example:443 -c 100 --max-loss 1%",
                        purpose: "at most 1 % may fail",
                    },
                    Example {
                        line: "nwcheck explain port-filtered",
                        purpose: "what a finding means",
                    },
                    Example {
                        line: "nwcheck demo",
                        purpose: "faults found, no network",
                    },
                ]
            }
        }
        "nwcheck-tcp" => CHECKS,
        "nwcheck-icmp" => {
            const {
                &[
                    Example {
                        line: "nwcheck icmp gw.example",
                        purpose: "does it answer, or why not?",
                    },
                    Example {
                        line: "nwcheck icmp 192.0.2.7 -c 100 --max-loss 1%",
                        purpose: "at most 1 % may fail",
                    },
                ]
            }
        }
        "nwcheck-udp" => {
            const {
                &[
                    Example {
                        line: "nwcheck udp ns.example:53",
                        purpose: "does a name server answer?",
                    },
                    Example {
                        line: "nwcheck udp game.example:7777 --payload hex:ff01",
                        purpose: "with a payload of your own",
                    },
                ]
            }
        }
        "nwcheck-dns" => {
            const {
                &[
                    Example {
                        line: "nwcheck dns db.example",
                        purpose: "does it resolve, and by whom?",
                    },
                    Example {
                        line: "nwcheck dns db.example --server 192.0.2.53",
                        purpose: "by this server alone",
                    },
                    Example {
                        line: "nwcheck dns example.org --type MX",
                        purpose: "its mail servers, too",
                    },
                ]
            }
        }
        "nwcheck-trace" => {
            const {
                &[
                    Example {
                        line: "nwcheck trace web.example:443",
                        purpose: "all paths of the real TCP flow",
                    },
                    Example {
                        line: "nwcheck trace --flows 1 192.0.2.7",
                        purpose: "one path, with datagrams",
                    },
                    Example {
                        line: "nwcheck trace --confidence 99 web.example:443",
                        purpose: "miss fewer branches",
                    },
                ]
            }
        }
        "nwcheck-show" => {
            const {
                &[
                    Example {
                        line: "nwcheck show report.json",
                        purpose: "as it was told then",
                    },
                    Example {
                        line: "nwcheck show --rejudge report.json",
                        purpose: "by today's rules",
                    },
                    Example {
                        line: "nwcheck show report.json -o jsonl --save report.txt",
                        purpose: "in other forms",
                    },
                ]
            }
        }
        "nwcheck-diff" => {
            const {
                &[
                    Example {
                        line: "nwcheck diff before.json after.json",
                        purpose: "did the deploy break it?",
                    },
                    Example {
                        line: "nwcheck diff office.json home.json -o markdown",
                        purpose: "for a ticket",
                    },
                ]
            }
        }
        "nwcheck-schema" => {
            const {
                &[
                    Example {
                        line: "nwcheck schema > report.schema.json",
                        purpose: "the report of one target",
                    },
                    Example {
                        line: "nwcheck schema --batch",
                        purpose: "the report of several targets",
                    },
                ]
            }
        }
        "nwcheck-explain" => {
            const {
                &[
                    Example {
                        line: "nwcheck explain",
                        purpose: "all findings",
                    },
                    Example {
                        line: "nwcheck explain port-filtered",
                        purpose: "one of them in full",
                    },
                    Example {
                        line: "nwcheck explain -o markdown",
                        purpose: "all of them in full, for a runbook",
                    },
                ]
            }
        }
        "nwcheck-demo" => {
            const {
                &[
                    Example {
                        line: "nwcheck demo",
                        purpose: "the faults, as text",
                    },
                    Example {
                        line: "nwcheck demo -o json",
                        purpose: "the same as a script gets it",
                    },
                ]
            }
        }
        _ => &[],
    }
}

/// The exit status of a command, by the name of its manual page: what prints something can only be right or wrong usage.
pub(super) fn exits(page: &str) -> &'static [(&'static str, &'static str)] {
    match page {
        "nwcheck-show" => SHOWN,
        "nwcheck-diff" => COMPARED,
        "nwcheck-schema" => &[("0", "it was printed"), ("2", "wrong usage")],
        "nwcheck-explain" => &[("0", "it was printed"), ("2", "there is no such finding")],
        _ => EXIT,
    }
}

/// What is to be added to that, where a check can be shown as a monitoring plugin's.
pub(super) fn exit_note(page: &str) -> Option<&'static str> {
    let no_check = [
        "nwcheck-diff",
        "nwcheck-schema",
        "nwcheck-explain",
        "nwcheck-demo",
    ];
    (!no_check.contains(&page))
        .then_some("-o nagios alone: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN (wrong usage, too)")
}

/// What stands at the end of a command's help.
pub(super) fn after(page: &str) -> StyledStr {
    let examples = examples(page);
    let longest = examples.iter().map(|example| example.line.len()).max();
    let longest = longest.unwrap_or(0);
    let mut text = StyledStr::new();
    // Writing to a string can't fail.
    let _ = writeln!(text, "\x1b[1mExamples:\x1b[0m");
    for Example { line, purpose } in examples {
        let _ = writeln!(text, "  {line:longest$}  {purpose}");
    }
    let _ = write!(text, "\n\x1b[1mExit status:\x1b[0m");
    for (code, meaning) in exits(page) {
        let _ = write!(text, "\n  {code}  {meaning}");
    }
    // The overview stays on one page of a terminal.
    if let Some(note) = exit_note(page).filter(|_| page != "nwcheck") {
        let _ = write!(text, "\n  {note}");
    }
    text
}

/// Which command the words name; `tcp` where they name none, for that is what is run.
pub(super) fn command_in(words: &[OsString]) -> String {
    named(words).unwrap_or_else(|| "tcp".to_owned())
}

fn named(words: &[OsString]) -> Option<String> {
    let command = super::args::Typed::command();
    words.iter().skip(1).find_map(|word| {
        let found = command.find_subcommand(word.to_str()?)?;
        Some(found.get_name().to_owned())
    })
}

/// The help that was asked for: of `nwcheck` itself without the options that are seldom needed.
pub(super) fn of(words: &[OsString], error: &Error) -> StyledStr {
    if named(words).is_some() {
        return error.render();
    }
    super::args::Typed::command()
        .mut_args(|arg| {
            let common = COMMON.contains(&arg.get_id().as_str());
            arg.hide(!common).help_heading(None::<&str>)
        })
        .render_help()
}
