//! What several programs list, put together: no rule twice, and each as the program that knows it best writes it.

use super::form::{Family, Origin, Ruleset, Table};
use super::{iptables, nft};

/// What the programs wrote.
#[derive(Debug, Clone, Copy, Default)]
pub struct Listed<'a> {
    /// `nft -j list ruleset`, and `nft -a list ruleset` for the words.
    pub nft: Option<(&'a str, Option<&'a str>)>,
    /// `iptables-nft-save` and `ip6tables-nft-save`, by family: what nft can't put into words.
    pub iptables_by_nft: &'a [(Family, String)],
    /// `iptables-legacy-save` and `ip6tables-legacy-save`, by family.
    pub iptables: &'a [(Family, String)],
}

/// Reads all.
///
/// # Errors
/// Why what nft lists can't be read.
pub fn read(listed: Listed<'_>) -> Result<Ruleset, String> {
    let mut ruleset = Ruleset::default();
    if let Some((json, text)) = listed.nft {
        ruleset = nft::read(json, text)?;
        let saved: Vec<Table> = listed
            .iptables_by_nft
            .iter()
            .flat_map(|(family, text)| iptables::read(text, *family).tables)
            .collect();
        for (family, name) in nft::tables_of_iptables(json) {
            let of = |table: &&Table| table.family == family && table.name == name;
            let Some(better) = saved.iter().find(of) else {
                continue;
            };
            for table in &mut ruleset.tables {
                if of(&&*table) {
                    *table = numbered(better.clone(), table);
                }
            }
        }
    }
    for (family, text) in listed.iptables {
        let read = iptables::read(text, *family);
        ruleset.tables.extend(read.tables);
        ruleset.gaps.extend(read.gaps);
    }
    Ok(ruleset)
}

/// The rules of a table with the numbers that nft knows them by: those of a chain stand in the same order in both lists.
fn numbered(mut table: Table, known: &Table) -> Table {
    table.origin = Origin::IptablesByNft;
    for chain in &mut table.chains {
        let same = known.chains.iter().find(|other| other.name == chain.name);
        let Some(same) = same.filter(|other| other.rules.len() == chain.rules.len()) else {
            continue;
        };
        for (rule, other) in chain.rules.iter_mut().zip(&same.rules) {
            rule.handle = other.handle;
        }
        // The list of iptables has policies and hooks of built-in chains alone, and all of those.
        if same.base.is_none() {
            chain.base = None;
        }
    }
    table
}
