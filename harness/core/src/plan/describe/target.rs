//! The target told to people: services in the order they start, in whatever they run, and links.

use crate::plan::Plan;
use crate::plan::fault::size;
use crate::plan::target::{ContainerPlan, LinkPlan, ServicePlan, Vessel, VolumePlan};
use crate::template::Text;
use crate::units::format_duration;
use std::fmt::Write as _;

pub(super) fn target(out: &mut String, plan: &Plan) -> std::fmt::Result {
    let target = &plan.target;
    writeln!(
        out,
        "\nTarget ({}), entered at {}",
        target.mode.as_str(),
        target.entry
    )?;
    if !target.compose.is_empty() {
        writeln!(out, "  of {}", target.compose.join(", "))?;
    }
    for (index, service) in target.services.iter().enumerate() {
        self::service(out, index + 1, service)?;
    }
    target.links.iter().try_for_each(|l| link(out, l))?;
    if let Some(image) = &target.proxy_image {
        writeln!(
            out,
            "  links between containers are served by the Toxiproxy of {image}"
        )?;
    }
    if let Some(proxy) = &target.proxy {
        writeln!(out, "  links are served by the Toxiproxy at {proxy}")?;
    }
    for secret in &plan.secrets {
        let default = if secret.has_default {
            ", or its default"
        } else {
            ""
        };
        writeln!(
            out,
            "  secret {} from ${}{default}",
            secret.name, secret.env
        )?;
    }
    Ok(())
}

fn service(out: &mut String, number: usize, service: &ServicePlan) -> std::fmt::Result {
    let name = service.name.as_str();
    writeln!(out, "  {number}. {name:<12} {}", what(service))?;
    let ready = &service.ready;
    let how = match (&ready.get, &ready.log, &ready.command) {
        (Some(path), _, _) => format!("{path} answers"),
        (_, Some(line), _) => format!("it says {line:?}"),
        (_, _, Some(command)) => format!("`{}` succeeds", words(command)),
        _ if ready.healthy => "its health check says so".to_owned(),
        _ if service.vessel.is_some() && service.inner_port().is_none() => "it runs".to_owned(),
        _ => "its port answers".to_owned(),
    };
    let within = format_duration(ready.within);
    write!(out, "     {:<12} ready when {how} within {within}", "")?;
    if !service.needs.is_empty() {
        let needs: Vec<&str> = service.needs.iter().map(|name| name.as_str()).collect();
        write!(out, "; after {}", needs.join(", "))?;
    }
    writeln!(out)?;
    match &service.vessel {
        Some(Vessel::Container(container)) => within_container(out, container),
        _ => Ok(()),
    }
}

/// A process's command; a container's image with what it is given; a service of the Compose file.
fn what(service: &ServicePlan) -> String {
    let port = match service.inner_port() {
        Some(port) => format!(", port {port}"),
        None => String::new(),
    };
    match &service.vessel {
        None => words(&service.command),
        Some(Vessel::Container(container)) => {
            let built = match &container.build {
                Some(build) => format!(", built of {}", build.dockerfile),
                None => String::new(),
            };
            let told = match words(&service.command).as_str() {
                "" => String::new(),
                command => format!(", told `{command}`"),
            };
            format!("{}{built}{port}{told}", container.image)
        }
        Some(Vessel::Compose(compose)) => {
            let image = compose.image.as_ref();
            let image = image.map_or_else(String::new, |image| format!(" with {image}"));
            format!("{} of the Compose file{image}{port}", compose.service)
        }
    }
}

fn words(command: &[Text]) -> String {
    let words: Vec<String> = command.iter().map(ToString::to_string).collect();
    words.join(" ")
}

/// What a container is held to, and what it holds.
fn within_container(out: &mut String, container: &ContainerPlan) -> std::fmt::Result {
    let mut parts = Vec::new();
    if let Some(memory) = container.memory {
        parts.push(format!("{} of memory", size(memory)));
    }
    if let Some(cpus) = container.cpus {
        parts.push(format!("{cpus} processors"));
    }
    for VolumePlan { path, size } in &container.volumes {
        let size = size.map_or_else(String::new, |bytes| format!(" of {}", self::size(bytes)));
        parts.push(format!("volume {path}{size}"));
    }
    let files = container.files.iter();
    parts.extend(files.map(|(path, from)| format!("{from} at {path}")));
    match parts.is_empty() {
        true => Ok(()),
        false => writeln!(out, "     {:<12} with {}", "", parts.join(", ")),
    }
}

fn link(out: &mut String, link: &LinkPlan) -> std::fmt::Result {
    let from = link
        .from
        .as_ref()
        .map_or("journeys and load", |name| name.as_str());
    writeln!(
        out,
        "  link {:<10} {from} → {} ({})",
        link.name.as_str(),
        link.to,
        link.scheme
    )
}
