//! `local-proxy-configured`: applications reach this URI through a proxy, and this check went direct.

use crate::diagnose::{Explain, Judge, Judgement, Rule};
use crate::model::proxy::{Client, Way};
use crate::model::text::{escape, list};
use crate::model::{Evidence, Finding, Id, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::LocalProxyConfigured,
    explain: Explain {
        meaning: "The environment names a proxy that applies to this URI. Programs that heed it go there, and the proxy looks the name up \
                  and connects; this check went to the host itself. One may work and the other not.",
        proof: "`http_proxy` (in capitals not for curl), `https_proxy`, `HTTPS_PROXY`, `all_proxy`, `ALL_PROXY` and the exceptions in \
                `no_proxy` and `NO_PROXY`, as they were when nwcheck was started, read as curl, Go and Python's requests read them: there \
                is no standard, and where they come to different ends that is said. A URI of http or https was given; for other targets \
                these variables mean nothing.",
        remedy: "Check the proxy, too: `nwcheck tcp PROXY:PORT`. Where programs are to go direct, name the host in `no_proxy` in the form \
                 that all of them read: the bare name, without dot, star or port. `env -u https_proxy COMMAND` runs one without.",
        lookalikes: "A browser has settings of its own, Java its properties (`https.proxyHost`), and Node heeds the variables only when it \
                     is told to (`NODE_USE_ENV_PROXY`). A service has the environment that its manager gives it, not that of this shell. \
                     A proxy on the way that nobody configured can't be seen in the environment.",
    },
    judge: Judge::Check(judge),
};

fn judge(evidence: &Evidence) -> Judgement {
    let target = &evidence.target;
    let scheme = target.uri.as_deref().and_then(|uri| uri.split_once("://"));
    let web = |scheme: &&str| matches!(*scheme, "http" | "https");
    let Some((scheme, port)) = scheme
        .map(|(scheme, _)| scheme)
        .filter(web)
        .zip(target.port)
    else {
        return Judgement::Clear;
    };
    let Some(environment) = &evidence.source.proxies else {
        return Judgement::Unknown(Vec::new());
    };
    let ways =
        Client::ALL.map(|client| (client, environment.way(client, scheme, &target.host, port)));
    let mut proxies: Vec<Option<&str>> = ways
        .iter()
        .filter_map(|(_, way)| match way {
            Way::Through(variable) => Some(variable.uri.as_deref()),
            _ => None,
        })
        .collect();
    let all_go = proxies.len() == ways.len();
    proxies.sort_unstable();
    proxies.dedup();
    let Some(first) = proxies.first() else {
        return Judgement::Clear;
    };
    let at = format!("{}:{port}", escape(&target.host));
    let agree = all_go && proxies.len() == 1;
    let proxy = match first {
        Some(uri) if proxies.len() == 1 => format!("the proxy {uri}"),
        _ => "a proxy".to_owned(),
    };
    let title = if agree {
        format!("Applications reach {at} through {proxy}; this check went direct")
    } else {
        format!(
            "Some applications reach {at} through {proxy}, others do not; this check went direct"
        )
    };
    let explanation = if agree {
        "What was measured holds for programs that go direct. Behind the proxy it is the proxy that looks the name up and connects."
    } else {
        "Programs read the proxy variables in different ways, and come to different ends here: one may fail where another works."
    };
    let mut finding =
        Finding::new(Id::LocalProxyConfigured, Severity::Info, title).explained(explanation);
    for (client, way) in &ways {
        let name = client.name();
        let text = match way {
            Way::Through(variable) => format!(
                "{name} goes through {} ({}).",
                variable
                    .uri
                    .as_deref()
                    .unwrap_or("a proxy whose value can't be read"),
                variable.name
            ),
            Way::Except(variable, entry) => format!(
                "{name} goes direct: {variable} has {}.",
                escape(&entry.to_string())
            ),
            Way::Unread => format!(
                "{name} goes direct: of {} it reads none for {scheme}.",
                set(evidence)
            ),
            Way::ThisMachine => {
                format!("{name} goes direct: it uses no proxy for this machine itself.")
            }
        };
        finding = finding.fact(text, []);
    }
    for uri in proxies.iter().flatten() {
        let host = uri.split_once("://").map_or(*uri, |(_, host)| host);
        let written = if has_port(host) {
            host.to_owned()
        } else {
            format!("{host}:PORT")
        };
        finding = finding.command("Check the proxy, too:", format!("nwcheck tcp {written}"));
    }
    if !agree {
        finding = finding.action(
            "Set the variable in lower case and in capitals, to the same, and write exceptions as bare names, without dot, star or port: \
             all programs read that alike.",
        );
    }
    Judgement::fires(finding)
}

/// Whether a host has a port after it.
fn has_port(host: &str) -> bool {
    let after = host.rsplit(']').next().unwrap_or(host);
    after.contains(':')
}

/// The variables that are set.
fn set(evidence: &Evidence) -> String {
    let proxies = evidence.source.proxies.iter().flat_map(|all| &all.proxies);
    let names: Vec<String> = proxies.map(|variable| variable.name.clone()).collect();
    list(&names)
}
