//! Options that have to agree with one another: demands and what can show them, source and family, times and the deadline.

use super::Config;
use super::given;
use crate::cli::args::CriteriaArgs;
use crate::cli::{Usage, value};
use crate::model::finding::Severity;
use crate::model::options::{Expect, Family, Options};
use crate::model::target::Protocol;
use crate::model::{Address, Ms};

/// The shortest time between two echo requests to one address.
const ECHO_INTERVAL: Ms = Ms::from_millis(20);

/// `--expect`, `--max-…`, `--fail-on`.
pub(super) fn demands(options: &mut Options, typed: &CriteriaArgs) -> Result<(), Usage> {
    options.expect = given(typed.expect.as_deref(), |text| {
        Ok(match text {
            "open" => Expect::Open,
            "closed" => Expect::Closed,
            "filtered" => Expect::Filtered,
            "blocked" => Expect::Blocked,
            _ => return Err(value::wrong("--expect", format!("`{text}` is not known"))),
        })
    })?;
    options.max_loss_percent = given(typed.max_loss.as_deref(), |text| {
        value::percent("--max-loss", text)
    })?;
    options.max_avg_ms = given(typed.max_avg.as_deref(), |text| {
        value::millis("--max-avg", text)
    })?;
    options.max_p95_ms = given(typed.max_p95.as_deref(), |text| {
        value::millis("--max-p95", text)
    })?;
    options.max_connect_ms = given(typed.max_connect.as_deref(), |text| {
        value::millis("--max-connect", text)
    })?;
    options.fail_on = match typed.fail_on.as_deref() {
        None | Some("error") => Severity::Error,
        Some("warning") => Severity::Warning,
        Some(other) => {
            return Err(value::wrong("--fail-on", format!("`{other}` is not known")));
        }
    };
    if let Some(limit) = options.max_loss_percent.filter(|limit| *limit > 0.0) {
        // The smallest share that so many probes can show is one of them.
        let needed = (100.0 / limit).ceil();
        if needed > 10_000.0 {
            return Err(Usage::new(
                "--max-loss",
                format!("{limit}% can't be shown with the most probes there can be, 10000"),
                "0, or 0.01% and more",
                "--max-loss 0",
            ));
        }
        if f64::from(options.count) < needed {
            return Err(Usage::new(
                "--max-loss",
                format!(
                    "{limit}% can't be shown with {} probes: it needs -c {needed}",
                    options.count
                ),
                "more probes, or 0 for none at all",
                format!("-c {needed} --max-loss {limit}%"),
            ));
        }
    }
    let shut = options.expect.filter(|expect| *expect != Expect::Open);
    let measured = [
        ("--max-loss", options.max_loss_percent.is_some()),
        ("--max-avg", options.max_avg_ms.is_some()),
        ("--max-p95", options.max_p95_ms.is_some()),
        ("--max-connect", options.max_connect_ms.is_some()),
    ];
    if let (Some(expect), Some((option, _))) = (shut, measured.iter().find(|(_, is)| *is)) {
        return Err(Usage::new(
            *option,
            format!(
                "a port that is expected to be {} has nothing to measure",
                expect.as_str()
            ),
            "one of the two",
            format!("--expect {}", expect.as_str()),
        ));
    }
    Ok(())
}

/// A trace measures the paths alone: nothing of a burst can be demanded of it, and it can't do without them.
pub(super) fn paths_alone(options: &Options) -> Result<(), Usage> {
    let demanded = [
        ("--expect", options.expect.is_some()),
        ("--max-loss", options.max_loss_percent.is_some()),
        ("--max-avg", options.max_avg_ms.is_some()),
        ("--max-p95", options.max_p95_ms.is_some()),
        ("--max-connect", options.max_connect_ms.is_some()),
    ];
    if let Some((option, _)) = demanded.iter().find(|(_, is)| *is) {
        return Err(Usage::new(
            *option,
            "a trace shows the paths alone, and sends no burst that could be measured",
            "a check",
            format!("nwcheck tcp db.example:5432 {option} …"),
        ));
    }
    if !options.path {
        return Err(Usage::new(
            "--no-path",
            "a trace is nothing but the paths",
            "a check, or no such option",
            "nwcheck tcp db.example:5432 --no-path",
        ));
    }
    Ok(())
}

/// A name is resolved, and nothing is sent to its addresses: nothing of a burst can be demanded.
pub(super) fn name_alone(config: &Config) -> Result<(), Usage> {
    if let Some(target) = config.targets.iter().find(|t| t.address().is_some()) {
        return Err(Usage::new(
            format!("target `{}`", target.input),
            "it is an address: there is nothing to resolve",
            "a name",
            "nwcheck dns db.example",
        ));
    }
    let options = &config.options;
    let demanded = [
        ("--expect", options.expect.is_some()),
        ("--max-loss", options.max_loss_percent.is_some()),
        ("--max-avg", options.max_avg_ms.is_some()),
        ("--max-p95", options.max_p95_ms.is_some()),
        ("--max-connect", options.max_connect_ms.is_some()),
    ];
    match demanded.iter().find(|(_, is)| *is) {
        None => Ok(()),
        Some((option, _)) => Err(Usage::new(
            *option,
            "a name is resolved alone, and nothing is sent to its addresses",
            "a check",
            format!("nwcheck tcp db.example:5432 {option} …"),
        )),
    }
}

/// What has no meaning for the protocol, or goes faster than it may.
pub(super) fn of_protocol(protocol: Protocol, options: &Options) -> Result<(), Usage> {
    let echo = protocol == Protocol::Icmp;
    if echo && options.source_port.is_some() {
        return Err(Usage::new(
            "--source-port",
            "an echo request has no port",
            "no such option, or a check of a port",
            "nwcheck udp ns.example:53 --source-port 40000",
        ));
    }
    if echo && options.expect == Some(Expect::Closed) {
        return Err(Usage::new(
            "--expect",
            "nothing refuses an echo request: it is answered, rejected or dropped",
            "open, filtered or blocked",
            "--expect filtered",
        ));
    }
    if echo && options.interval_ms < ECHO_INTERVAL {
        return Err(Usage::new(
            "--interval",
            format!(
                "it is {}, and at most 50 echo requests a second go to an address",
                options.interval_ms
            ),
            "20ms or more",
            "-i 20ms",
        ));
    }
    if (echo || protocol == Protocol::Udp) && options.max_connect_ms.is_some() {
        return Err(Usage::new(
            "--max-connect",
            format!("{} opens no connection", protocol.name()),
            "a limit of the round trip",
            "--max-p95 80",
        ));
    }
    Ok(())
}

/// A source address leaves only its own family.
pub(super) fn source_family(options: &mut Options) -> Result<(), Usage> {
    let Some(source) = &options.source else {
        return Ok(());
    };
    if !options.family.admits(source) {
        let (flag, example) = match options.family {
            Family::Ipv6 => ("-6", "2001:db8::10"),
            _ => ("-4", "192.0.2.10"),
        };
        return Err(Usage::new(
            "--source",
            format!("the family of {source} is not that of {flag}"),
            "an address of the family asked for",
            format!("{flag} -s {example}"),
        ));
    }
    if needs_zone(source) && options.interface.is_none() {
        return Err(Usage::new(
            "--source",
            "a link-local address says nothing without its interface",
            "the address with its interface",
            format!("-s {source}%eth0"),
        ));
    }
    options.family = if source.is_ipv6() {
        Family::Ipv6
    } else {
        Family::Ipv4
    };
    Ok(())
}

/// What takes longer than the whole may take is cut short: then the result would not be what was asked for.
pub(super) fn times(options: &Options) -> Result<(), Usage> {
    let longer = |option: &str, what: String, needs: Ms| {
        let seconds = needs.micros().div_ceil(1_000_000);
        Err(Usage::new(
            option,
            format!(
                "{what}, longer than the deadline of {}",
                options.deadline_ms
            ),
            "a deadline that allows for it",
            format!("--deadline {seconds}s"),
        ))
    };
    if options.timeout_ms > options.deadline_ms {
        return longer(
            "--timeout",
            format!("it is {}", options.timeout_ms),
            options.timeout_ms,
        );
    }
    let spread = Ms::from_micros(
        options
            .interval_ms
            .micros()
            .saturating_mul(u64::from(options.count.saturating_sub(1))),
    );
    if spread >= options.deadline_ms {
        return longer(
            "--count",
            format!(
                "{} probes, one every {}, take {spread}",
                options.count, options.interval_ms
            ),
            spread + options.timeout_ms + Ms::from_millis(5000),
        );
    }
    Ok(())
}

/// Whether an address is one of a link, and does not say of which.
pub(super) fn needs_zone(address: &Address) -> bool {
    let link_local = matches!(address.ip(), std::net::IpAddr::V6(v6) if v6.is_unicast_link_local());
    link_local && address.zone().is_none()
}
