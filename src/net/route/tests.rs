use super::parse;
use super::wire::{self, Attributes};
use super::*;
use proptest::prelude::*;

#[test]
fn the_route_to_ourselves_is_local() {
    for address in ["127.0.0.1", "::1"] {
        let answer = lookup(&Query::to(address.parse().unwrap())).unwrap();
        assert_eq!(answer.route.kind, RouteKind::Local, "{address}");
        let loopback = answer.route.next_hops.first().unwrap();
        assert_eq!(loopback.interface, Some(1));
    }
}

#[test]
fn the_matched_entry_has_its_prefix() {
    let answer = lookup(&Query::to("127.1.2.3".parse().unwrap())).unwrap();
    assert_eq!(
        answer.matched.unwrap().destination.to_string(),
        "127.0.0.0/8"
    );
}

#[test]
fn a_look_up_with_ports_is_understood() {
    let query = Query {
        source: Some("127.0.0.1".parse().unwrap()),
        interface: Some(1),
        protocol: Some(6),
        source_port: Some(40000),
        destination_port: Some(80),
        uid: Some(0),
        ..Query::to("127.0.0.1".parse().unwrap())
    };
    assert!(lookup(&query).is_ok());
}

#[test]
fn a_question_that_the_kernel_refuses_is_its_answer() {
    let query = Query {
        source: Some("198.51.100.1".parse().unwrap()),
        ..Query::to("127.0.0.1".parse().unwrap())
    };
    let error = lookup(&query).unwrap_err();
    assert!(matches!(
        error,
        RouteError::NoRoute(Errno::ENETUNREACH | Errno::EINVAL)
    ));
}

#[test]
fn the_tables_of_this_machine_can_be_listed() {
    let links = links().unwrap();
    assert!(links.complete);
    let loopback = links.items.iter().find(|link| link.index == 1).unwrap();
    assert_eq!((loopback.name.as_str(), loopback.hardware), ("lo", 772));
    assert!(loopback.flags.is_loopback() && loopback.statistics.is_some());
    let addresses = addresses().unwrap();
    let ours = |ip: &str| {
        addresses
            .items
            .iter()
            .any(|a| a.prefix.address == ip.parse::<IpAddr>().unwrap())
    };
    assert!(addresses.complete && ours("127.0.0.1") && ours("::1"));
    for family in [Family::V4, Family::V6] {
        let rules = rules(family).unwrap();
        assert!(rules.complete);
        let first = rules.items.first().unwrap();
        assert_eq!((first.priority, first.table), (0, TABLE_LOCAL));
        let routes = routes(family).unwrap();
        assert!(routes.complete && !routes.items.is_empty());
    }
    assert!(neighbours().unwrap().complete);
}

#[test]
fn no_neighbour_entry_is_no_error() {
    let nobody = "192.0.2.200".parse().unwrap();
    assert_eq!(neighbour(nobody, 1), Ok(None));
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = u16::try_from(value.len() + 4)
        .unwrap()
        .to_ne_bytes()
        .to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn route_message(attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![2, 24, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0];
    bytes.extend(attributes.concat());
    bytes
}

#[test]
fn a_gateway_of_the_other_family_is_kept() {
    let mut via = 10u16.to_ne_bytes().to_vec();
    via.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    let message = route_message(&[
        attribute(1, &[192, 0, 2, 0]),
        attribute(4, &3u32.to_ne_bytes()),
        attribute(18, &via),
    ]);
    let route = parse::route(&message).unwrap();
    assert_eq!(route.destination.to_string(), "192.0.2.0/24");
    assert_eq!(route.next_hops[0].gateway, Some("fe80::1".parse().unwrap()));
}

#[test]
fn every_way_out_of_a_multipath_route_is_kept_with_its_flags() {
    let hop = |flags: u8, weight: u8, index: u32, gateway: [u8; 4]| {
        let attributes = attribute(5, &gateway);
        let length = u16::try_from(8 + attributes.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend([flags, weight]);
        bytes.extend(index.to_ne_bytes());
        bytes.extend(attributes);
        bytes
    };
    let hops = [hop(0, 0, 2, [10, 0, 0, 1]), hop(17, 4, 3, [10, 0, 1, 1])].concat();
    let route = parse::route(&route_message(&[attribute(9, &hops)])).unwrap();
    assert_eq!(route.next_hops.len(), 2);
    let second = &route.next_hops[1];
    assert_eq!((second.weight, second.interface), (5, Some(3)));
    assert!(second.flags.is_dead() && second.flags.is_link_down());
}

#[test]
fn a_selector_that_is_not_understood_is_said() {
    let mut message = vec![2, 0, 0, 0, 254, 0, 0, 1, 2, 0, 0, 0];
    message.extend(attribute(6, &1000u32.to_ne_bytes()));
    message.extend(attribute(26, &[0; 4]));
    message.extend(attribute(14, &u32::MAX.to_ne_bytes()));
    let rule = parse::rule(&message).unwrap();
    assert_eq!((rule.priority, rule.action), (1000, RuleAction::Table));
    assert_eq!(rule.unknown, [26]);
    assert!(rule.inverted);
    assert_eq!(rule.suppress_prefix_length, None);
}

#[test]
fn a_prefix_holds_its_own_and_no_others() {
    let prefix = |address: &str, length| Prefix {
        address: address.parse().unwrap(),
        length,
    };
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    assert!(prefix("10.1.0.0", 16).contains(ip("10.1.255.255")));
    assert!(!prefix("10.1.0.0", 16).contains(ip("10.2.0.0")));
    assert!(prefix("0.0.0.0", 0).contains(ip("255.0.0.1")));
    assert!(!prefix("0.0.0.0", 0).contains(ip("::1")));
    assert!(prefix("2001:db8::", 128).contains(ip("2001:db8::")));
}

#[test]
fn an_error_message_ends_the_answer() {
    let mut message = 36u32.to_ne_bytes().to_vec();
    message.extend(2u16.to_ne_bytes());
    message.extend(0u16.to_ne_bytes());
    message.extend(1u32.to_ne_bytes());
    message.extend(0u32.to_ne_bytes());
    message.extend((-101i32).to_ne_bytes());
    message.extend([0; 16]);
    let batch = wire::split(&message, 1);
    assert_eq!(batch.end, Some(Err(Errno::ENETUNREACH)));
    assert_eq!(wire::split(&message, 2).end, None);
}

proptest! {
    #[test]
    fn no_message_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = wire::split(&bytes, 1);
        let _ = Attributes::new(&bytes).count();
        let _ = (parse::route(&bytes), parse::rule(&bytes), parse::address(&bytes));
        let _ = (parse::neighbour(&bytes), parse::next_hop_object(&bytes), link::parse(&bytes));
    }

    #[test]
    fn no_attribute_of_any_length_panics(
        kind in 0u16..50,
        inner in 0u16..20,
        value in proptest::collection::vec(any::<u8>(), 0..220),
    ) {
        for value in [value.clone(), attribute(inner, &value)] {
            let message = route_message(&[attribute(kind, &value)]);
            let _ = (parse::route(&message), parse::rule(&message), parse::address(&message));
            let _ = (parse::neighbour(&message), parse::next_hop_object(&message));
            let mut wide = vec![0; 16];
            wide.extend(attribute(kind, &value));
            let _ = link::parse(&wide);
        }
    }
}
