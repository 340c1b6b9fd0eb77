//! Pure: what a set of packet rules makes of a flow. One evaluator, three-valued, over one small form; readers turn what firewalls list
//! into that form.
//!
//! | module | what it is |
//! |---|---|
//! | `form` | the form: tables, chains by hook and priority, rules, matches, verdicts, sets |
//! | `value`, `compare` | what is known of a packet's fields, and comparing it: yes, no, can't tell |
//! | `packet` | the packet that the rules look at, and how much of it is known |
//! | `walk` | one packet through the chains of one hook |
//! | `evaluate` | a flow through all hooks: its first packet out, and the answer in |
//! | `listed` | what several programs list, put together |
//! | `nft`, `iptables` | readers: `nft -j list ruleset` (libnftables-json(5)), `iptables-save` (iptables-save(8)) |
//!
//! What it may use: `model`. What it must not do: guess. A match that it does not understand makes it follow both ways, and where they end
//! differently it says that it can't tell, and because of which rule. Rules that a cloud lists by priority are a chain like any other.

mod compare;
mod evaluate;
mod form;
pub mod iptables;
mod listed;
pub mod nft;
mod packet;
#[cfg(test)]
mod tests;
mod value;
mod walk;

pub use compare::Tri;
pub use evaluate::{Answer, Cited, Flow, Outcome, evaluate};
pub use form::{
    Alternative, Base, Chain, Change, Family, Field, Hook, Key, Kind, Map, Mark, Match, Nat,
    Origin, Pattern, Rule, Ruleset, Set, Step, Table, Transport, Turn, Verdict,
};
pub use listed::{Listed, read};
