//! This machine's addresses and ports: what a socket can't be bound to, and who listens where.

use std::net::{IpAddr, SocketAddr, TcpListener};

use caps::Capability;
use socket2::{Domain, Socket, Type};

use super::{PORT, check, serve, tcp};
use crate::{
    case::{Case, cases},
    net::{Family, Namespace},
    topology::Lab,
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_source_address_of_another_machine_is_not_to_be_had,
        a_source_port_in_use_is_not_to_be_had,
        who_holds_a_source_port_is_named_to_root,
        a_low_source_port_is_denied_to_an_ordinary_user,
        a_listener_on_loopback_alone_is_named,
        a_listener_for_ipv6_alone_is_named,
        a_port_of_this_machine_that_nobody_listens_on_is_closed,
    ]
}

fn a_source_address_of_another_machine_is_not_to_be_had() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    for (family, foreign) in [(Family::V4, "192.0.2.99"), (Family::V6, "2001:db8::99")] {
        check(&lab, family)
            .arguments(["--source", foreign])
            .run()
            .fails_by("local-source-unavailable")
            .mentions("local-source-unavailable", foreign)
            .says("/status", "unreachable");
        check(&lab, family)
            .arguments(["--source", &lab.client_address(family).to_string()])
            .run()
            .passes();
    }
}

fn a_source_port_in_use_is_not_to_be_had() {
    let lab = Lab::routers(1).build();
    let _services = [serve(lab.server(), PORT), serve(lab.client(), 40_000)];
    for family in Family::BOTH {
        check(&lab, family)
            .arguments(["--source-port", "40000"])
            .run()
            .fails_by("local-port-in-use")
            .mentions("local-port-in-use", "40000");
        check(&lab, family)
            .arguments(["--source-port", "40001"])
            .run()
            .passes();
    }
}

fn who_holds_a_source_port_is_named_to_root() {
    let lab = Lab::routers(1).build();
    let _services = [serve(lab.server(), PORT), serve(lab.client(), 40_000)];
    let failed = check(&lab, Family::V4)
        .arguments(["--source-port", "40000"])
        .root()
        .run();
    let this_process = std::process::id().to_string();
    failed
        .fails_by("local-port-in-use")
        .mentions("local-port-in-use", &this_process);
}

fn a_low_source_port_is_denied_to_an_ordinary_user() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    for family in Family::BOTH {
        let from_low = || check(&lab, family).arguments(["--source-port", "81"]);
        from_low().run().fails_by("local-port-denied");
        from_low()
            .with_capabilities(&[Capability::CAP_NET_BIND_SERVICE])
            .run()
            .passes();
        from_low().root().run().passes();
    }
}

fn a_listener_on_loopback_alone_is_named() {
    let lab = Lab::routers(0).build();
    let client = lab.client();
    for (family, loopback) in [(Family::V4, "127.0.0.1"), (Family::V6, "::1")] {
        let own = lab.client_address(family);
        let listener = listen(client, loopback.parse().expect("an address"), 8080);
        tcp(client, own, 8080)
            .run()
            .fails_by("local-listener-address")
            .mentions("local-listener-address", loopback)
            .mentions("local-listener-address", &own.to_string());
        drop(listener);
        let _listener = listen(client, own, 8080);
        tcp(client, own, 8080).run().passes();
    }
}

fn a_listener_for_ipv6_alone_is_named() {
    let lab = Lab::routers(0).build();
    let client = lab.client();
    let _listener = client.run(|| {
        let socket = Socket::new(Domain::IPV6, Type::STREAM, None).expect("a socket");
        socket.set_only_v6(true).expect("IPv6 alone");
        let any: SocketAddr = "[::]:8081".parse().expect("an address");
        socket.bind(&any.into()).expect("the port is free");
        socket.listen(16).expect("it listens");
        socket
    });
    tcp(client, lab.client_address(Family::V4), 8081)
        .run()
        .fails_by("local-listener-address");
    tcp(client, lab.client_address(Family::V6), 8081)
        .run()
        .passes();
}

fn a_port_of_this_machine_that_nobody_listens_on_is_closed() {
    let lab = Lab::routers(0).build();
    for family in Family::BOTH {
        tcp(lab.client(), lab.client_address(family), 8082)
            .run()
            .fails_by("port-closed");
    }
}

fn listen(host: &Namespace, address: IpAddr, port: u16) -> TcpListener {
    host.run(|| TcpListener::bind((address, port)).expect("the port is free"))
}
