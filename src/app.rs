//! The pipeline on one screen: what was typed → checks → reports → bytes and exit status.

mod again;
mod machines;

use std::cell::Cell;
use std::ffi::OsString;
use std::hash::RandomState;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};

use crate::cli::output::{Unwritten, Written};
use crate::cli::terminal::Terminal;
use crate::cli::{self, Config, Invocation, Static, baseline, output, pager, systems};
use crate::collect::{self, Shared};
use crate::demo;
use crate::diagnose::{self, rules};
use crate::model::exit::{ExitStatus, PluginState};
use crate::model::proxy::ProxyEnvironment;
use crate::model::report::{BATCH_SCHEMA, Batch, Tool};
use crate::model::saved;
use crate::model::source::Source;
use crate::model::systems::Systems;
use crate::model::{Ms, Report, Target};
use crate::probe::provider::{Machines, Sources};
use crate::probe::trace::{self, near::NearHops, raw::Raws};
use crate::probe::{Observer, firewall, local, pace::Pace};
use crate::progress::{Drawing, Event, Progress};
use crate::report::{self, Document, Form};

/// At most so many targets are checked at the same time.
const AT_ONCE: usize = 16;
/// Time between two rounds of `--wait`.
const BETWEEN_ROUNDS: Duration = Duration::from_secs(1);
/// Path probes that may go at once.
const PATH_BURST: u32 = 32;

/// Why there is no result.
#[derive(Debug, Error)]
enum Stopped {
    /// What was typed is wrong.
    #[error(transparent)]
    Usage(#[from] cli::Usage),
    /// Something within the program itself.
    #[error("nwcheck: {0:#}")]
    Failed(#[from] anyhow::Error),
}

impl Stopped {
    /// Says it, and gives the number that the shell sees. A monitoring system reads stdout alone, and knows a plugin that was called
    /// wrongly as one that could not tell.
    fn told(&self, plugin: bool) -> u8 {
        if plugin {
            let text = report::nagios::unknown(&self.to_string());
            if let Err(error) = output::print(&text) {
                output::complain(&format!("nwcheck: {error}"));
            }
            return PluginState::Unknown.code();
        }
        output::complain(&self.to_string());
        match self {
            Self::Usage(_) => ExitStatus::Usage.code(),
            Self::Failed(_) => ExitStatus::CouldNotTell.code(),
        }
    }
}

/// Runs what was typed, program name first, and gives the number that the shell sees. What goes wrong within the program itself ends
/// as one line and "could not tell".
pub fn run(words: impl IntoIterator<Item = OsString>) -> u8 {
    let words: Vec<OsString> = words.into_iter().collect();
    match attempt(&words) {
        Ok(code) => code,
        Err(stopped) => stopped.told(cli::is_plugin(&words)),
    }
}

fn attempt(words: &[OsString]) -> Result<u8, Stopped> {
    let terminal = Terminal::read();
    let invocation = cli::parse(words)?;
    let all: Vec<_> = rules::all().collect();
    if let Some(done) = cli::run_static(&invocation, &all, &terminal) {
        let done = done?;
        return Ok(output::status(printed(&done, &terminal), done.status).code());
    }
    if let Invocation::Show(show) = invocation {
        return again::show(&show, &terminal);
    }
    if let Invocation::Diff(diff) = invocation {
        return again::diff(&diff, &terminal);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime can't be started")?;
    let status = LocalSet::new().block_on(&runtime, async {
        match invocation {
            Invocation::Check(config) => checks(*config, &terminal).await,
            Invocation::Demo(config) => Ok(demo::run(*config, &terminal).await?.code()),
            _ => Ok(ExitStatus::Passed.code()),
        }
    });
    // The system's resolver can't be cancelled, and is not waited for.
    runtime.shutdown_background();
    status
}

/// Prints what needed no network, in a pager where it is long. Root starts none: it would be a program that the environment chooses.
fn printed(done: &Static, terminal: &Terminal) -> Result<Written, Unwritten> {
    let pager = (done.paged && !local::is_privileged())
        .then(|| pager::wanted(&done.text, terminal))
        .flatten();
    match pager.and_then(|words| pager::show(&done.text, &words, terminal)) {
        Some(written) => Ok(written),
        None => output::print(&done.text),
    }
}

/// Makes the checks, prints and saves their reports.
async fn checks(config: Config, terminal: &Terminal) -> Result<u8, Stopped> {
    interfaces_exist(&config)?;
    let earlier = config.baseline.as_deref().map(baseline::read).transpose()?;
    let earlier = earlier.unwrap_or_default();
    let systems = config
        .as_database
        .as_deref()
        .map(systems::read)
        .transpose()?;
    let systems = systems.unwrap_or_default();
    for note in &config.notes {
        output::complain(&format!("nwcheck: {note}"));
    }
    let sources = machines::sources(&config)?;
    let began = (jiff::Timestamp::now(), Instant::now());
    let progress = progress(&config, terminal);
    let pipe_open = Rc::new(Cell::new(true));
    let stream = config.output == Form::Jsonl;
    let key = config.redact.then(RandomState::new);
    let each = |report: &Report| {
        if stream && pipe_open.get() {
            let shown = report::redact::redacted(report.clone(), key.as_ref());
            match shown
                .and_then(|report| report::jsonl::line(&report))
                .map(|line| output::print(&line))
            {
                Ok(Ok(Written::Whole)) => {}
                _ => pipe_open.set(false),
            }
        }
    };
    let known = Known {
        systems: Rc::new(systems),
        sources,
        proxies: Some(terminal.proxies.clone()),
    };
    let reports = all(&config, &earlier, known, &progress, each).await;
    progress.clear();
    let reports = reports?
        .into_iter()
        .map(|report| report::redact::redacted(report, key.as_ref()))
        .collect::<Result<Vec<_>, _>>()
        .context("the report can't be redacted")?;
    let status = saved::worst(&reports);
    let batch = match reports.as_slice() {
        [_] => None,
        _ => Some(Batch {
            schema: BATCH_SCHEMA.to_owned(),
            tool: Tool::this(),
            started_at: began.0,
            duration_ms: began.1.elapsed().into(),
            exit_status: status.code(),
            reports: reports.clone(),
        }),
    };
    let document = match (&batch, reports.first()) {
        (Some(batch), _) => Document::Batch(batch),
        (None, Some(report)) => Document::Report(report),
        (None, None) => return Err(anyhow::anyhow!("no check was made").into()),
    };
    Ok(deliver(document, &config, terminal, status, !stream)?)
}

/// Prints a document, unless that is done already, and saves it; what can't be written makes the exit status "could not tell". Gives the
/// number that the shell sees.
fn deliver(
    document: Document<'_>,
    config: &Config,
    terminal: &Terminal,
    mut status: ExitStatus,
    unprinted: bool,
) -> anyhow::Result<u8> {
    let style = terminal.style(config.colour, Some(config));
    if config.output == Form::Nagios {
        // A plugin says on its first line what its exit status says.
        let unsaved = save(document, config, terminal);
        let state = report::nagios::state(document);
        let (text, state) = match unsaved.first() {
            None => (report::nagios::render(document, &style), state),
            Some(error) => {
                let told = report::nagios::headline(document, &style);
                let text = report::nagios::unknown(&format!("{error}; the check itself: {told}"));
                (text, PluginState::Unknown)
            }
        };
        return Ok(match output::print(&text) {
            Ok(_) => state.code(),
            Err(error) => output::failed(&error.to_string()).code(),
        });
    }
    if unprinted {
        let text = report::render(document, config.output, &style)
            .context("the report can't be written")?;
        status = output::status(output::print(&text), status);
    }
    for error in save(document, config, terminal) {
        status = output::failed(&error);
    }
    Ok(status.code())
}

/// Saves a document in every form that was asked for, and says what could not be.
fn save(document: Document<'_>, config: &Config, terminal: &Terminal) -> Vec<String> {
    let mut unsaved = Vec::new();
    for save in &config.saves {
        let saved = report::render(document, save.form, &terminal.file_style(config))
            .map_err(|error| error.to_string())
            .and_then(|text| {
                let written = local::writing_files(|| output::save(&save.path, &text));
                written.map_err(|error| error.to_string())
            });
        unsaved.extend(saved.err());
    }
    unsaved
}

/// What was read before the checks, and all of them use.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Which autonomous system an address is of.
    pub(crate) systems: Rc<Systems>,
    /// Who knows machines by their names.
    pub(crate) sources: Rc<Sources>,
    /// The proxies that applications of this user go through.
    pub(crate) proxies: Option<ProxyEnvironment>,
}

/// All targets at the same time, in the order in which they were typed; `each` is told of a report when it is there. A target that means
/// two machines is wrong usage, and nothing is sent.
async fn all(
    config: &Config,
    earlier: &[Report],
    known: Known,
    progress: &Progress,
    each: impl Fn(&Report),
) -> Result<Vec<Report>, cli::Usage> {
    let source = Source {
        proxies: known.proxies,
        ..local::source()
    };
    let listers = firewall::Started::now(&config.options, &source.privileges);
    let shared = Shared {
        paths: trace::Shared {
            pace: Pace::new(config.options.rate, PATH_BURST),
            near: NearHops::default(),
            raw: Raws::open(&config.options),
            systems: known.systems,
        },
        source,
        machines: Machines {
            sources: known.sources,
            asked: None,
        },
        rules: listers.collected(),
        told: None,
    };
    local::drop_privileges(&config.options, !config.saves.is_empty());
    let (stop, stopped) = watch::channel(false);
    let signals = tokio::task::spawn_local(async move {
        signal().await;
        let _ = stop.send(true);
        // A second one ends it at once.
        signal().await;
        #[allow(clippy::exit)]
        std::process::exit(i32::from(ExitStatus::CouldNotTell.code()));
    });
    let events = Rc::new(std::cell::RefCell::new(Vec::<Event>::new()));
    let asked = machines::ask(config, &shared.machines.sources, progress, &stopped).await;
    let asked = asked.inspect_err(|_| signals.abort())?;
    let mut waiting: Vec<(usize, Target)> =
        config.targets.iter().cloned().enumerate().rev().collect();
    let mut running: JoinSet<(usize, Report)> = JoinSet::new();
    let mut reports: Vec<(usize, Report)> = Vec::new();
    loop {
        while running.len() < AT_ONCE {
            let Some((number, target)) = waiting.pop() else {
                break;
            };
            let before = baseline::of(earlier, &target).cloned();
            let told = config.each_probe.then(|| observer(&target));
            let (options, shared, stopped, events) = (
                config.options.clone(),
                Shared {
                    told,
                    machines: Machines {
                        asked: asked.get(number).cloned().flatten(),
                        ..shared.machines.clone()
                    },
                    ..shared.clone()
                },
                stopped.clone(),
                events.clone(),
            );
            running.spawn_local(async move {
                let stage = move |stage| {
                    events.borrow_mut().push(Event::Stage {
                        target: number,
                        stage,
                    });
                };
                (
                    number,
                    Box::pin(until_it_passes(
                        target, options, before, shared, stage, stopped,
                    ))
                    .await,
                )
            });
        }
        tokio::select! {
            ended = running.join_next() => match ended {
                Some(Ok((number, report))) => {
                    progress.handle(Event::Done { target: number });
                    each(&report);
                    reports.push((number, report));
                }
                Some(Err(_)) => {}
                None => break,
            },
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
        for event in events.borrow_mut().drain(..) {
            progress.handle(event);
        }
    }
    signals.abort();
    reports.sort_by_key(|(number, _)| *number);
    Ok(reports.into_iter().map(|(_, report)| report).collect())
}

/// Tells of each probe of a target, on stderr.
fn observer(target: &Target) -> Observer {
    let label = target.label();
    Rc::new(move |observation| {
        let line = report::text::observation::line(observation);
        output::complain(&crate::model::text::escape(&format!("{label} {line}")));
    })
}

/// One check, or with `--wait` one after the other until it passes or the time is over.
async fn until_it_passes(
    target: Target,
    options: crate::model::Options,
    before: Option<Report>,
    mut shared: Shared,
    stage: impl Fn(&'static str),
    stopped: watch::Receiver<bool>,
) -> Report {
    let end = options
        .wait_ms
        .map(|wait| Instant::now() + Ms::to_duration(wait));
    loop {
        let stop = interrupted(stopped.clone());
        let evidence = collect::check(
            target.clone(),
            options.clone(),
            before.clone(),
            shared.clone(),
            &stage,
            stop,
        )
        .await;
        // The next round asks anew: a machine that was off may run by then.
        shared.machines.asked = None;
        let report = diagnose::diagnose(&evidence);
        let again = end.is_some_and(|end| Instant::now() + BETWEEN_ROUNDS < end);
        if report.exit() == ExitStatus::Passed || !again || *stopped.borrow() {
            return report;
        }
        shared.rules = shared.rules.later();
        stage("waiting for it to pass");
        tokio::select! {
            () = tokio::time::sleep(BETWEEN_ROUNDS) => {}
            () = interrupted(stopped.clone()) => return report,
        }
    }
}

async fn interrupted(mut stopped: watch::Receiver<bool>) {
    if stopped.wait_for(|stopped| *stopped).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The next SIGINT or SIGTERM.
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// An interface that is named has to be there: a name that is not is a mistake in typing, and nothing is sent.
fn interfaces_exist(config: &Config) -> Result<(), cli::Usage> {
    let zones = config.targets.iter().filter_map(|target| {
        target.address().and_then(|address| {
            address
                .zone()
                .map(|zone| (target.input.clone(), zone.to_owned()))
        })
    });
    let option = config
        .options
        .interface
        .iter()
        .map(|name| ("--interface".to_owned(), name.clone()));
    let named: Vec<(String, String)> = zones.chain(option).collect();
    if named.is_empty() {
        return Ok(());
    }
    let known = local::interface_names();
    let there = |name: &str| {
        known
            .iter()
            .any(|(index, known)| known == name || index.to_string() == name)
    };
    match named.into_iter().find(|(_, name)| !there(name)) {
        None => Ok(()),
        Some((place, name)) => Err(cli::Usage::new(
            place,
            format!(
                "this machine has no interface `{}`",
                crate::model::text::escape(&name)
            ),
            "one of its interfaces",
            known
                .iter()
                .map(|(_, name)| name.as_str())
                .take(12)
                .collect::<Vec<_>>()
                .join(", "),
        )),
    }
}

fn progress(config: &Config, terminal: &Terminal) -> Progress {
    let drawing = match terminal.draws_progress(config) && !config.each_probe {
        false => Drawing::Silent,
        true if terminal.style(config.colour, Some(config)).ascii => Drawing::Ascii,
        true => Drawing::Unicode,
    };
    let labels: Vec<String> = config.targets.iter().map(Target::label).collect();
    Progress::new(labels.iter().map(String::as_str), drawing)
}
