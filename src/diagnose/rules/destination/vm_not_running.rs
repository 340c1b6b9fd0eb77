//! `vm-not-running`: who runs the machine says that it does not run.

use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::machine::{Instance, MachineState, Provider, ProviderAnswer};
use crate::model::target::Kind;
use crate::model::text::escape;
use crate::model::{Evidence, Finding, Id, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::VmNotRunning,
    explain: Explain {
        meaning: "The virtual machine or container does not run: it is stopped, suspended, deallocated, still starting or being shut down. \
                  Nothing was sent to it.",
        proof: "Its provider (libvirt, Docker, a cloud …) was asked by the machine's name or id and told its state. A provider that could not \
                be asked, does not know the machine or tells no state proves nothing, and the check goes on without it.",
        remedy: "Start it; where it is starting, wait for it (--wait 2m). Where it should run, see why it stopped: its provider's log, its \
                 exit status, a schedule or a budget that stops it.",
        lookalikes: "A machine that runs and answers nothing is `host-down`, `path-blackhole` or `port-filtered`; one that runs and has no \
                     address yet is no finding. A service that does not run on a machine that does is `port-closed`.",
    },
    judge: Judge::Check(judge),
};

fn judge(evidence: &Evidence) -> Judgement {
    if evidence.target.kind != Kind::Vm {
        return Judgement::Clear;
    }
    let resolution = evidence.resolution.as_ref();
    let Some(machine) = resolution.and_then(|resolution| resolution.machine.as_ref()) else {
        return Judgement::Unknown(vec![Need::Resolution]);
    };
    match machine.only() {
        Some((answer, instance)) if instance.state.is_off() => {
            Judgement::fires(finding(evidence, answer, instance))
        }
        Some((_, instance)) if instance.state == MachineState::Running => Judgement::Clear,
        // Nobody tells, and nothing that could still be asked would.
        _ => Judgement::Unknown(Vec::new()),
    }
}

fn finding(evidence: &Evidence, answer: &ProviderAnswer, instance: &Instance) -> Finding {
    let name = escape(&instance.name);
    let provider = answer.provider.name();
    let said = instance.said.as_deref().unwrap_or(instance.state.phrase());
    let seen = answer.observation;
    let explanation = match instance.state {
        MachineState::Starting => "It may answer in a moment; nothing was sent to it.",
        MachineState::Stopping => "It will not answer any more; nothing was sent to it.",
        MachineState::Suspended => {
            "It keeps its place and answers nothing; nothing was sent to it."
        }
        _ => "A machine that does not run answers nothing; nothing was sent to it.",
    };
    let mut finding = Finding::new(
        Id::VmNotRunning,
        Severity::Error,
        format!(
            "{name} is {}: {provider} says \"{}\"",
            instance.state.phrase(),
            escape(said)
        ),
    )
    .explained(explanation)
    .fact(
        format!(
            "{provider} knows {name} and says that its state is \"{}\".",
            escape(said)
        ),
        seen,
    );
    if let Some(place) = &instance.place {
        finding = finding.fact(format!("It is in {}.", escape(place)), seen);
    }
    let label = escape(&evidence.target.label());
    let again = format!(
        "nwcheck {} {label} --wait 2m",
        evidence.target.protocol.command()
    );
    match instance.state {
        MachineState::Starting => finding.command("Wait until it has started.", again),
        MachineState::Stopping => finding.action("See who shuts it down, and start it again."),
        state => {
            let start = start(answer.provider, instance)
                .filter(|_| matches!(state, MachineState::Stopped | MachineState::Deallocated));
            let finding = match (start, state) {
                (Some(command), _) => finding.command("Start it.", command),
                (None, MachineState::Suspended) => finding.action("Resume it."),
                (None, _) => finding.action("Start it."),
            };
            finding.action(
                "If it should run, see why it does not: its provider's log, a schedule, a budget.",
            )
        }
    }
}

/// The command that starts it, where the words of it can be pasted as they are.
fn start(provider: Provider, instance: &Instance) -> Option<String> {
    let plain = |text: &&str| {
        let first = text.chars().next();
        first.is_some_and(|c| c.is_ascii_alphanumeric() || c == '/')
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
    };
    let name = Some(instance.name.as_str()).filter(plain);
    let id = instance.id.as_deref().filter(plain);
    Some(match provider {
        Provider::Libvirt => format!("virsh start {}", name?),
        Provider::Incus => format!("incus start {}", name?),
        Provider::Lxd => format!("lxc start {}", name?),
        Provider::Docker => format!("docker start {}", name?),
        Provider::Podman => format!("podman start {}", name?),
        Provider::Multipass => format!("multipass start {}", name?),
        Provider::Vagrant => format!("vagrant up {}", id?),
        Provider::Az => format!("az vm start --ids {}", id?),
        Provider::Aws => format!("aws ec2 start-instances --instance-ids {}", id?),
        Provider::Gcloud => {
            let parts: Vec<&str> = id?.split('/').collect();
            let ["projects", project, "zones", zone, "instances", name] = parts.as_slice() else {
                return None;
            };
            format!("gcloud compute instances start {name} --project {project} --zone {zone}")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_is_made_of_words_that_a_shell_would_read_otherwise() {
        let of = |name: &str| start(Provider::Docker, &Instance::named(name));
        assert_eq!(of("web-1").as_deref(), Some("docker start web-1"));
        for name in ["-x", "web;id", "$(id)", "a b", "a'b", "web\n", ""] {
            assert_eq!(of(name), None, "{name:?}");
        }
    }

    #[test]
    fn a_full_id_is_taken_apart_again() {
        let web = Instance {
            id: Some("projects/p/zones/z/instances/web".to_owned()),
            ..Instance::named("web")
        };
        assert_eq!(
            start(Provider::Gcloud, &web).as_deref(),
            Some("gcloud compute instances start web --project p --zone z")
        );
    }
}
