//! `nwcheck demo`: faults made on loopback, each checked and explained. It needs no network, and ends by itself.

use std::hash::RandomState;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use tokio::net::{TcpListener, UdpSocket};

use crate::cli::terminal::Terminal;
use crate::cli::{Config, output};
use crate::collect::{self, Shared};
use crate::diagnose;
use crate::model::exit::ExitStatus;
use crate::model::options::Expect;
use crate::model::report::{BATCH_SCHEMA, Batch, Tool};
use crate::model::target::{Kind, Protocol};
use crate::model::{Address, Endpoint, Id, Options, Report, Target};
use crate::probe::provider;
use crate::probe::trace::{self, near::NearHops, raw::Raws};
use crate::probe::{firewall, local, pace::Pace};
use crate::report::{self, Document, Form};

/// One fault and what the check has to say of it.
struct Case {
    /// What was made.
    title: &'static str,
    /// What is checked.
    target: Target,
    /// How.
    options: Options,
    /// The cause that has to be found; none where the check has to pass.
    cause: Option<Id>,
}

/// Makes each fault, checks it, and prints what the check says. Passes when every fault was named rightly; what can't be seen on this
/// machine is left out, and then it could not tell.
///
/// # Errors
/// There are no sockets on loopback, or the report has no form in JSON.
pub async fn run(config: Config, terminal: &Terminal) -> anyhow::Result<ExitStatus> {
    let source = local::source();
    let listers = firewall::Started::now(&config.options, &source.privileges);
    local::drop_privileges(&config.options, false);
    let (cases, _kept) = cases(&config.options)
        .await
        .context("the demo needs sockets on loopback")?;
    let began = (jiff::Timestamp::now(), std::time::Instant::now());
    let shared = Shared {
        paths: trace::Shared {
            pace: Pace::new(config.options.rate, 32),
            near: NearHops::default(),
            raw: Raws::default(),
            systems: std::rc::Rc::default(),
        },
        rules: listers.collected(),
        source,
        machines: provider::Machines::default(),
        told: None,
    };
    let style = terminal.style(config.colour, Some(&config));
    let key = config.redact.then(RandomState::new);
    let total = cases.len();
    let mut reports: Vec<Report> = Vec::new();
    let (mut named, mut left_out) = (0, 0);
    let mut text = String::new();
    for (number, case) in cases.into_iter().enumerate() {
        text.clear();
        text.push_str(&format!("[{}/{total}] {}\n", number + 1, case.title));
        let unseen =
            local::listeners_unseen().filter(|_| case.cause == Some(Id::LocalListenerAddress));
        if let Some(why) = unseen {
            left_out += 1;
            text.push_str(&format!("      left out: {why}\n\n"));
            if config.output == Form::Text
                && matches!(output::print(&text), Ok(output::Written::ReaderGone))
            {
                return Ok(ExitStatus::Passed);
            }
            continue;
        }
        let never = std::future::pending();
        let evidence = collect::check(
            case.target,
            case.options,
            None,
            shared.clone(),
            |_| {},
            never,
        )
        .await;
        let report = report::redact::redacted(diagnose::diagnose(&evidence), key.as_ref())
            .context("the report can't be redacted")?;
        let right = report.cause == case.cause;
        named += usize::from(right);
        if !right {
            let wanted = case.cause.map_or("no cause", Id::as_str);
            text.push_str(&format!(
                "      expected {wanted}: this machine's loopback is unusual\n"
            ));
        }
        let rendered = report::text::render(&report, &style);
        rendered.lines().for_each(|line| {
            text.push_str(line);
            text.push('\n');
        });
        text.push('\n');
        reports.push(report);
        if config.output == Form::Text
            && matches!(output::print(&text), Ok(output::Written::ReaderGone))
        {
            return Ok(ExitStatus::Passed);
        }
    }
    let (status, rest) = match (named == total, named + left_out == total) {
        (true, _) => (ExitStatus::Passed, String::new()),
        (_, true) => (ExitStatus::CouldNotTell, format!(", {left_out} left out")),
        _ => (ExitStatus::Failed, String::new()),
    };
    let batch = Batch {
        schema: BATCH_SCHEMA.to_owned(),
        tool: Tool::this(),
        started_at: began.0,
        duration_ms: began.1.elapsed().into(),
        exit_status: status.code(),
        reports,
    };
    if config.output == Form::Text {
        return Ok(output::status(
            output::print(&format!("{named} of {total} as they should be{rest}.\n")),
            status,
        ));
    }
    let text = report::render(Document::Batch(&batch), config.output, &style)
        .context("the report can't be written")?;
    Ok(output::status(output::print(&text), status))
}

/// What has to stay open while the demo runs.
struct Kept {
    _listeners: Vec<TcpListener>,
    names: tokio::task::JoinHandle<()>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.names.abort();
    }
}

async fn cases(defaults: &Options) -> std::io::Result<(Vec<Case>, Kept)> {
    let open = listener(Ipv4Addr::LOCALHOST, 0).await?;
    let open_port = open.local_addr()?.port();
    // A port that was free a moment ago, and that nobody else is given meanwhile: the kernel chooses another each time.
    let closed_port = listener(Ipv4Addr::LOCALHOST, 0).await?.local_addr()?.port();
    let closed_udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let closed_udp_port = closed_udp.local_addr()?.port();
    drop(closed_udp);
    let elsewhere = listener(Ipv4Addr::new(127, 0, 0, 2), 0).await?;
    let elsewhere_port = elsewhere.local_addr()?.port();
    let held = listener(Ipv4Addr::LOCALHOST, 0).await?;
    let held_port = held.local_addr()?.port();
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let server_address = server.local_addr()?;
    let names = tokio::task::spawn_local(no_such_name(server));

    let quick = Options {
        count: 5,
        ..defaults.clone()
    };
    let to = |port| address(Ipv4Addr::LOCALHOST, port);
    let cases = vec![
        Case {
            title: "A port that is open",
            target: to(open_port),
            options: quick.clone(),
            cause: None,
        },
        Case {
            title: "A port on which nothing listens",
            target: to(closed_port),
            options: quick.clone(),
            cause: Some(Id::PortClosed),
        },
        Case {
            title: "The same, and it should be so: --expect closed",
            target: to(closed_port),
            options: Options {
                expect: Some(Expect::Closed),
                ..quick.clone()
            },
            cause: None,
        },
        Case {
            title: "A port that is open, and should not be: --expect closed",
            target: to(open_port),
            options: Options {
                expect: Some(Expect::Closed),
                ..quick.clone()
            },
            cause: Some(Id::ExpectationUnmet),
        },
        Case {
            title: "A UDP port on which nothing listens",
            target: Target {
                protocol: Protocol::Udp,
                ..to(closed_udp_port)
            },
            options: quick.clone(),
            cause: Some(Id::UdpClosed),
        },
        Case {
            title: "A service that listens on another address of this machine",
            target: to(elsewhere_port),
            options: quick.clone(),
            cause: Some(Id::LocalListenerAddress),
        },
        Case {
            title: "A source port that is taken: --source-port",
            target: to(open_port),
            options: Options {
                source_port: Some(held_port),
                ..quick.clone()
            },
            cause: Some(Id::LocalPortInUse),
        },
        Case {
            title: "A source address that this machine does not have: --source",
            target: to(open_port),
            options: Options {
                source: Some(Address::new(IpAddr::from([192, 0, 2, 1]))),
                ..quick.clone()
            },
            cause: Some(Id::LocalSourceUnavailable),
        },
        Case {
            title: "A name that does not exist",
            target: Target {
                input: "db.nwcheck.invalid:5432".to_owned(),
                kind: Kind::Fqdn,
                protocol: Protocol::Tcp,
                host: "db.nwcheck.invalid".to_owned(),
                port: Some(5432),
                uri: None,
            },
            options: Options {
                servers: vec![endpoint(server_address)],
                ..quick
            },
            cause: Some(Id::DnsNxdomain),
        },
    ];
    Ok((
        cases,
        Kept {
            _listeners: vec![open, elsewhere, held],
            names,
        },
    ))
}

async fn listener(address: Ipv4Addr, port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((address, port)).await
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::new(address.ip(), address.port())
}

fn address(ip: Ipv4Addr, port: u16) -> Target {
    Target {
        input: format!("{ip}:{port}"),
        kind: Kind::Ip,
        protocol: Protocol::Tcp,
        host: ip.to_string(),
        port: Some(port),
        uri: None,
    }
}

/// A name server that knows no name.
async fn no_such_name(socket: UdpSocket) {
    let mut bytes = [0; 1232];
    while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
        let Some(mut message) = bytes
            .get(..length)
            .and_then(|bytes| Message::from_vec(bytes).ok())
        else {
            continue;
        };
        message.metadata.message_type = MessageType::Response;
        message.metadata.response_code = ResponseCode::NXDomain;
        message.metadata.recursion_available = true;
        if let Ok(answer) = message.to_vec() {
            // A question that can't be answered is asked again.
            let _ = socket.send_to(&answer, from).await;
        }
    }
}
