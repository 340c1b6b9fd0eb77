//! `local-conntrack-full`: this machine drops new connections because it can't keep track of more.

use crate::diagnose::scene::{Scene, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::finding::Fact;
use crate::model::local::Conntrack;
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
                were left unanswered or refused to be sent. Where new connections to another port of the host got through meanwhile, it is \
                told as evidence of what was found, and is not the cause.",
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
    if !is_full(&table) {
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
    if passes_through(scene).is_some() {
        return Judgement::Unknown(Vec::new());
    }
    let (number, of, all) = (lost.len(), scene.burst.len(), table.max);
    Judgement::fires(
        Finding::new(
            Id::LocalConntrackFull,
            Severity::Error,
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
        .about(scene.endpoint()),
    )
}

/// Whether the table is full.
fn is_full(table: &Conntrack) -> bool {
    table.max > 0 && table.count >= table.max - table.max / 100
}

/// That new connections to another port of the host all found room in a table that is full, while none of those asked for was answered:
/// what keeps these from the host is something else, as it seems.
pub(crate) fn passes_through(scene: &Scene<'_>) -> Option<Fact> {
    let table = scene.evidence.local.conntrack.filter(is_full)?;
    let answered = |o: &&Observation| matches!(o.outcome, Outcome::Ok | Outcome::Refused);
    let controls = scene.control.iter().copied();
    let through: Vec<&Observation> = controls.filter(answered).collect();
    let none = scene.burst.iter().all(|o| o.outcome == Outcome::Timeout);
    let all = through.len() >= 2 && through.len() == scene.control.len();
    (none && all).then(|| Fact {
        text: format!(
            "This machine's connection tracking table is full ({} of {} entries), but {} to another port of the host got through, all that were \
             tried.",
            table.count,
            table.max,
            count(through.len() as u64, "new connection")
        ),
        observations: ids(&through),
    })
}
