//! What the user demanded: made by the choice of the cause from the criteria.

use crate::diagnose::{Explain, Judge, Rule};
use crate::model::Id;

/// The rules of this family.
pub static POLICY: &[&Rule] = &[&EXPECTATION_UNMET, &THRESHOLD_LOSS, &THRESHOLD_LATENCY];

/// `--expect` asked for another state.
pub const EXPECTATION_UNMET: Rule = Rule {
    id: Id::ExpectationUnmet,
    explain: Explain {
        meaning: "With --expect you said that the port should be closed, filtered or blocked, and it is in another state.",
        proof: "Open: a connection was made. Closed: a TCP reset answered. Filtered: silence from a host that is proven to be up, or an ICMP \
                error. What can't be proven (no name, no route, a host that answers nothing) is never taken as met.",
        remedy: "Correct the firewall or the service so that the port is in the state you want, or correct the expectation.",
        lookalikes: "With `--expect open`, or without the option, the fault itself is the finding.",
    },
    judge: Judge::Composed,
};

/// More probes failed than allowed.
pub const THRESHOLD_LOSS: Rule = Rule {
    id: Id::ThresholdLoss,
    explain: Explain {
        meaning: "A larger share of the probes failed than --max-loss allows.",
        proof: "Every probe that was not answered as asked counts: refused, lost, or ended by an error.",
        remedy: "See the findings beside it for why probes fail; raise the limit if such a share is acceptable.",
        lookalikes: "When every probe fails, the reason why is the finding.",
    },
    judge: Judge::Composed,
};

/// It takes longer than allowed.
pub const THRESHOLD_LATENCY: Rule = Rule {
    id: Id::ThresholdLatency,
    explain: Explain {
        meaning: "The round trip, or the time to an open connection, is longer than --max-avg, --max-p95 or --max-connect allows.",
        proof: "--max-avg and --max-p95 are measured on the kernel's own round-trip times of connections that opened; --max-connect on the \
                wall time of the slowest, lost SYNs included.",
        remedy: "See the path for where the time is spent; raise the limit if such a time is acceptable.",
        lookalikes: "A round trip over 500 ms is `path-latency` also without a limit.",
    },
    judge: Judge::Composed,
};
