//! What a case must come to. Its lines:
//!
//! | line | meaning |
//! |---|---|
//! | `expect STATUS VERDICT EXIT` | what the report says |
//! | `cause ID` or `cause none` | the cause |
//! | `finding ID SEVERITY [hop N] [address A] [says TEXT]` | one line for each finding, in order, and no other; `says` is a part of its title, evidence, steps or commands |
//! | `nothing` | there is no finding |
//! | `never TEXT` | no finding says this |
//! | `summary TEXT` | a part of the verdict in one sentence |
//! | `unmeasured TEXT` | it is said that this was not measured; `nothing`: nothing is said so |
//! | `clear ID`, `fires ID`, `unknown ID [NEED…]` | what a rule makes of it |
//! | `asks NEED…` | what the rule of this folder asks for, exactly |
//! | `needs NEED…` or `needs none` | what the check still needs, exactly |
//! | `criterion NAME met`, `broken` or `unknown` | a demand |
//! | `disputed WHY` | the code comes to something else today; the case fails as soon as it does not |

use std::collections::BTreeSet;

use nwcheck::diagnose::{Need, diagnose, needs};
use nwcheck::model::finding::{Finding, Severity};
use nwcheck::model::{Evidence, Id, Report};

/// What a rule makes of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stance {
    /// It fires.
    Fires,
    /// It is clear.
    Clear,
    /// It can't tell.
    Unknown,
}

impl std::str::FromStr for Stance {
    type Err = ();
    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "fires" => Ok(Self::Fires),
            "clear" => Ok(Self::Clear),
            "unknown" => Ok(Self::Unknown),
            _ => Err(()),
        }
    }
}

/// One finding that must be there.
#[derive(Debug, Clone)]
struct Wanted {
    id: Id,
    severity: String,
    hop: Option<String>,
    address: Option<String>,
    says: Option<String>,
}

/// What a case must come to.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    report: Option<String>,
    cause: Option<String>,
    findings: Option<Vec<Wanted>>,
    stances: Vec<(Id, Stance, Vec<String>)>,
    asks: Option<BTreeSet<String>>,
    needs: Option<BTreeSet<String>>,
    criteria: Vec<(String, String)>,
    never: Vec<String>,
    unmeasured: Vec<String>,
    summary: Option<String>,
    /// Why the code is thought to be wrong here.
    pub disputed: Option<String>,
}

impl Expected {
    /// Takes a line, if it is one of these.
    pub fn take(&mut self, line: &str) -> Result<bool, String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words: Vec<&str> = rest.split_whitespace().collect();
        match word {
            "expect" => self.report = Some(words.join(" ")),
            "cause" => self.cause = Some(rest.to_owned()),
            "nothing" => self.findings = Some(Vec::new()),
            "finding" => {
                let wanted = wanted(rest)?;
                self.findings.get_or_insert_default().push(wanted);
            }
            "clear" | "fires" | "unknown" => {
                let id = words.first().ok_or("of which id?")?;
                let id = id.parse().map_err(|()| format!("no such id: {id}"))?;
                let needs = words.iter().skip(1).map(|word| (*word).to_owned());
                let stance = word.parse().map_err(|()| word.to_owned())?;
                self.stances.push((id, stance, needs.collect()));
            }
            "asks" => self.asks = Some(set(&words)),
            "needs" => self.needs = Some(set(&words)),
            "criterion" => match words.as_slice() {
                [name, met] => self.criteria.push(((*name).to_owned(), (*met).to_owned())),
                _ => return Err("criterion NAME met|broken|unknown".to_owned()),
            },
            "summary" => self.summary = Some(rest.to_owned()),
            "unmeasured" => self.unmeasured.push(rest.to_owned()),
            "never" => self.never.push(rest.to_owned()),
            "disputed" => self.disputed = Some(rest.to_owned()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What is not as expected.
    pub fn compare(&self, evidence: &Evidence, report: &Report) -> Vec<String> {
        let mut faults = Vec::new();
        let mut same = |what: &str, found: String, wanted: &str| {
            if found != wanted {
                faults.push(format!("{what} is {found}, and must be {wanted}"));
            }
        };
        if let Some(wanted) = &self.report {
            same("the report", outcome(report), wanted);
        }
        if let Some(wanted) = &self.cause {
            same("the cause", cause(report), wanted);
        }
        if let Some(wanted) = &self.findings {
            let list = |ids: Vec<String>| format!("[{}]", ids.join(", "));
            let found = report
                .findings
                .iter()
                .map(|f| format!("{} {}", f.id, severity(f)));
            let names = wanted.iter().map(|w| format!("{} {}", w.id, w.severity));
            same(
                "the list of findings",
                list(found.collect()),
                &list(names.collect()),
            );
            for (wanted, found) in wanted.iter().zip(&report.findings) {
                faults.extend(wanted.differs(found));
            }
        }
        for text in &self.never {
            for finding in report.findings.iter().filter(|finding| says(finding, text)) {
                faults.push(format!("{} says “{text}”", finding.id));
            }
        }
        if let Some(text) = self
            .summary
            .as_ref()
            .filter(|text| !report.summary.contains(*text))
        {
            faults.push(format!(
                "the summary is “{}”, without “{text}”",
                report.summary
            ));
        }
        for text in &self.unmeasured {
            let mut all = report.not_measured.iter();
            let as_wanted = match text.as_str() {
                "nothing" => report.not_measured.is_empty(),
                text => all.any(|m| format!("{}: {}", m.what, m.why).contains(text)),
            };
            if !as_wanted {
                let found = &report.not_measured;
                faults.push(format!("not measured must be “{text}”, and is {found:?}"));
            }
        }
        for (name, wanted) in &self.criteria {
            let criterion = report
                .criteria
                .iter()
                .find(|criterion| criterion.name == *name);
            let met = match criterion.map(|criterion| criterion.met) {
                Some(Some(true)) => "met",
                Some(Some(false)) => "broken",
                Some(None) => "unknown",
                None => "not there",
            };
            if met != wanted {
                faults.push(format!("criterion {name} is {met}, and must be {wanted}"));
            }
        }
        for (id, wanted, asked) in &self.stances {
            let (found, needs) = crate::stance(evidence, *id);
            if found != *wanted {
                faults.push(format!("{id} is {found:?}, and must be {wanted:?}"));
            }
            let wanted: BTreeSet<String> = asked.iter().cloned().collect();
            if !asked.is_empty() && words(&needs) != wanted {
                faults.push(format!(
                    "{id} asks for {:?}, and must for {wanted:?}",
                    words(&needs)
                ));
            }
        }
        if let Some(wanted) = &self.needs {
            let found = words(&needs(evidence));
            if found != *wanted {
                faults.push(format!("needed are {found:?}, and must be {wanted:?}"));
            }
        }
        faults
    }

    /// Whether the folder's rule asks for what it must.
    pub fn asked(&self, asked: &BTreeSet<Need>) -> Option<String> {
        let wanted = self.asks.as_ref()?;
        let found = words(asked);
        (found != *wanted).then(|| format!("it asks for {found:?}, and must for {wanted:?}"))
    }
}

impl Wanted {
    fn differs(&self, found: &Finding) -> Vec<String> {
        let mut faults = Vec::new();
        let show = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
        let mut same = |what: &str, found: Option<String>, wanted: &Option<String>| {
            if let Some(wanted) = wanted {
                let found = show(found);
                if found != *wanted {
                    faults.push(format!(
                        "the {what} of {} is {found}, and must be {wanted}",
                        self.id
                    ));
                }
            }
        };
        same("hop", found.hop.map(|hop| hop.to_string()), &self.hop);
        same(
            "address",
            found.address.as_ref().map(ToString::to_string),
            &self.address,
        );
        if let Some(text) = self.says.as_ref().filter(|text| !says(found, text)) {
            faults.push(format!("{} does not say “{text}”", self.id));
        }
        faults
    }
}

/// Whether a text is a part of what a finding says.
fn says(finding: &Finding, text: &str) -> bool {
    let facts = finding.evidence.iter().map(|fact| &fact.text);
    let steps = finding.actions.iter().map(|action| &action.text);
    let commands = finding.actions.iter().filter_map(|a| a.command.as_ref());
    [&finding.title, &finding.explanation]
        .into_iter()
        .chain(facts)
        .chain(steps)
        .chain(commands)
        .any(|all| all.contains(text))
}

fn wanted(rest: &str) -> Result<Wanted, String> {
    let (rest, says) = match rest.split_once(" says ") {
        Some((rest, says)) => (rest, Some(says.to_owned())),
        None => (rest, None),
    };
    let mut words = rest.split_whitespace();
    let id = words.next().ok_or("which finding?")?;
    let mut wanted = Wanted {
        id: id.parse().map_err(|()| format!("no such id: {id}"))?,
        severity: words.next().ok_or("of which severity?")?.to_owned(),
        hop: None,
        address: None,
        says,
    };
    while let Some(key) = words.next() {
        let value = words.next().map(ToOwned::to_owned);
        match key {
            "hop" => wanted.hop = value,
            "address" => wanted.address = value,
            other => return Err(format!("`{other}` of a finding?")),
        }
    }
    Ok(wanted)
}

/// What evidence comes to today, in the words of a case file.
pub fn as_it_is(evidence: &Evidence) -> String {
    let report = diagnose(evidence);
    let mut lines = vec![
        format!("expect {}", outcome(&report)),
        format!("cause {}", cause(&report)),
    ];
    for finding in &report.findings {
        let hop = finding
            .hop
            .map_or_else(String::new, |hop| format!(" hop {hop}"));
        let address = finding
            .address
            .as_ref()
            .map_or_else(String::new, |a| format!(" address {a}"));
        lines.push(format!(
            "finding {} {}{hop}{address}",
            finding.id,
            severity(finding)
        ));
        lines.push(format!("  # {}", finding.title));
    }
    let needs: Vec<String> = words(&needs(evidence)).into_iter().collect();
    lines.push(format!(
        "needs {}",
        if needs.is_empty() {
            "none".to_owned()
        } else {
            needs.join(" ")
        }
    ));
    format!("      {}\n", lines.join("\n      "))
}

fn outcome(report: &Report) -> String {
    format!(
        "{} {} {}",
        report.status.as_str(),
        report.verdict.as_str(),
        report.exit_status
    )
}

fn cause(report: &Report) -> String {
    report
        .cause
        .map_or_else(|| "none".to_owned(), |id| id.to_string())
}

fn severity(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        _ => "error",
    }
}

fn set(words: &[&str]) -> BTreeSet<String> {
    words
        .iter()
        .filter(|word| **word != "none")
        .map(|word| (*word).to_owned())
        .collect()
}

/// Needs by their kind; of several addresses each kind once.
pub fn words(needs: &BTreeSet<Need>) -> BTreeSet<String> {
    needs.iter().map(|need| word(need).to_owned()).collect()
}

fn word(need: &Need) -> &'static str {
    match need {
        Need::Resolution => "resolution",
        Need::Burst(_) => "burst",
        Need::SecondBurst(_) => "second-burst",
        Need::SamePorts(_) => "same-ports",
        Need::Look(_) => "look",
        Need::Greeting(_) => "greeting",
        Need::OtherSource(_) => "other-source",
        Need::QuietLook(_) => "quiet-look",
        Need::ReturnTtl(_) => "return-ttl",
        Need::Control(_) => "control",
        Need::Echo(_) => "echo",
        Need::Datagram(_) => "datagram",
        Need::Trace(_) => "trace",
        Need::ControlTrace(_) => "control-trace",
        Need::Reask(_) => "reask",
        Need::DatagramTrace(_) => "datagram-trace",
        Need::ControlSeries(_) => "control-series",
        Need::Outcomes(_) => "outcomes",
        Need::Mtu(_) => "mtu",
        Need::ResetLimit(_) => "reset-limit",
        Need::PacketRules(_) => "packet-rules",
        Need::Egress(_) => "egress",
        Need::Ingress(_) => "ingress",
        _ => "another",
    }
}
