//! A network under test: who asks, what is asked for, and who stands in between.

use std::{any::Any, net::IpAddr};

use crate::{
    cases::{OTHER_PORT, PORT, serve, tcp},
    diamond::Diamond,
    net::{Family, Namespace},
    run::Run,
    sim::Simulation,
    topology::Lab,
};

/// What one family sees of it.
struct Ends {
    target: IpAddr,
    /// The address from which each router answers, the nearest first; none for a silent one
    hops: Vec<Option<IpAddr>>,
}

/// A network with a service on port 443 of its server, and another on port 80.
pub(super) struct Net {
    pub(super) client: Namespace,
    /// Those that can be given rules
    pub(super) routers: Vec<Namespace>,
    pub(super) server: Namespace,
    v4: Option<Ends>,
    v6: Option<Ends>,
    aside: Option<Namespace>,
    arguments: Vec<&'static str>,
    keep: Vec<Box<dyn Any>>,
}

impl Net {
    /// A chain of routers, with what is odd about it.
    pub(super) fn chain(routers: usize, odd: impl FnOnce(&Lab)) -> Self {
        let lab = Lab::routers(routers).build();
        odd(&lab);
        Self::lab(lab)
    }

    /// A lab that is made odd already.
    pub(super) fn lab(lab: Lab) -> Self {
        let ends = |family| Ends {
            target: lab.server_address(family),
            hops: (1..=lab.count())
                .map(|k| Some(lab.hop(family, k)))
                .collect(),
        };
        let (v4, v6) = (Some(ends(Family::V4)), Some(ends(Family::V6)));
        let routers = (1..=lab.count()).map(|k| lab.router(k).clone()).collect();
        Self {
            client: lab.client().clone(),
            routers,
            server: lab.server().clone(),
            v4,
            v6,
            aside: None,
            arguments: Vec::new(),
            keep: Vec::new(),
        }
        .serving()
        .keeping(lab)
    }

    /// Equal-cost paths; the routers are fork, branches, join.
    pub(super) fn diamond(diamond: Diamond, width: usize) -> Self {
        let ends = |family| Ends {
            target: diamond.server_address(family),
            hops: vec![
                Some(diamond.fork_address(family)),
                None,
                Some(diamond.join_address(family)),
            ],
        };
        let (v4, v6) = (Some(ends(Family::V4)), Some(ends(Family::V6)));
        let branches = (0..width).map(|j| diamond.branch(j));
        let routers = std::iter::once(diamond.fork())
            .chain(branches)
            .chain([diamond.join()]);
        Self {
            client: diamond.client().clone(),
            routers: routers.cloned().collect(),
            server: diamond.server().clone(),
            v4,
            v6,
            aside: None,
            arguments: Vec::new(),
            keep: Vec::new(),
        }
        .serving()
        .keeping(diamond)
    }

    /// A simulated path; its routers take no rules.
    pub(super) fn simulated(
        path: Simulation,
        hops: impl Fn(Family) -> Vec<Option<IpAddr>>,
    ) -> Self {
        let ends = |family| Ends {
            target: path.server_address(family),
            hops: hops(family),
        };
        let (v4, v6) = (Some(ends(Family::V4)), Some(ends(Family::V6)));
        Self {
            client: path.client().clone(),
            routers: Vec::new(),
            server: path.server().clone(),
            v4,
            v6,
            aside: None,
            arguments: Vec::new(),
            keep: Vec::new(),
        }
        .serving()
        .keeping(path)
    }

    fn serving(self) -> Self {
        let services = [PORT, OTHER_PORT].map(|port| serve(&self.server, port));
        self.keeping(services)
    }

    /// Keeps something for as long as the network is up.
    pub(super) fn keeping(mut self, thing: impl Any) -> Self {
        self.keep.push(Box::new(thing));
        self
    }

    /// Has another node, which is on no way to the target.
    pub(super) fn beside(mut self, node: Namespace) -> Self {
        self.aside = Some(node);
        self
    }

    /// The node that is on no way to the target.
    pub(super) fn aside(&self) -> &Namespace {
        self.aside.as_ref().expect("the network has such a node")
    }

    /// Has one family alone.
    pub(super) fn only(mut self, family: Family) -> Self {
        match family {
            Family::V4 => self.v6 = None,
            Family::V6 => self.v4 = None,
        }
        self
    }

    /// Router `k` answers from another address, or not at all.
    pub(super) fn answers_from(
        mut self,
        family: Family,
        k: usize,
        address: Option<IpAddr>,
    ) -> Self {
        self.ends_mut(family).hops[k - 1] = address;
        self
    }

    /// None of the routers answers.
    pub(super) fn all_silent(mut self) -> Self {
        for family in Family::BOTH
            .into_iter()
            .filter(|family| self.has(*family))
            .collect::<Vec<_>>()
        {
            self.ends_mut(family).hops.fill(None);
        }
        self
    }

    /// Something else is asked for.
    pub(super) fn asking_for(mut self, family: Family, target: IpAddr) -> Self {
        self.ends_mut(family).target = target;
        self
    }

    /// Is asked with these arguments, sound or broken.
    pub(super) fn with(mut self, arguments: &[&'static str]) -> Self {
        self.arguments = arguments.to_vec();
        self
    }

    pub(super) fn arguments(&self) -> impl Iterator<Item = &'static str> + use<'_> {
        self.arguments.iter().copied()
    }

    pub(super) fn has(&self, family: Family) -> bool {
        match family {
            Family::V4 => self.v4.is_some(),
            Family::V6 => self.v6.is_some(),
        }
    }

    pub(super) fn target(&self, family: Family) -> IpAddr {
        self.ends(family).target
    }

    /// The address of router `k`, from 1.
    pub(super) fn hop(&self, family: Family, k: usize) -> Option<IpAddr> {
        self.ends(family).hops[k - 1]
    }

    /// Router `k`, from 1.
    pub(super) fn router(&self, k: usize) -> &Namespace {
        &self.routers[k - 1]
    }

    /// `nwcheck tcp` for a port of the target.
    pub(super) fn check(&self, family: Family, port: u16) -> Run {
        tcp(&self.client, self.target(family), port)
    }

    fn ends(&self, family: Family) -> &Ends {
        match family {
            Family::V4 => self.v4.as_ref(),
            Family::V6 => self.v6.as_ref(),
        }
        .expect("the network has this family")
    }

    fn ends_mut(&mut self, family: Family) -> &mut Ends {
        match family {
            Family::V4 => self.v4.as_mut(),
            Family::V6 => self.v6.as_mut(),
        }
        .expect("the network has this family")
    }
}
