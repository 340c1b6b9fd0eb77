//! Which names are tried for the one that was typed: the search list and `ndots`, as glibc applies them
//! (resolv.conf(5); `__res_context_search` in glibc `resolv/res_query.c`).
//!
//! Pure.

use crate::model::source::ResolverConfig;

/// The longest name that DNS can carry, as text without its final dot (RFC 1035 section 2.3.4).
const LONGEST: usize = 253;

/// The names that are tried for a name, in order, each without its final dot.
pub(super) fn tried(host: &str, config: &ResolverConfig) -> Vec<String> {
    let (bare, absolute) = match host.strip_suffix('.') {
        Some(bare) => (bare, true),
        None => (host, false),
    };
    let bare = bare.to_ascii_lowercase();
    let fits = |name: &String| !name.is_empty() && name.len() <= LONGEST;
    if absolute {
        return Some(bare).into_iter().filter(fits).collect();
    }
    let dots = bare.bytes().filter(|&byte| byte == b'.').count();
    let root_listed = config.search.iter().any(|domain| domain == ".");
    let as_is_first = dots >= usize::from(config.ndots);
    let no_tld = config.options.iter().any(|option| option == "no-tld-query");
    let as_is_last =
        !as_is_first && !root_listed && (dots > 0 || !no_tld || config.search.is_empty());

    let searched = config.search.iter().map(|domain| match domain.as_str() {
        "." => bare.clone(),
        domain => format!("{bare}.{domain}"),
    });
    let mut names: Vec<String> = Vec::new();
    for name in as_is_first
        .then(|| bare.clone())
        .into_iter()
        .chain(searched)
        .chain(as_is_last.then(|| bare.clone()))
        .filter(fits)
    {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Whether a name never leaves the machine (RFC 6761 section 6.3): name servers are not asked for it.
pub(super) fn is_localhost(host: &str) -> bool {
    let bare = host.strip_suffix('.').unwrap_or(host);
    bare.rsplit('.')
        .next()
        .is_some_and(|label| label.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(ndots: u8, search: &[&str]) -> ResolverConfig {
        ResolverConfig {
            ndots,
            search: search.iter().map(ToString::to_string).collect(),
            ..ResolverConfig::default()
        }
    }

    #[test]
    fn a_name_with_a_final_dot_is_itself_alone() {
        assert_eq!(
            tried("db.corp.example.", &config(5, &["a.example"])),
            ["db.corp.example"]
        );
    }

    #[test]
    fn a_name_of_one_label_goes_through_the_search_list_first() {
        assert_eq!(
            tried("db", &config(1, &["a.example", "b.example"])),
            ["db.a.example", "db.b.example", "db"]
        );
    }

    #[test]
    fn enough_dots_make_a_name_absolute_at_first_try() {
        assert_eq!(
            tried("db.corp", &config(1, &["a.example"])),
            ["db.corp", "db.corp.a.example"]
        );
        assert_eq!(
            tried("db.corp", &config(5, &["a.example"])),
            ["db.corp.a.example", "db.corp"]
        );
    }

    #[test]
    fn the_root_in_the_search_list_is_the_name_itself() {
        assert_eq!(
            tried("db", &config(1, &[".", "a.example"])),
            ["db", "db.a.example"]
        );
    }

    #[test]
    fn a_name_that_the_search_list_makes_too_long_is_not_tried() {
        let long = "a.".repeat(120) + "b";
        assert_eq!(
            tried(&long, &config(1, &["a-rather-long-domain.example"])),
            std::slice::from_ref(&long)
        );
    }

    #[test]
    fn localhost_and_what_is_below_it_stays_here() {
        assert!(is_localhost("localhost") && is_localhost("A.LocalHost."));
        assert!(!is_localhost("localhost.example"));
    }
}
