//! A case of the lab: its name, what it needs, and the function that runs it.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};

use libtest_mimic::{Completion, Trial};

use crate::ability::{Ability, Need};

/// One test.
pub(crate) struct Case {
    name: String,
    needs: &'static [Need],
    run: Box<dyn Fn() + Send>,
}

impl Case {
    /// A case of `module`, which is the caller's `module_path!()`.
    pub(crate) fn new(
        module: &str,
        name: &str,
        needs: &'static [Need],
        run: impl Fn() + Send + 'static,
    ) -> Self {
        let module = module.split_once("::").map_or(module, |(_, rest)| rest);
        Self {
            name: format!("{module}::{name}"),
            needs,
            run: Box::new(run),
        }
    }

    /// The case as the runner wants it: ignored with the reason where it can't run, failed where it had to.
    pub(crate) fn trial(self, ability: Ability) -> Trial {
        let name = self.name.clone();
        Trial::ignorable_test(self.name, move || match ability.lacks(self.needs) {
            None => {
                CURRENT.set(name.clone());
                for _ in 0..repeats() {
                    if std::panic::catch_unwind(AssertUnwindSafe(&self.run)).is_ok() {
                        return Ok(Completion::Completed);
                    }
                    eprintln!("{name}: failed, and is run again");
                    let mut unsteady = UNSTEADY.lock().unwrap_or_else(PoisonError::into_inner);
                    unsteady.push(name.clone());
                }
                (self.run)();
                Ok(Completion::Completed)
            }
            Some(reason) if ability.requires(self.needs) => Err(reason.into()),
            Some(reason) => Ok(Completion::ignored_with(reason)),
        })
    }
}

/// How often a case that fails is run again (`NWCHECK_LAB_REPEATS`, 0 unless it is set): a machine that is shared may hold up a real
/// kernel for longer than any case can know.
fn repeats() -> u32 {
    let asked = std::env::var("NWCHECK_LAB_REPEATS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The cases that failed once and were run again.
static UNSTEADY: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The names of the cases that failed and were run again, for the end of the run: they are no secret.
pub(crate) fn unsteady() -> Vec<String> {
    UNSTEADY
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

thread_local! {
    static CURRENT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Says of which case this thread is a part.
pub(crate) fn name_thread(name: &str) {
    CURRENT.set(name.to_owned());
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
