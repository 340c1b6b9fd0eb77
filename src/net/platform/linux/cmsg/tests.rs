use super::*;
use proptest::prelude::*;

fn message(level: c_int, kind: c_int, data: &[u8]) -> Vec<u8> {
    let mut bytes = (HEADER + data.len()).to_ne_bytes().to_vec();
    bytes.extend(level.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(WORD), 0);
    bytes
}

fn time_exceeded() -> Vec<u8> {
    let mut data = 113u32.to_ne_bytes().to_vec();
    data.extend([2, 11, 0, 0]);
    data.extend(0u32.to_ne_bytes());
    data.extend(108u16.to_ne_bytes());
    data.extend([0, 0]);
    data.extend(2u16.to_ne_bytes());
    data.extend([0, 0, 192, 0, 2, 1]);
    data.extend([0; 8]);
    data
}

fn raw(control: Vec<u8>, data: Vec<u8>) -> RawMessage {
    RawMessage {
        data,
        control,
        name: Vec::new(),
        flags: 0,
    }
}

#[test]
fn a_queued_time_exceeded_keeps_its_sender_and_its_extension() {
    let mut bytes = message(libc::SOL_IP, libc::IP_TTL, &61i32.to_ne_bytes());
    bytes.extend(message(libc::SOL_IP, libc::IP_RECVERR, &time_exceeded()));
    let entry = queued(raw(bytes, vec![7; 120])).unwrap();
    assert_eq!(entry.errno, Errno::EHOSTUNREACH);
    assert_eq!((entry.icmp_type, entry.icmp_code), (11, 0));
    assert_eq!(entry.offender, Some("192.0.2.1".parse().unwrap()));
    assert_eq!(entry.ttl, Some(61));
    assert_eq!(entry.extension().map(<[u8]>::len), Some(12));
}

#[test]
fn an_extension_offset_beyond_the_quote_is_no_extension() {
    let bytes = message(libc::SOL_IP, libc::IP_RECVERR, &time_exceeded());
    let entry = queued(raw(bytes, vec![7; 100])).unwrap();
    assert_eq!(entry.extension(), None);
}

#[test]
fn a_kernel_timestamp_is_read_in_both_widths() {
    let long: Vec<u8> = [7i64.to_ne_bytes(), 9i64.to_ne_bytes()].concat();
    let short: Vec<u8> = [7i32.to_ne_bytes(), 9i32.to_ne_bytes()].concat();
    let expected = SystemTime::UNIX_EPOCH + Duration::new(7, 9);
    assert_eq!(timestamp(&long), Some(expected));
    assert_eq!(timestamp(&short), Some(expected));
    assert_eq!(timestamp(&[0; 3]), None);
}

#[test]
fn a_message_without_an_extended_error_is_no_entry() {
    let bytes = message(libc::SOL_IP, libc::IP_TTL, &61i32.to_ne_bytes());
    assert!(queued(raw(bytes, Vec::new())).is_none());
}

proptest! {
    #[test]
    fn no_control_data_panics(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        data in proptest::collection::vec(any::<u8>(), 0..200),
        name in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let message = RawMessage { data, control: bytes, name, flags: 0 };
        let _ = queued(RawMessage {
            data: message.data.clone(),
            control: message.control.clone(),
            name: message.name.clone(),
            flags: 0,
        });
        let _ = incoming(message);
    }

    #[test]
    fn no_well_formed_message_with_odd_data_panics(
        level in prop_oneof![Just(libc::SOL_IP), Just(libc::SOL_IPV6), Just(libc::SOL_SOCKET)],
        kind in prop_oneof![
            Just(libc::IP_RECVERR), Just(libc::IPV6_RECVERR), Just(libc::IP_TTL),
            Just(libc::IPV6_HOPLIMIT), Just(libc::SCM_TIMESTAMPNS),
        ],
        data in proptest::collection::vec(any::<u8>(), 0..64),
        quoted in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let length = quoted.len();
        if let Some(entry) = queued(raw(message(level, kind, &data), quoted)) {
            prop_assert!(entry.extension_offset.is_none_or(|offset| offset < length));
        }
    }
}
