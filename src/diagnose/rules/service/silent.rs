//! `service-silent`: the connection is accepted, and the protocol asked for gets no byte.

use super::greeting::{expected, heard};
use crate::diagnose::scene::{Scene, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::speech::Greeting;
use crate::model::{Finding, Id, Ms, Observation, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::ServiceSilent,
    explain: Explain {
        meaning: "The port is open, but the service never says its first word, and a client waits for it: in the protocol of this URI the \
                  server speaks first. What accepts the connection hangs, waits for something of its own, or speaks another protocol, in \
                  which the client begins.",
        proof: "A connection of its own, opened alone after the others, stayed open for 20 s without a byte from the other side, or two \
                were ended by it in that time without one. Looked at are only URIs whose server speaks first (ssh, sftp, smtp, submission, \
                ftp, pop3, imap, mysql, vnc, rsync, svn, nats); a `host:port` asks for no protocol, and what begins with TLS (smtps, imaps, \
                https) waits for the client by right. A mail server may take 5 minutes for its greeting (RFC 5321 section 4.5.3.2.1), and \
                some make senders of spam wait: smtp is only called silent after these, with a `--deadline` that is longer. Where the \
                deadline comes first the report says that it was not measured, and passes: the port is open, which a TCP check asks for.",
        remedy: "Look on the server whether the service hangs: its log, its load, whether all its workers are busy, whether it waits for a \
                 file system or a database. See which name server it asks for the client's name (`UseDNS`, `skip_name_resolve`, tcp_wrappers, \
                 ident): one that does not answer costs each connection its time-outs before the greeting. See whether what listens expects \
                 TLS first, or a PROXY header (`send-proxy` of its balancer), and whether the balancer's backend answers.",
        lookalikes: "A server that greets late, within the 20 s, is no finding; the report says after how long it spoke. What ends the \
                     connection at once is `service-closes`, and what speaks another protocol `service-protocol`. A transparent proxy on \
                     the way may accept for any host and stay silent while it tries to reach it.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    let Some(greeting) = expected(scene).filter(|greeting| !greeting.in_tls) else {
        return Judgement::Clear;
    };
    let heard = heard(scene);
    let ended: Vec<&Observation> = heard
        .iter()
        .copied()
        .filter(|o| matches!(o.outcome, Outcome::Closed | Outcome::Reset))
        .collect();
    if heard.is_empty() {
        return Judgement::Unknown(Vec::new());
    }
    // It spoke; or it ends each at once, which another rule tells.
    if heard.iter().any(|o| o.outcome == Outcome::Ok) || ended.len() == heard.len() {
        return Judgement::Clear;
    }
    let waited = |o: &&Observation| {
        o.outcome == Outcome::Timeout && o.elapsed_ms.is_some_and(|ms| ms >= greeting.patience)
    };
    if let Some(silent) = heard.iter().copied().find(waited) {
        return Judgement::fires(finding(scene, greeting, &[silent]));
    }
    // The connections that were opened for it come last.
    match ended.as_slice() {
        [.., before, last] if heard.last() == Some(last) => {
            Judgement::fires(finding(scene, greeting, &[before, last]))
        }
        _ => Judgement::Unknown(vec![Need::Greeting(scene.endpoint().clone())]),
    }
}

fn finding(scene: &Scene<'_>, greeting: Greeting, seen: &[&Observation]) -> Finding {
    let wanted = greeting.protocol.name();
    let longest = seen.iter().filter_map(|o| o.elapsed_ms).max();
    let longest = longest.unwrap_or(Ms::ZERO);
    let fact = match seen {
        [one] => format!(
            "Connection from port {} stayed open for {longest}, and no byte came; nothing was sent.",
            one.source_port.unwrap_or_default()
        ),
        several => format!(
            "{} connections were ended by the other side within {longest}, and no byte came before; nothing was sent.",
            several.len()
        ),
    };
    let title = match seen {
        [_] => format!(
            "{} of {} accepts connections and says nothing in {longest}, where {wanted} greets first",
            scene.service(),
            scene.host()
        ),
        _ => format!(
            "{} of {} accepts connections and ends them without the greeting of {wanted}",
            scene.service(),
            scene.host()
        ),
    };
    let port = scene.endpoint().port.unwrap_or_default();
    let whose = if scene.is_own() {
        "this machine".to_owned()
    } else {
        scene.address().to_string()
    };
    Finding::new(Id::ServiceSilent, Severity::Error, title)
        .explained(format!(
            "The handshake works, so that the network lets connections through. The service hangs, waits for a look-up of the client's \
             name or for something before it, or another protocol is spoken there, in which the client begins: a client of {wanted} gets \
             nothing."
        ))
        .fact(fact, ids(seen))
        .about(scene.endpoint())
        .at(None, Some(scene.address().clone()))
        .command(
            format!("On {whose}, see what listens there, and look into its log for connections from {}:", scene.source()),
            format!("ss -tlnp 'sport = :{port}'"),
        )
        .action("See whether its name servers answer: many services look up the client's name before they greet.")
        .action(
            "If TLS or a PROXY header of a balancer is expected there first, use the port that is meant for clients of the URI's scheme.",
        )
}
