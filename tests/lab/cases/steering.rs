//! Rules that send some of this machine's packets another way: by their source, a mark, a port or the user.

use std::net::IpAddr;

use super::{OTHER_PORT, PORT, check, check_port, serve};
use crate::{
    case::{Case, cases},
    net::{Family, Route, Rule},
    privilege::NOBODY,
    run::Run,
    topology::{Lab, default, host},
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_rule_for_the_source_leads_to_a_gateway_that_is_off,
        a_rule_for_the_source_leads_to_a_route_that_refuses,
        a_rule_for_the_source_leads_round_a_dead_gateway,
        a_rule_for_one_port_is_quoted,
        a_rule_for_one_user_is_told,
        a_mark_leads_to_a_gateway_that_is_off: [Nft],
        a_gateway_of_two_that_is_off_is_this_machines,
    ]
}

/// A routing table that nobody else uses.
const TABLE: u32 = 77;

/// An address on the client's link that nobody has.
fn nobody(family: Family) -> IpAddr {
    host(family, 0, 66)
}

fn everything(family: Family) -> Route {
    Route::to(default(family))
}

/// What the client's own address sends goes by this route. IPv6 does not look the source up a second time: an address is asked for there.
fn steered(lab: &Lab, family: Family, route: Route) -> Run {
    let rule = Rule::from(100, lab.client_address(family)).table(TABLE);
    lab.client().add_rule(&rule);
    lab.client().replace_route(&route.table(TABLE));
    with_source(lab, family, check(lab, family))
}

fn with_source(lab: &Lab, family: Family, run: Run) -> Run {
    match family {
        Family::V4 => run,
        Family::V6 => run.arguments(["-s".to_owned(), lab.client_address(family).to_string()]),
    }
}

fn a_rule_for_the_source_leads_to_a_gateway_that_is_off() {
    for family in Family::BOTH {
        let lab = Lab::routers(2).build();
        let _service = serve(lab.server(), PORT);
        steered(&lab, family, everything(family).via(nobody(family)))
            .run()
            .fails_by("local-neighbour-unresolved")
            .says("/findings/0/address", nobody(family).to_string())
            .says("/endpoints/0/path/reached", false);
        let right = everything(family).via(lab.hop(family, 1)).table(TABLE);
        lab.client().replace_route(&right);
        with_source(&lab, family, check(&lab, family))
            .run()
            .passes();
    }
}

fn a_rule_for_the_source_leads_to_a_route_that_refuses() {
    for family in Family::BOTH {
        for refuse in [Route::blackhole, Route::unreachable, Route::prohibit] {
            let lab = Lab::routers(2).build();
            let _service = serve(lab.server(), PORT);
            let run = steered(&lab, family, refuse(default(family)));
            let failed = run.run();
            failed
                .fails_by("local-no-route")
                .mentions("local-no-route", "table 77")
                .mentions("local-no-route", "100: from");
        }
    }
}

fn a_rule_for_the_source_leads_round_a_dead_gateway() {
    for family in Family::BOTH {
        let lab = Lab::routers(2).build();
        let _service = serve(lab.server(), PORT);
        let gateway = lab.hop(family, 1);
        let run = steered(&lab, family, everything(family).via(gateway));
        lab.client().delete_route(&everything(family).via(gateway));
        // IPv6 would keep both as equal paths.
        lab.client()
            .add_route(&everything(family).via(nobody(family)));
        let all = [
            Some(gateway),
            Some(lab.hop(family, 2)),
            Some(lab.server_address(family)),
        ];
        run.run()
            .passes()
            .says("/local/route/gateway", gateway.to_string());
        for root in [false, true] {
            let run = with_source(&lab, family, check(&lab, family));
            let run = if root { run.root() } else { run };
            run.run().passes().passed(&all);
        }
        let closed = with_source(&lab, family, check_port(&lab, family, OTHER_PORT));
        closed.run().fails_by("port-closed");
    }
}

fn a_rule_for_one_port_is_quoted() {
    for family in Family::BOTH {
        let lab = Lab::routers(1).build();
        let _services = [PORT, OTHER_PORT].map(|port| serve(lab.server(), port));
        let rule = Rule::from(100, default(family)).port(6, PORT).prohibit();
        lab.client().add_rule(&rule);
        let failed = check(&lab, family).run();
        failed.fails_by("local-no-route");
        let text = failed.finding("local-no-route").to_string();
        let wanted = "rule del priority 100 from all ipproto tcp dport 443 prohibit";
        assert!(text.contains(wanted), "{failed}");
        check_port(&lab, family, OTHER_PORT).run().passes();
    }
}

fn a_rule_for_one_user_is_told() {
    for family in Family::BOTH {
        let lab = Lab::routers(1).build();
        let _service = serve(lab.server(), PORT);
        let rule = Rule::from(100, default(family))
            .to(lab.server_address(family))
            .uid(NOBODY)
            .unreachable();
        lab.client().add_rule(&rule);
        check(&lab, family)
            .run()
            .fails_by("local-no-route")
            .mentions("local-no-route", "for some users of this machine alone");
        check(&lab, family).root().run().passes();
    }
}

fn a_mark_leads_to_a_gateway_that_is_off() {
    for family in Family::BOTH {
        let lab = Lab::routers(2).build();
        let _services = [PORT, OTHER_PORT].map(|port| serve(lab.server(), port));
        lab.client()
            .add_rule(&Rule::from(100, default(family)).mark(7).table(TABLE));
        let dead = everything(family).via(nobody(family)).table(TABLE);
        lab.client().add_route(&dead);
        lab.client().table(
            "chain marks { type route hook output priority mangle; policy accept; tcp dport 443 meta mark set 7; }",
        );
        for root in [false, true] {
            let run = check(&lab, family);
            let run = if root { run.root() } else { run };
            run.run()
                .fails_by("local-neighbour-unresolved")
                .mentions("local-neighbour-unresolved", "firewall mark");
        }
        check_port(&lab, family, OTHER_PORT).run().passes();
    }
}

fn a_gateway_of_two_that_is_off_is_this_machines() {
    // IPv6 passes over a next hop that it knows to be gone.
    let family = Family::V4;
    let lab = Lab::routers(2).build();
    let _service = serve(lab.server(), PORT);
    lab.client().sysctl("net/ipv4/fib_multipath_hash_policy", 1);
    let gateway = lab.hop(family, 1);
    let one = everything(family).via(gateway);
    lab.client().delete_route(&one);
    let both = everything(family).via(gateway).via(nobody(family));
    lab.client().add_route(&both);
    for root in [false, true] {
        let run = check(&lab, family).arguments(["-c", "20"]);
        let run = if root { run.root() } else { run };
        let failed = run.run();
        failed
            .fails_by("local-neighbour-unresolved")
            .says("/status", "degraded");
        assert_eq!(failed.findings("error").len(), 1, "{failed}");
    }
    lab.client().delete_route(&both);
    lab.client().add_route(&one);
    check(&lab, family).run().passes();
}
