//! A case of the lab: its name, what it needs, and the function that runs it.

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
        Trial::ignorable_test(self.name, move || match ability.lacks(self.needs) {
            None => {
                (self.run)();
                Ok(Completion::Completed)
            }
            Some(reason) if ability.required() => Err(reason.into()),
            Some(reason) => Ok(Completion::ignored_with(reason)),
        })
    }
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
