//! Attempts that succeed and fail in an order: a ban or a limit that the check itself meets, what ends and what begins while it is made.

use std::time::Duration;

use super::{OTHER_PORT, PORT, check, check_port, serve};
use crate::{
    case::{Case, cases},
    firewall::Hook,
    net::{Family, Route},
    topology::{Lab, default},
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_ban_of_who_connects_often_is_not_put_down_to_a_queue: [Nft],
        a_queue_that_nobody_empties_is_told_from_the_way: [Nft],
        a_way_that_is_set_up_on_demand_is_no_rate_of_loss: [Nft],
        a_port_forward_into_silence_says_so: [Nft],
        a_host_that_rejects_is_not_said_to_be_busy: [Nft],
        a_gateway_whose_hardware_address_is_set_by_hand_and_wrong_is_said_to_be,
        a_machine_with_the_link_s_own_address_alone_is_told,
    ]
}

const ENDED: &str = "hardly orders them so";

fn a_ban_of_who_connects_often_is_not_put_down_to_a_queue() {
    for (family, ip, kind) in [
        (Family::V4, "ip", "ipv4_addr"),
        (Family::V6, "ip6", "ipv6_addr"),
    ] {
        let lab = Lab::routers(2).build();
        let _services = [PORT, OTHER_PORT].map(|port| serve(lab.server(), port));
        let ban = lab.server().table(&format!(
            "set banned {{ type {kind}; flags dynamic,timeout; timeout 1h; }}
            set met {{ type {kind}; flags dynamic,timeout; timeout 1h; }}
            chain rules {{ type filter hook input priority filter; policy accept;
                tcp dport 443 {ip} saddr @banned drop
                tcp dport 443 tcp flags syn / syn,ack update @met {{ {ip} saddr limit rate over 2/minute burst 4 packets }} add @banned {{ {ip} saddr }} drop
            }}"
        ));
        let failed = check(&lab, family).run();
        failed
            .fails_by("destination-intermittent")
            .mentions("destination-intermittent", ENDED)
            .mentions("destination-intermittent", "a ban of who comes too often");
        check_port(&lab, family, OTHER_PORT).run().passes();
        lab.server().delete_table(&ban);
        check(&lab, family).run().passes();
    }
}

fn a_queue_that_nobody_empties_is_told_from_the_way() {
    for family in Family::BOTH {
        let lab = Lab::routers(2).build();
        let _other = serve(lab.server(), OTHER_PORT);
        // As a queue with one place left: the first SYN is taken, and no other.
        lab.server().table(
            "chain rules { type filter hook input priority filter; policy accept;
                tcp dport 443 tcp flags syn / syn,ack limit rate over 1/hour burst 3 packets drop
            }",
        );
        let _service = serve(lab.server(), PORT);
        let failed = check(&lab, family).run();
        failed
            .fails_by("destination-intermittent")
            .mentions("destination-intermittent", ENDED)
            .mentions(
                "destination-intermittent",
                "other probes to the same host none was lost",
            )
            .mentions("destination-intermittent", "a queue that nobody empties");
        check_port(&lab, family, OTHER_PORT).run().passes();
    }
}

fn a_way_that_is_set_up_on_demand_is_no_rate_of_loss() {
    for family in Family::BOTH {
        let lab = Lab::routers(3).build();
        let _service = serve(lab.server(), PORT);
        let asleep = lab
            .router(2)
            .drops(Hook::Forward, &super::to_host(lab.server_address(family)));
        let outcome = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(2500));
                lab.router(2).delete_table(&asleep);
            });
            check(&lab, family).run()
        });
        outcome
            .warns_by("path-loss")
            .mentions("path-loss", "it has passed while this check was made");
        check(&lab, family).run().passes();
    }
}

fn a_port_forward_into_silence_says_so() {
    for (family, word) in [(Family::V4, "ipv4"), (Family::V6, "ipv6")] {
        let lab = Lab::routers(3).build();
        let _service = serve(lab.server(), 8443);
        lab.router(2).forwards_port(
            &format!("meta nfproto {word} tcp dport 443"),
            &lab.target(family, 8443),
        );
        let target = lab.hop(family, 2);
        let run = || super::tcp(lab.client(), target, PORT);
        run().run().passes();
        let refused = lab.server().drops(Hook::Input, "tcp dport 8443");
        run()
            .run()
            .fails_by("port-filtered")
            .mentions(
                "port-filtered",
                "forwards TCP/443, and what is behind it does not answer",
            )
            .blames("port-filtered", 2, target);
        lab.server().delete_table(&refused);
        run().run().passes();
    }
}

fn a_host_that_rejects_is_not_said_to_be_busy() {
    for family in Family::BOTH {
        let lab = Lab::routers(2).build();
        lab.server()
            .rejects(Hook::Input, "tcp dport 443", "port-unreachable");
        let failed = check(&lab, family).run();
        failed.fails_by("port-filtered");
        let text = failed.finding("port-filtered").to_string();
        assert!(text.contains("find the rule that rejects"), "{failed}");
        assert!(!text.contains("queue"), "{failed}");
    }
}

fn a_gateway_whose_hardware_address_is_set_by_hand_and_wrong_is_said_to_be() {
    for family in Family::BOTH {
        let lab = Lab::routers(2).build();
        let _service = serve(lab.server(), PORT);
        check(&lab, family).run().passes();
        let gateway = lab.hop(family, 1);
        lab.client()
            .permanent_neighbour("eth0", gateway, &super::NOBODY);
        check(&lab, family)
            .run()
            .fails_by("path-blackhole")
            .mentions(
                "path-blackhole",
                "is set by hand on this machine (02:00:00:00:00:99)",
            );
        let right = lab.router(1).hardware_address("left");
        lab.client().permanent_neighbour("eth0", gateway, &right);
        check(&lab, family).run().passes();
    }
}

fn a_machine_with_the_link_s_own_address_alone_is_told() {
    let lab = Lab::routers(2).build();
    let _service = serve(lab.server(), PORT);
    check(&lab, Family::V6).run().passes();
    let own = lab.client_address(Family::V6);
    let gateway = super::address("fe80::77:1");
    lab.router(1).add_address("left", &format!("{gateway}/64"));
    lab.client()
        .replace_route(&Route::to(default(Family::V6)).via(gateway).device("eth0"));
    check(&lab, Family::V6).run().passes();
    lab.client().delete_address("eth0", &format!("{own}/64"));
    let failed = check(&lab, Family::V6).run();
    failed.fails_by("path-host-unreachable").mentions(
        "path-host-unreachable",
        "the scope of that address ends before it",
    );
    let text = failed.finding("path-host-unreachable").to_string();
    assert!(text.contains("ip -6 address show dev eth0"), "{failed}");
}
