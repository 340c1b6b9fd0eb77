//! `local-memory-high`: this machine, or the container, has next to no memory left.

use crate::diagnose::scene::ids;
use crate::diagnose::{Explain, Judge, Judgement, Rule};
use crate::model::{Evidence, Finding, Id, Observation, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::LocalMemoryHigh,
    explain: Explain {
        meaning: "This machine, or the control group (a container) that nwcheck runs in, has less than 5 % of its memory left: programs \
                  wait for memory, sockets can't be opened, and the kernel may end programs.",
        proof: "At the end of the check less than 5 % was available (`MemAvailable` of `/proc/meminfo`, or what the control group's \
                `memory.max` leaves, files that can be dropped not counted). It is a warning when tasks waited for memory for a tenth \
                of the check (`memory.pressure`, `/proc/pressure/memory`), or when a socket could not be opened for want of it (ENOMEM, \
                ENOBUFS); else an info.",
        remedy: "See what uses it: `ps aux --sort=-rss | head`. Raise the container's limit, or stop what grows.",
        lookalikes: "Memory that holds files is free to be used, and not counted as in use. That no socket can be opened while there is \
                     memory is `local-sockets-exhausted` alone.",
    },
    judge: Judge::Check(judge),
};

/// From here on it is in use, percent.
const USED: f64 = 95.0;

fn judge(evidence: &Evidence) -> Judgement {
    let load = evidence.local.load.unwrap_or_default();
    let of = [
        (evidence.local.memory_percent, "this machine's memory"),
        (
            load.memory_limit_percent,
            "the memory that this control group may use",
        ),
    ];
    let known = of
        .into_iter()
        .filter_map(|(used, whose)| Some((used?, whose)));
    let Some((used, whose)) = known.max_by(|(a, _), (b, _)| a.total_cmp(b)) else {
        return Judgement::Unknown(Vec::new());
    };
    if used <= USED {
        return Judgement::Clear;
    }
    let denied: Vec<&Observation> = evidence
        .observations
        .iter()
        .filter(|o| matches!(o.errno.as_deref(), Some("ENOMEM" | "ENOBUFS")))
        .collect();
    let stalled = load
        .memory_stalled_ms
        .filter(|stalled| stalled.as_f64() * 10.0 >= load.during_ms.as_f64().max(1.0));
    let harms = stalled.is_some() || !denied.is_empty();
    let mut finding = Finding::new(
        Id::LocalMemoryHigh,
        if harms { Severity::Warning } else { Severity::Info },
        format!("{used:.0} % of {whose} is in use"),
    )
    .explained(if harms {
        "Programs on it, this check among them, were held up or refused memory."
    } else {
        "Nothing in this check shows that it did harm; programs may be held up, or ended, when more is wanted."
    })
    .fact(
        format!("At the end of the check {used:.1} % of {whose} was in use, without what can be taken back at once."),
        [],
    );
    if let Some(stalled) = stalled {
        finding = finding.fact(
            format!(
                "Tasks waited for memory for {stalled} of {}.",
                load.during_ms
            ),
            [],
        );
    }
    if !denied.is_empty() {
        finding = finding.fact(
            "The kernel had no memory for sockets or packets of this check (ENOMEM, ENOBUFS).",
            ids(&denied),
        );
    }
    Judgement::fires(
        finding
            .command("See what uses it:", "ps aux --sort=-rss | head")
            .action("Stop what grows, or raise the limit."),
    )
}
