//! `sycee trace`: what a request set going, read from the message log, as a tree.

use clap::Args;
use sycee_runtime::storage::Reader;
use sycee_runtime::{CascadeTrace, TraceHop, read_cascade, read_trace};

use crate::Context;
use crate::output::{Failure, Verdict, say, say_json};

const EXAMPLES: &str = "\
Examples:
  sycee trace 1042                 every cascade of the trace: the request, its timers, what the outside answered
  sycee trace 1042 --payloads      with the messages' data; personal data shows as ***
  sycee trace 1042 --json | jq '.[].hops[] | select(.refused)'

A number that names a cascade within a longer trace shows the whole trace. Lines read
  message: sender -> receivers     (asked) for a query answered at once, (refused CODE) for a refusal";

/// Print what a request set going, as a tree: who sent what to whom, what was refused
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct TraceArgs {
    /// Number of a trace or of a cascade
    id: i64,
    /// Show the messages' data
    #[arg(long)]
    payloads: bool,
}

/// Reads and prints.
pub fn run(args: &TraceArgs, context: &Context) -> Result<Verdict, Failure> {
    let mut reader = context.database.reader("message_log")?;
    let mut cascades = find(&mut *reader, args.id)?;
    if cascades.is_empty() {
        let text = format!(
            "{} knows no trace and no cascade {}: answers and logs name them",
            context.database.name(),
            args.id
        );
        return Err(Failure::input(text));
    }
    if context.json {
        if !args.payloads {
            cascades.iter_mut().flat_map(|cascade| &mut cascade.hops).for_each(|hop| hop.data = None);
        }
        say_json(&cascades)?;
    } else {
        let texts: Vec<String> = cascades.iter().map(|cascade| cascade_text(cascade, args.payloads)).collect();
        say(&texts.join("\n"))?;
    }
    Ok(Verdict::Fine)
}

fn find(reader: &mut dyn Reader, id: i64) -> Result<Vec<CascadeTrace>, Failure> {
    let cascades = read_trace(reader, id)?;
    if !cascades.is_empty() {
        return Ok(cascades);
    }
    Ok(match read_cascade(reader, id)? {
        Some(cascade) => read_trace(reader, cascade.trace)?,
        None => Vec::new(),
    })
}

fn cascade_text(cascade: &CascadeTrace, payloads: bool) -> String {
    let mut text = format!(
        "cascade {} of trace {}, {}, {} by {}: {}\n",
        cascade.cascade, cascade.trace, cascade.at, cascade.stimulus, cascade.actor, cascade.outcome
    );
    let mut branches = Branches { hops: &cascade.hops, payloads, text: &mut text };
    branches.below(None, "");
    text
}

struct Branches<'a> {
    hops: &'a [TraceHop],
    payloads: bool,
    text: &'a mut String,
}

impl Branches<'_> {
    /// Appends the hops that `cause` caused, each with what it caused in turn.
    fn below(&mut self, cause: Option<u32>, indent: &str) {
        let hops = self.hops;
        let children: Vec<(u32, &TraceHop)> = (0..).zip(hops).filter(|(_, hop)| hop.cause == cause).collect();
        for (nr, (at, hop)) in children.iter().enumerate() {
            let is_last = nr + 1 == children.len();
            let (branch, trunk) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.text.push_str(&format!("{indent}{branch}{}\n", line(hop)));
            let deeper = format!("{indent}{trunk}");
            if let Some(data) = hop.data.as_ref().filter(|_| self.payloads) {
                let bar = if hops.iter().any(|hop| hop.cause == Some(*at)) { "│" } else { " " };
                self.text.push_str(&format!("{deeper}{bar}    {data}\n"));
            }
            self.below(Some(*at), &deeper);
        }
    }
}

fn line(hop: &TraceHop) -> String {
    let to = if hop.to.is_empty() { "nobody".to_owned() } else { hop.to.join(", ") };
    let asked = if hop.asked { " (asked)" } else { "" };
    let refused = hop.refused.as_ref().map_or_else(String::new, |code| format!(" (refused {code})"));
    format!("{}: {} -> {to}{asked}{refused}", hop.message, hop.from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(message: &str, cause: Option<u32>, refused: Option<&str>, asked: bool) -> TraceHop {
        TraceHop {
            message: message.to_owned(),
            from: "a".to_owned(),
            to: vec!["b".to_owned()],
            cause,
            asked,
            refused: refused.map(str::to_owned),
            data: (!asked).then(|| serde_json::json!({ "n": 1 })),
        }
    }

    #[test]
    fn a_cascade_is_a_tree() {
        let cascade = CascadeTrace {
            cascade: 7,
            at: sycee_contract::Timestamp::from_micros(0),
            trace: 3,
            actor: "staff:ama".to_owned(),
            stimulus: "one".to_owned(),
            outcome: "ok".to_owned(),
            hops: vec![
                hop("one", None, None, false),
                hop("two", Some(0), None, true),
                hop("three", Some(0), Some("NO_FUNDS"), false),
                hop("four", Some(2), None, false),
            ],
        };
        let head = "cascade 7 of trace 3, 1970-01-01T00:00:00Z, one by staff:ama: ok\n";
        assert_eq!(
            cascade_text(&cascade, false),
            format!(
                "{head}└─ one: a -> b\n   ├─ two: a -> b (asked)\n   └─ three: a -> b (refused NO_FUNDS)\n      └─ four: a -> b\n"
            )
        );
        assert!(cascade_text(&cascade, true).contains("   │    {\"n\":1}\n   ├─ two"));
    }
}
