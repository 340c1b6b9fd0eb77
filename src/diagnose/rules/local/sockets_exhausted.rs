//! `local-sockets-exhausted`: no socket can be had.

use crate::diagnose::scene::{Scene, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::{Finding, Id, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::LocalSocketsExhausted,
    explain: Explain {
        meaning: "The operating system refuses to give out another socket: the limit of open files of the process or of the system, or \
                  its memory for sockets, is used up.",
        proof: "Opening a socket fails with EMFILE (the process's limit), ENFILE (the system's), ENOBUFS or ENOMEM (memory).",
        remedy: "EMFILE: raise `ulimit -n`. ENFILE: see `sysctl fs.file-nr fs.file-max` and the process that leaks. \
                 ENOBUFS, ENOMEM: see `cat /proc/net/sockstat` and `sysctl net.ipv4.tcp_mem`.",
        lookalikes: "Ports that are used up give EADDRNOTAVAIL: `local-ports-exhausted`.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    match scene.shape() {
        Shape::LocalError(Outcome::SocketsExhausted) => {}
        Shape::NotTried => return Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]),
        _ => return Judgement::Clear,
    }
    let errno = scene
        .burst
        .first()
        .and_then(|o| o.errno.clone())
        .unwrap_or_else(|| "EMFILE".to_owned());
    let (limit, command) = match errno.as_str() {
        "EMFILE" => ("the limit of open files of this process", "ulimit -n"),
        "ENFILE" => (
            "the limit of open files of the system",
            "sysctl fs.file-nr fs.file-max",
        ),
        _ => ("the memory for sockets", "cat /proc/net/sockstat"),
    };
    Judgement::fires(
        Finding::new(
            Id::LocalSocketsExhausted,
            Severity::Error,
            format!("This machine gives out no more sockets ({errno})"),
        )
        .explained(format!("Used up is {limit}. No packet left."))
        .fact(
            format!("Opening a socket fails with {errno}."),
            ids(&scene.burst),
        )
        .about(scene.endpoint())
        .command(
            "See the limit and raise it, or find what holds the sockets:",
            command,
        ),
    )
}
