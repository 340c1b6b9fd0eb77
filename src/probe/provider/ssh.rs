//! The host aliases of ssh: `ssh -G NAME`, which writes the configuration that it would use and connects to nobody.
//!
//! Source: ssh(1), ssh_config(5). It may run commands of the user's own configuration (`Match exec`), and is asked only with `--inventory ssh`.

use super::caller::{Answer, Caller};
use super::{parsed, word};
use crate::model::Target;
use crate::model::machine::{Instance, MachineAddress, Wanted};

/// Asks for the alias.
pub(super) async fn look(caller: &Caller, wanted: &Wanted) -> Answer {
    let text = caller.text("ssh", &["-G", &wanted.name]).await?;
    Ok(read(&text, &wanted.name).into_iter().collect())
}

/// A name without a `HostName` of its own is what ssh makes of any name, known or not.
fn read(text: &str, name: &str) -> Option<Instance> {
    let of = |key: &str| {
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        lines
            .filter(|(known, _)| *known == key)
            .map(|(_, value)| value.trim())
            .next()
    };
    let host = of("hostname").filter(|host| !host.eq_ignore_ascii_case(name))?;
    let mut instance = Instance::named(name);
    match (parsed(host), Target::parse_name(host)) {
        (Some(address), _) => instance.addresses = vec![MachineAddress::new(address, None)],
        (None, Ok(name)) => instance.host_name = Some(name),
        (None, Err(_)) => {
            instance.note = Some(format!(
                "its HostName `{}` is neither an address nor a name",
                word(host)
            ));
        }
    }
    let jump = of("proxyjump").or_else(|| of("proxycommand").map(|_| "a command"));
    if let Some(jump) = jump.filter(|jump| *jump != "none") {
        // A jump may be written with a user before it.
        let jump = jump.rsplit_once('@').map_or(jump, |(_, host)| host);
        instance.note = Some(format!(
            "ssh goes through {}; this check does not",
            word(jump)
        ));
    }
    Some(instance)
}

#[cfg(test)]
mod tests {
    use super::super::tests::told;
    use super::*;

    const G: &str =
        "host web\nuser me\nhostname 192.0.2.7\nport 22\nidentityfile ~/.ssh/id_ed25519\n";

    #[test]
    fn only_an_alias_with_a_host_name_is_known() {
        let of = |text: &str| read(text, "web");
        assert_eq!(
            told(&[of(G).unwrap()]),
            "web - Unknown/- 192.0.2.7 public -"
        );
        assert_eq!(of(&G.replace("192.0.2.7", "web")), None);
        let named = of(&G.replace("192.0.2.7", "db.example")).unwrap();
        assert_eq!(named.host_name.as_deref(), Some("db.example"));
    }

    #[test]
    fn a_jump_is_told_and_its_user_is_not() {
        let jump = read(&format!("{G}proxyjump me@gw.example\n"), "web").unwrap();
        assert_eq!(
            jump.note.as_deref(),
            Some("ssh goes through gw.example; this check does not")
        );
        assert_eq!(
            read(&format!("{G}proxyjump none\n"), "web").unwrap().note,
            None
        );
    }
}
