//! `local-conntrack-full`: this machine drops new connections because it can't keep track of more.

use crate::diagnose::scene::{Scene, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::text::count;
use crate::model::{Finding, Id, Observation, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::LocalConntrackFull,
    explain: Explain {
        meaning: "The table in which this machine keeps track of connections, for its firewall or its address translation, is full: it drops \
                  the packets of new ones, in silence.",
        proof: "The number of entries (`nf_conntrack_count`) is at its limit (`nf_conntrack_max`), within one in a hundred, and during the check the \
                kernel counted at least as many packets dropped for want of an entry (`/proc/net/stat/nf_conntrack`, column `drop`) as probes \
                were left unanswered or refused to be sent.",
        remedy: "Raise `net.netfilter.nf_conntrack_max`, shorten its timeouts, or find what opens so many connections: `conntrack -L`.",
        lookalikes: "A full table on a router or a translator on the way looks like loss, or like a black hole, and can't be seen from here. \
                     The kernel's log says `nf_conntrack: table full, dropping packet` on the machine whose table it is.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    if scene.burst.is_empty() {
        return Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]);
    }
    let lost = |o: &&Observation| matches!(o.outcome, Outcome::Timeout | Outcome::Denied);
    let lost: Vec<&Observation> = scene.burst.iter().copied().filter(lost).collect();
    let Some(table) = scene.evidence.local.conntrack.filter(|_| !lost.is_empty()) else {
        return Judgement::Clear;
    };
    if table.max == 0 || table.count < table.max - table.max / 100 {
        return Judgement::Clear;
    }
    let Some(dropped) = table.dropped else {
        // A full table still makes room for some; nothing says whether it did for these.
        return Judgement::Unknown(Vec::new());
    };
    if dropped < lost.len() as u64 {
        return Judgement::Clear;
    }
    // A device that rejects limits how often it says so, and a host how often it resets: that explains the silence of the others.
    if matches!(
        scene.shape(),
        Shape::Rejected(_) | Shape::RejectedOnce(_) | Shape::Refused | Shape::Circles(_)
    ) {
        return Judgement::Clear;
    }
    let (number, of, all) = (lost.len(), scene.burst.len(), table.max);
    // New connections that all get through, while none of those asked for does, found room.
    let through: Vec<&Observation> = scene
        .control
        .iter()
        .copied()
        .filter(|o| matches!(o.outcome, Outcome::Ok | Outcome::Refused))
        .collect();
    let disputed = number == of && through.len() >= 2 && through.len() == scene.control.len();
    let mut finding = Finding::new(
            Id::LocalConntrackFull,
            if disputed { Severity::Warning } else { Severity::Error },
            format!("This machine's connection tracking table is full ({} of {all} entries)", table.count),
        )
        .explained("It keeps track of connections for its firewall or its address translation, and drops packets for which it has no entry left.")
        .fact(
            format!(
                "The kernel dropped {} for want of an entry during the check.",
                count(dropped, "packet")
            ),
            [],
        )
        .fact(format!("{number} of {of} probes got no answer, or could not be sent."), ids(&lost))
        .command("See the table and its limit:", "sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max")
        .command("See what fills it:", "sudo conntrack -L")
        .action("Raise the limit (net.netfilter.nf_conntrack_max), or stop what opens so many connections.")
        .about(scene.endpoint());
    if disputed {
        finding = finding.fact(
            format!("But {} to another port of the host got through, all that were tried: they found an entry.", count(through.len() as u64, "new connection")),
            ids(&through),
        );
    }
    Judgement::fires(finding)
}
