//! Which machine a target means: `web`, `docker/web`, or the full id of a cloud.

use super::Provider;

/// A full id of a cloud's, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cloud {
    /// `/subscriptions/S/resourceGroups/G/providers/Microsoft.Compute/virtualMachines/N`
    Az {
        /// The whole id.
        id: String,
    },
    /// `arn:aws:ec2:REGION:ACCOUNT:instance/i-0123`
    Aws {
        /// The region.
        region: String,
    },
    /// `projects/P/zones/Z/instances/N`, also behind the address of the interface that has it.
    Gcloud {
        /// The project.
        project: String,
        /// The zone.
        zone: String,
    },
}

/// Which machine a target means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Who alone is asked; none asks all that there are.
    pub provider: Option<Provider>,
    /// Its name, or an id by which its provider knows it.
    pub name: String,
    /// The rest of a full id.
    pub cloud: Option<Cloud>,
}

impl Wanted {
    /// Reads what stands for the machine in a target. Total: what is no provider's word or full id is a name.
    pub fn read(text: &str) -> Self {
        if let Some(cloud) = full(text) {
            return cloud;
        }
        let provider = text
            .split_once('/')
            .and_then(|(word, name)| Some((Provider::named(word)?, name)));
        match provider {
            Some((provider, name)) => Self {
                provider: Some(provider),
                name: name.to_owned(),
                cloud: None,
            },
            None => Self {
                provider: None,
                name: text.to_owned(),
                cloud: None,
            },
        }
    }

    /// Whether it is the full id of a cloud's.
    pub fn is_full(text: &str) -> bool {
        full(text).is_some()
    }
}

/// A full id. Azure's words are the same in any case (Azure Resource Manager, "resource identifiers are case insensitive").
fn full(text: &str) -> Option<Wanted> {
    let whole = |parts: &[&str]| {
        parts
            .iter()
            .all(|part| !part.is_empty() && !part.contains(':'))
    };
    let wanted = |provider, name: &str, cloud| Wanted {
        provider: Some(provider),
        name: name.to_owned(),
        cloud: Some(cloud),
    };
    let parts: Vec<&str> = text.split('/').collect();
    if let [
        "",
        subscriptions,
        _,
        groups,
        _,
        providers,
        compute,
        machines,
        name,
    ] = parts.as_slice()
    {
        let is = [
            (subscriptions, "subscriptions"),
            (groups, "resourcegroups"),
            (providers, "providers"),
            (compute, "microsoft.compute"),
            (machines, "virtualmachines"),
        ];
        if is
            .iter()
            .all(|(part, word)| part.eq_ignore_ascii_case(word))
        {
            let id = text.to_owned();
            return whole(parts.get(1..)?).then(|| wanted(Provider::Az, name, Cloud::Az { id }));
        }
    }
    if let Some((service, instance)) = text.split_once(":instance/") {
        let words: Vec<&str> = service.split(':').collect();
        if let ["arn", partition, "ec2", region, _account] = words.as_slice()
            && partition.starts_with("aws")
            && !instance.contains('/')
            && whole(&[*region, instance])
        {
            let region = (*region).to_owned();
            return Some(wanted(Provider::Aws, instance, Cloud::Aws { region }));
        }
    }
    let at = parts.iter().position(|part| *part == "projects")?;
    // Alone, or behind the address of an interface.
    let leads = matches!(parts.get(..at)?, [] | ["https:" | "", "", ..]);
    if let ["projects", project, "zones", zone, "instances", name] = parts.get(at..)?
        && leads
        && whole(parts.get(at..)?)
    {
        let cloud = Cloud::Gcloud {
            project: (*project).to_owned(),
            zone: (*zone).to_owned(),
        };
        return Some(wanted(Provider::Gcloud, name, cloud));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_a_providers_name_and_full_ids_are_told_apart() {
        let of = |text: &str| {
            let wanted = Wanted::read(text);
            (wanted.provider, wanted.name, wanted.cloud.is_some())
        };
        let name = |name: &str| name.to_owned();
        assert_eq!(of("web"), (None, name("web"), false));
        assert_eq!(
            of("docker/web"),
            (Some(Provider::Docker), name("web"), false)
        );
        assert_eq!(
            of("virsh/web"),
            (Some(Provider::Libvirt), name("web"), false)
        );
        for id in [
            "/subscriptions/0-1/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/web",
            "/SUBSCRIPTIONS/0-1/resourcegroups/g/providers/microsoft.compute/virtualmachines/web",
        ] {
            assert_eq!(of(id), (Some(Provider::Az), name("web"), true));
        }
        let arn = "arn:aws:ec2:eu-west-1:123456789012:instance/i-0abc";
        assert_eq!(of(arn), (Some(Provider::Aws), name("i-0abc"), true));
        for id in [
            "projects/p/zones/z/instances/web",
            "https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/web",
            "//compute.googleapis.com/projects/p/zones/z/instances/web",
        ] {
            assert_eq!(of(id), (Some(Provider::Gcloud), name("web"), true), "{id}");
        }
        for other in [
            "/subscriptions/0-1/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/web:22",
            "/subscriptions//resourceGroups/g/providers/Microsoft.Compute/virtualMachines/web",
            "arn:aws:ec2:eu-west-1:1:instance/i-0abc:22",
            "projects/p/zones/z/instances/web:22",
            "projects/p/zones//instances/web",
            "/subscriptions/0-1/resourceGroups/g/providers/Microsoft.Network/virtualMachines/web",
            "arn:aws:s3:::instance/x",
            "a/projects/p/zones/z/instances/web",
        ] {
            assert!(!Wanted::is_full(other), "{other}");
        }
    }
}
