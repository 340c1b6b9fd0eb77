//! What came of one probe: its outcome and the keys after it.

use nwcheck::model::observation::Quoted;
use nwcheck::model::speech::{Banner, banner};
use nwcheck::model::{Address, Endpoint, Icmp, Ms, Observation, Operation, Outcome};

use super::{address, endpoint, number};

/// What came of a probe.
pub struct What {
    pub outcome: Outcome,
    from: Option<Address>,
    pub to: Option<Address>,
    rtt: Option<Ms>,
    after: Option<Ms>,
    again: u32,
    errno: Option<String>,
    pub flow: Option<u16>,
    pub times: u32,
    mtu: Option<u32>,
    code: Option<u8>,
    quoted: [Option<Endpoint>; 2],
    reply_ttl: Option<u8>,
    banner: Option<Banner>,
}

impl What {
    /// Reads its keys.
    pub fn read(outcome: Outcome, words: &[&str]) -> Result<Self, String> {
        let mut what = Self {
            outcome,
            from: None,
            to: None,
            rtt: None,
            after: None,
            again: if outcome == Outcome::Timeout { 3 } else { 0 },
            errno: errno(outcome).map(ToOwned::to_owned),
            flow: None,
            times: 1,
            mtu: None,
            code: None,
            quoted: [None, None],
            reply_ttl: None,
            banner: None,
        };
        let mut words = words.iter();
        while let Some(key) = words.next() {
            let value = words.next().ok_or_else(|| format!("{key} of what?"))?;
            match *key {
                "from" => what.from = Some(address(value)?),
                "to" => what.to = Some(address(value)?),
                "rtt" => what.rtt = Some(Ms::from_f64(number(value)?)),
                "after" => what.after = Some(Ms::from_f64(number(value)?)),
                "again" => what.again = number(value)?,
                "errno" => what.errno = Some((*value).to_owned()),
                "flow" => what.flow = Some(number(value)?),
                "code" => what.code = Some(number(value)?),
                "names" => what.mtu = Some(number(value)?),
                "quoted-from" => what.quoted[0] = Some(endpoint(value)?),
                "quoted-to" => what.quoted[1] = Some(endpoint(value)?),
                "reply-ttl" => what.reply_ttl = Some(number(value)?),
                // A line, with `~` for its spaces.
                "says" => {
                    let line = format!("{}\r\n", value.replace('~', " "));
                    what.banner = Some(banner::read(line.as_bytes()));
                }
                "x" => what.times = number(value)?,
                other => return Err(format!("`{other}`?")),
            }
        }
        if outcome.is_icmp() && what.from.is_none() {
            return Err("an ICMP error from whom?".to_owned());
        }
        Ok(what)
    }

    /// The observation that it makes.
    pub fn observation(
        &self,
        operation: Operation,
        endpoint: Endpoint,
        control: bool,
        now: u64,
        flow: u16,
    ) -> Observation {
        let answered =
            matches!(self.outcome, Outcome::Ok | Outcome::Refused) || self.outcome.is_icmp();
        let rtt = self
            .rtt
            .or(self.after)
            .or(answered.then_some(Ms::from_millis(4)));
        let waited = match self.outcome {
            Outcome::Timeout => Ms::from_millis(3500),
            _ => rtt.unwrap_or(Ms::from_micros(80)) + Ms::from_millis(u64::from(self.again) * 1000),
        };
        let udp = matches!(
            operation,
            Operation::Echo | Operation::Datagram | Operation::TraceUdp | Operation::TraceIcmp
        );
        Observation {
            endpoint: Some(endpoint),
            rtt_ms: rtt.filter(|_| answered),
            elapsed_ms: Some(self.after.unwrap_or(waited)),
            source_port: Some(flow),
            retransmits: (!udp).then_some(self.again),
            errno: self.errno.clone(),
            icmp: self.from.as_ref().map(|from| Icmp {
                mtu: self.mtu,
                quote: self.quoted.iter().any(Option::is_some).then(|| Quoted {
                    source: self.quoted[0].clone(),
                    destination: self.quoted[1].clone(),
                    ..Quoted::default()
                }),
                code: self.code.unwrap_or(icmp(self.outcome, from).code),
                ..icmp(self.outcome, from)
            }),
            control,
            reply_ttl: self.reply_ttl,
            banner: self.banner.clone(),
            ..Observation::new(operation, Ms::from_millis(now), self.outcome)
        }
    }
}

/// The ICMP error that means this, in the family of its sender.
pub fn icmp(outcome: Outcome, from: &Address) -> Icmp {
    let (kind, code) = match (from.is_ipv6(), outcome) {
        (false, Outcome::TtlExceeded) => (11, 0),
        (false, Outcome::NetworkUnreachable) | (true, Outcome::TtlExceeded) => (3, 0),
        (false, Outcome::HostUnreachable) => (3, 1),
        (false, Outcome::ProtocolUnreachable) => (3, 2),
        (false, Outcome::PortUnreachable) => (3, 3),
        (false, Outcome::Prohibited) => (3, 13),
        (false, Outcome::PacketTooBig) => (3, 4),
        (false, _) => (12, 0),
        (true, Outcome::NetworkUnreachable) => (1, 0),
        (true, Outcome::HostUnreachable) => (1, 3),
        (true, Outcome::PortUnreachable) => (1, 4),
        (true, Outcome::Prohibited) => (1, 1),
        (true, Outcome::PacketTooBig) => (2, 0),
        (true, _) => (4, 0),
    };
    Icmp {
        kind,
        code,
        from: Some(from.clone()),
        mtu: None,
        quote: None,
    }
}

const fn errno(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Refused | Outcome::PortUnreachable => Some("ECONNREFUSED"),
        Outcome::Timeout => Some("ETIMEDOUT"),
        Outcome::NoRoute | Outcome::NetworkUnreachable => Some("ENETUNREACH"),
        Outcome::HostUnreachable | Outcome::Prohibited | Outcome::TtlExceeded => {
            Some("EHOSTUNREACH")
        }
        Outcome::Denied => Some("EPERM"),
        Outcome::AddressUnavailable => Some("EADDRNOTAVAIL"),
        Outcome::AddressInUse => Some("EADDRINUSE"),
        Outcome::SocketsExhausted => Some("EMFILE"),
        Outcome::InterfaceDown => Some("ENETDOWN"),
        _ => None,
    }
}
