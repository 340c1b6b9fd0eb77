//! `service-protocol`: another protocol speaks there than the one asked for.

use super::greeting::{expected, heard, protocol, quoted};
use crate::diagnose::scene::{Scene, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::speech::{Greeting, Speech};
use crate::model::{Finding, Id, Observation, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::ServiceProtocol,
    explain: Explain {
        meaning: "The port is open, and what speaks there is another protocol than the one that the URI asks for: the wrong port, the \
                  wrong service behind a balancer or port forward, or plain text where TLS is to be. The client's own message about it is \
                  often hard to read (`kex_exchange_identification`, `wrong version number`, `Got packets out of order`).",
        proof: "Two connections of the check, one of them opened alone, were greeted unasked with the first bytes of another protocol, \
                which are quoted; nothing was sent. Looked at are only URIs whose server speaks first (ssh, sftp, smtp, submission, ftp, \
                pop3, imap, mysql, vnc, rsync, svn, nats), and those that do so within TLS (smtps, ftps, pop3s, imaps), where plain text \
                before the client's own first message is proof enough (RFC 8446 section 2). A `host:port` asks for no protocol. SMTP and \
                FTP begin alike: a greeting that both could have is neither's fault.",
        remedy: "Compare the port of the URI with the one that the service is configured for, and see what listens there \
                 (`ss -tlnp`). Behind a balancer or a port forward look at which service its port leads to. For mail: 465, 993 and 995 speak \
                 TLS from the first byte (smtps, imaps, pop3s), 25, 587, 143 and 110 begin in plain text and turn to TLS when asked.",
        lookalikes: "A greeting that is not known by sight (a text before it, a service that turns clients away with a sentence) is no \
                     finding. A server that says nothing is `service-silent`, and one that ends the connection at once `service-closes`. \
                     A multiplexer that serves several protocols on one port waits for the client, and takes one that stays silent \
                     for a client of SSH: within TLS a greeting of SSH is no proof.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    let Some(greeting) = expected(scene) else {
        return Judgement::Clear;
    };
    let heard = heard(scene);
    let mut foreign: Vec<(&Observation, Speech)> = Vec::new();
    for look in heard.iter().filter(|look| look.banner.is_some()) {
        match protocol(look).map(|seen| (seen, greeting.contradicted_by(seen))) {
            Some((seen, Some(true))) => foreign.push((look, seen)),
            // What was asked for speaks there, or it can't be told.
            _ => return Judgement::Clear,
        }
    }
    match foreign.as_slice() {
        [] if heard.is_empty() => Judgement::Unknown(Vec::new()),
        // That it says nothing is for the other rules.
        [] => Judgement::Clear,
        // One of several may be alone in it.
        [_] => Judgement::Unknown(vec![Need::Greeting(scene.endpoint().clone())]),
        [(_, seen), .., (_, last)] if seen == last => {
            Judgement::fires(finding(scene, greeting, *seen, &foreign))
        }
        _ => Judgement::Unknown(Vec::new()),
    }
}

fn finding(
    scene: &Scene<'_>,
    greeting: Greeting,
    seen: Speech,
    foreign: &[(&Observation, Speech)],
) -> Finding {
    let scheme = scene.evidence.target.scheme().unwrap_or_default();
    let port = scene.endpoint().port.unwrap_or_default();
    let wanted = greeting.protocol.name();
    let plain = greeting.in_tls && greeting.contradicted_by(seen) == Some(true);
    let what = if plain && greeting.protocol == seen {
        format!("speaks plain {wanted}, not TLS as {scheme} asks for")
    } else if plain {
        format!(
            "speaks {}, not {wanted} within TLS as {scheme} asks for",
            seen.name()
        )
    } else {
        format!("speaks {}, not {wanted}", seen.name())
    };
    let looks: Vec<&Observation> = foreign.iter().map(|(look, _)| *look).collect();
    let words = looks.iter().find_map(|look| quoted(look));
    let words = words.unwrap_or_else(|| "a message".to_owned());
    let mut finding = Finding::new(
        Id::ServiceProtocol,
        Severity::Error,
        format!("{} of {} {what}", scene.service(), scene.host()),
    )
    .explained(format!(
        "The network is not the fault: the connection opens, and what accepts it is another service than a client of {scheme} needs, on \
         this port of this host or where a balancer or port forward leads."
    ))
    .fact(
        format!(
            "{} connections were greeted with {words}, unasked, which is {}.",
            looks.len(),
            seen.name()
        ),
        ids(&looks),
    )
    .about(scene.endpoint())
    .at(None, Some(scene.address().clone()));
    let same = plain
        && matches!(
            seen,
            Speech::Smtp | Speech::SmtpOrFtp | Speech::Imap | Speech::Pop3 | Speech::Ftp
        );
    finding = if same {
        finding.action(format!(
            "Use the port for TLS from the first byte, or let the client begin in plain text and ask for TLS (STARTTLS) on port {port}."
        ))
    } else {
        finding.action(format!(
            "See whether {port} is the port that {wanted} is to be reached on, and on which one it listens."
        ))
    };
    let whose = if scene.is_own() {
        "this machine".to_owned()
    } else {
        scene.address().to_string()
    };
    finding.command(
        format!("On {whose}, see what listens there:"),
        format!("ss -tlnp 'sport = :{port}'"),
    )
}
