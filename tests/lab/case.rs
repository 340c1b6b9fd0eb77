//! A case of the lab: its name, what it needs, and the function that runs it.

use std::cell::RefCell;

use libtest_mimic::{Completion, Trial};

use crate::ability::{Ability, Need};

/// One test.
pub(crate) struct Case {
    name: String,
    needs: &'static [Need],
    run: fn(),
}

impl Case {
    /// A case of `module`, which is the caller's `module_path!()`.
    pub(crate) fn new(module: &str, name: &str, needs: &'static [Need], run: fn()) -> Self {
        let module = module.split_once("::").map_or(module, |(_, rest)| rest);
        Self {
            name: format!("{module}::{name}"),
            needs,
            run,
        }
    }

    /// The case as the runner wants it: ignored with the reason where it can't run, failed where it had to.
    pub(crate) fn trial(self, ability: Ability) -> Trial {
        let name = self.name.clone();
        Trial::ignorable_test(self.name, move || match ability.lacks(self.needs) {
            None => {
                CURRENT.set(name);
                (self.run)();
                Ok(Completion::Completed)
            }
            Some(reason) if ability.required() => Err(reason.into()),
            Some(reason) => Ok(Completion::ignored_with(reason)),
        })
    }
}

thread_local! {
    static CURRENT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The name of the case that runs on this thread.
pub(crate) fn current() -> String {
    CURRENT.with_borrow(Clone::clone)
}

/// Lists functions as cases: `cases![a_closed_port_refuses, a_reject_is_seen: [Nft]]`.
macro_rules! cases {
    ($($name:ident $(: [$($need:ident),+])?),+ $(,)?) => {
        vec![$($crate::case::Case::new(
            module_path!(),
            stringify!($name),
            &[$($($crate::ability::Need::$need),+)?],
            $name,
        )),+]
    };
}
pub(crate) use cases;
