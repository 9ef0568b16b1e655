//! The page of a flow, with its sequence diagram.

use std::collections::BTreeSet;

use super::super::coverage::Part;
use super::super::facts::{Flow, Hop, Running};
use super::{link, services};

/// The page.
pub fn page(flow: &Flow, part: &Part, running: &Running) -> String {
    let mut text = format!(
        "# {}. {}\n\n{}\n\n{} of {} hops run: {}.\n\n```mermaid\n{}```\n\n",
        flow.order,
        flow.id,
        flow.summary,
        part.there.len(),
        flow.hops.len(),
        part.status.name(),
        diagram(flow)
    );
    text.push_str("| nr | step | message | from | to | |\n|---|---|---|---|---|---|\n");
    for (nr, hop) in (1..).zip(&flow.hops) {
        let is_there = part.there.contains(&format!("{nr:02} {}", hop.step));
        let kind =
            running.messages.get(hop.message.as_str()).map_or("not yet", |_| if is_there { "" } else { "partly" });
        text.push_str(&format!(
            "| {nr} | {} | {} | {} | {} | {kind} |\n",
            hop.step,
            link("messages")(&hop.message),
            services(hop.sender.iter().map(String::as_str)),
            services(hop.receiver.iter().map(String::as_str)),
        ));
    }
    text
}

/// The hops as a Mermaid sequence diagram; a hop without receiver points back at its sender.
fn diagram(flow: &Flow) -> String {
    let mut text = "sequenceDiagram\n    autonumber\n".to_owned();
    let mut known = BTreeSet::new();
    for service in flow.hops.iter().flat_map(|hop| hop.sender.iter().chain(&hop.receiver)) {
        if known.insert(service) {
            text.push_str(&format!("    participant {} as {service}\n", alias(service)));
        }
    }
    for hop in &flow.hops {
        text.push_str(&arrows(hop));
    }
    text
}

fn arrows(hop: &Hop) -> String {
    let mut text = String::new();
    for sender in &hop.sender {
        if hop.receiver.is_empty() {
            text.push_str(&format!("    {0}->>{0}: {1}\n", alias(sender), hop.step));
        }
        for receiver in &hop.receiver {
            text.push_str(&format!("    {}->>{}: {}\n", alias(sender), alias(receiver), hop.step));
        }
    }
    if hop.sender.is_empty() {
        for receiver in &hop.receiver {
            text.push_str(&format!("    {0}->>{0}: {1}\n", alias(receiver), hop.step));
        }
    }
    text
}

/// A participant's name within the diagram: Mermaid takes no hyphens before an arrow.
fn alias(service: &str) -> String {
    service.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_is_a_sequence() {
        let catalog = super::super::super::facts::Catalog::embedded().unwrap();
        let text = diagram(&catalog.flows[1]);
        assert!(
            text.starts_with("sequenceDiagram\n    autonumber\n    participant credit_center as credit-center\n"),
            "{text}"
        );
        assert!(text.contains("    credit_center->>feature_platform: execute-risk-review\n"));
        assert!(text.contains("    credit_limit_center->>credit_limit_center: credit-reserved\n"));
    }
}
