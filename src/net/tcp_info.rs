//! `TCP_INFO`: what the kernel measured on a connection.
//!
//! What it is for: round trip, retransmissions and path MTU without a packet of our own. What it may use:
//! bytes. What it must not do: assume a length; an old kernel returns fewer bytes, and what it does not
//! return is `None`, never zero.
//!
//! Source: `include/uapi/linux/tcp.h` (`struct tcp_info`), `net/ipv4/tcp.c` (`tcp_get_info`). The layout
//! only ever grows at its end. No privilege is needed.

#![deny(clippy::indexing_slicing)]

use std::fmt;
use std::time::Duration;

/// State of a connection (`include/net/tcp_states.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TcpState {
    /// Open.
    Established,
    /// We sent a SYN.
    SynSent,
    /// A SYN came.
    SynRecv,
    /// We closed first, not acknowledged yet.
    FinWait1,
    /// We closed first, acknowledged.
    FinWait2,
    /// Closed, its tuple still kept.
    TimeWait,
    /// No connection.
    Close,
    /// The peer closed first.
    CloseWait,
    /// The peer closed first, then we.
    LastAck,
    /// A listener.
    Listen,
    /// Both closed at once.
    Closing,
    /// A SYN came, seen by the listener alone.
    NewSynRecv,
    /// A number that is not known here.
    Other(u8),
}

impl TcpState {
    /// From the kernel's number, as in `tcpi_state` and the `st` column of `/proc/net/tcp`.
    pub fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Established,
            2 => Self::SynSent,
            3 => Self::SynRecv,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 => Self::Close,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            12 => Self::NewSynRecv,
            other => Self::Other(other),
        }
    }
}

/// State of congestion control (`enum tcp_ca_state`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Congestion {
    /// Nothing unusual.
    Open,
    /// Duplicate acknowledgements.
    Disorder,
    /// Window reduced on a signal.
    Reduced,
    /// Fast retransmit.
    Recovery,
    /// Retransmission timeout: what a path MTU black hole looks like.
    Loss,
    /// A number that is not known here.
    Other(u8),
}

/// Options that both ends agreed on (`tcpi_options`).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct TcpOptions(pub u8);

impl TcpOptions {
    /// Timestamps (RFC 7323).
    pub fn has_timestamps(self) -> bool {
        self.0 & 1 != 0
    }

    /// Selective acknowledgements (RFC 2018).
    pub fn has_sack(self) -> bool {
        self.0 & 2 != 0
    }

    /// Window scaling (RFC 7323).
    pub fn has_window_scaling(self) -> bool {
        self.0 & 4 != 0
    }

    /// Explicit congestion notification (RFC 3168).
    pub fn has_ecn(self) -> bool {
        self.0 & 8 != 0
    }
}

impl fmt::Debug for TcpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// A snapshot of `TCP_INFO`. Sizes in bytes, counts in segments unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpInfo {
    /// State of the connection.
    pub state: TcpState,
    /// State of congestion control.
    pub congestion: Congestion,
    /// Retransmission timeouts in a row, now (`tcpi_retransmits`); falls back to 0 with an acknowledgement.
    pub retransmits: u8,
    /// Unanswered zero-window and keepalive probes (`tcpi_probes`).
    pub probes: u8,
    /// Options that both ends agreed on.
    pub options: TcpOptions,
    /// Present retransmission timeout.
    pub rto: Option<Duration>,
    /// Largest segment we send now.
    pub snd_mss: Option<u32>,
    /// Largest segment seen from the peer (an estimate).
    pub rcv_mss: Option<u32>,
    /// Segments sent and not acknowledged.
    pub unacked: Option<u32>,
    /// Segments held lost.
    pub lost: Option<u32>,
    /// Segments in retransmission now.
    pub retrans: Option<u32>,
    /// Path MTU that the kernel assumes.
    pub pmtu: Option<u32>,
    /// Smoothed round trip; after connect alone it is the handshake's. `None` before the first sample.
    ///
    /// After a retransmitted SYN it is to be read with care: see [`TcpInfo::handshake_rtt`].
    pub rtt: Option<Duration>,
    /// Mean deviation of the round trip.
    pub rttvar: Option<Duration>,
    /// Smallest round trip seen (Linux 4.6).
    pub min_rtt: Option<Duration>,
    /// Congestion window, segments.
    pub snd_cwnd: Option<u32>,
    /// Segment size that we advertised.
    pub advmss: Option<u32>,
    /// Retransmissions in the connection's life, SYN included; kept when the connection fails.
    pub total_retrans: Option<u32>,
    /// Bytes that the peer acknowledged (Linux 4.1). 1 more than the payload once our FIN is.
    pub bytes_acked: Option<u64>,
    /// Bytes received in order (Linux 4.1).
    pub bytes_received: Option<u64>,
    /// Segments sent (Linux 4.2).
    pub segs_out: Option<u32>,
    /// Segments received (Linux 4.2).
    pub segs_in: Option<u32>,
    /// Bytes in the send buffer that were not sent yet (Linux 4.6).
    pub notsent_bytes: Option<u32>,
    /// Segments with data received (Linux 4.6).
    pub data_segs_in: Option<u32>,
    /// Segments with data sent (Linux 4.6).
    pub data_segs_out: Option<u32>,
    /// Bytes sent again (Linux 4.19).
    pub bytes_retrans: Option<u64>,
}

/// The first retransmission of a SYN comes after this long (RFC 6298 section 2.1, `TCP_TIMEOUT_INIT`).
const FIRST_RETRANSMISSION: Duration = Duration::from_secs(1);

impl TcpInfo {
    /// The round trip of the handshake, read just after connect; `None` where the kernel can't know it.
    ///
    /// Without a retransmission it is exact to the microsecond. With one (seen on 6.18, both families):
    /// - the SYN was lost and timestamps are on: the SYN-ACK echoes the timestamp of the SYN that it
    ///   answers, and the sample is right to the millisecond, the clock of timestamps; never below 1 ms;
    /// - the *SYN-ACK* was lost, or late: the server repeats it with the timestamp of the *first* SYN, and
    ///   the sample has the wait in it (1.02 s for a path of 0.1 ms). Here that is told by its size;
    /// - timestamps are off: no sample at all (Karn's rule).
    pub fn handshake_rtt(&self) -> Option<Duration> {
        let repeated = self.total_retrans.is_some_and(|count| count > 0);
        self.rtt
            .filter(|&rtt| !repeated || rtt < FIRST_RETRANSMISSION)
    }

    /// Reads as many fields as `bytes` has; `None` below the eight bytes that every kernel gives.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let head: &[u8; 8] = bytes.first_chunk()?;
        let [
            state,
            congestion,
            retransmits,
            probes,
            _backoff,
            options,
            _scale,
            _flags,
        ] = *head;
        let word = |offset: usize| -> Option<u32> {
            Some(u32::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
        };
        let long = |offset: usize| -> Option<u64> {
            Some(u64::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
        };
        let micros = |offset: usize| {
            word(offset)
                .filter(|&value| value != 0 && value != u32::MAX)
                .map(|value| Duration::from_micros(value.into()))
        };
        Some(Self {
            state: TcpState::from_code(state),
            congestion: match congestion {
                0 => Congestion::Open,
                1 => Congestion::Disorder,
                2 => Congestion::Reduced,
                3 => Congestion::Recovery,
                4 => Congestion::Loss,
                other => Congestion::Other(other),
            },
            retransmits,
            probes,
            options: TcpOptions(options),
            rto: micros(8),
            snd_mss: word(16),
            rcv_mss: word(20),
            unacked: word(24),
            lost: word(32),
            retrans: word(36),
            pmtu: word(60),
            rtt: micros(68),
            rttvar: micros(72),
            min_rtt: micros(148),
            snd_cwnd: word(80),
            advmss: word(84),
            total_retrans: word(100),
            bytes_acked: long(120),
            bytes_received: long(128),
            segs_out: word(136),
            segs_in: word(140),
            notsent_bytes: word(144),
            data_segs_in: word(152),
            data_segs_out: word(156),
            bytes_retrans: long(208),
        })
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "offsets written out")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_old_kernels_short_structure_leaves_the_new_fields_unknown() {
        let mut bytes = [0u8; 104];
        bytes[0] = 1;
        bytes[5] = 7;
        bytes[68..72].copy_from_slice(&1500u32.to_ne_bytes());
        bytes[100..104].copy_from_slice(&2u32.to_ne_bytes());
        let info = TcpInfo::parse(&bytes).unwrap();
        assert_eq!(info.state, TcpState::Established);
        assert!(info.options.has_timestamps() && info.options.has_window_scaling());
        assert!(info.options.has_sack() && !info.options.has_ecn());
        assert_eq!(info.rtt, Some(Duration::from_micros(1500)));
        assert_eq!(info.total_retrans, Some(2));
        assert_eq!(info.min_rtt, None);
        assert_eq!(info.bytes_acked, None);
    }

    #[test]
    fn no_sample_is_not_a_round_trip_of_nought() {
        let mut bytes = [0u8; 232];
        bytes[148..152].copy_from_slice(&u32::MAX.to_ne_bytes());
        let info = TcpInfo::parse(&bytes).unwrap();
        assert_eq!((info.rtt, info.min_rtt), (None, None));
    }

    #[test]
    fn a_sample_that_has_the_wait_for_a_retransmission_in_it_is_no_round_trip() {
        let sample = |micros: u32, retransmissions: u32| {
            let mut bytes = [0u8; 104];
            bytes[68..72].copy_from_slice(&micros.to_ne_bytes());
            bytes[100..104].copy_from_slice(&retransmissions.to_ne_bytes());
            TcpInfo::parse(&bytes).unwrap().handshake_rtt()
        };
        assert_eq!(sample(1_021_000, 1), None);
        assert_eq!(sample(1_000, 1), Some(Duration::from_millis(1)));
        assert_eq!(sample(1_500_000, 0), Some(Duration::from_millis(1500)));
    }

    proptest! {
        #[test]
        fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let parsed = TcpInfo::parse(&bytes);
            prop_assert_eq!(parsed.is_some(), bytes.len() >= 8);
        }
    }
}
