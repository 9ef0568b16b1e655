//! `sycee trace`: what a request set going, or what happened to a loan, read from the message log: as a tree, or as the
//! envelopes that the messages travel in.

use std::io::IsTerminal as _;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use sycee_contract::{Date, Envelope};
use sycee_runtime::storage::Reader;
use sycee_runtime::{CascadeTrace, Cause, TraceHop, read_about, read_cascade, read_trace};

use crate::Context;
use crate::covered::Covered;
use crate::market_files::MarketArgs;
use crate::output::{Failure, Verdict, say, say_json};

const EXAMPLES: &str = "\
Examples:
  sycee trace 1042                 the request, its timers, outside answers
  sycee trace 1042 --payloads      with the messages' data; personal data as ***
  sycee trace loan-1042            whatever carries this id: of a loan, order …
  sycee trace loan-1042 --since 2026-03-01
  sycee trace 1042 --envelopes     JSON: in the envelopes of the catalogue
  sycee trace 1042 --cloud-events  JSON: as they travel outside
  sycee trace 1042 --json | jq '.[].hops[] | select(.refused)'

A number that names a cascade within a longer trace shows the whole trace. The
log has no index over ids: for one of those it is read through, from the
business date of --since on; of each cascade the messages that carry the id are
shown, and what caused them. Lines read
  message: sender -> receivers
with (asked) for a query answered at once, (refused CODE) for a refusal.";

/// Print what a request set going, or what happened to a loan: who sent what to whom, what was refused
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct TraceArgs {
    /// Number of a trace or of a cascade, or an id such as loan-1042
    #[arg(value_name = "NUMBER|ID")]
    id: Wanted,
    /// Show the messages' data
    #[arg(long, conflicts_with_all = ["envelopes", "cloud_events"])]
    payloads: bool,
    /// For an id: only cascades of this business date or later
    #[arg(long, value_name = "DATE")]
    since: Option<Date>,
    /// Print the messages in the envelopes of the catalogue, as one JSON array; what was only asked is left out
    #[arg(long, conflicts_with = "cloud_events")]
    envelopes: bool,
    /// Print the messages as CloudEvents 1.0, as one JSON array
    #[arg(long)]
    cloud_events: bool,
    #[command(flatten)]
    market: MarketArgs,
}

/// What is looked for.
#[derive(Clone)]
enum Wanted {
    /// A trace or a cascade.
    Number(i64),
    /// Whatever carries this id.
    Id(String),
}

impl std::str::FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(number) = text.parse() {
            return Ok(Self::Number(number));
        }
        let is_id = text.rsplit_once('-').is_some_and(|(kind, number)| {
            let is_word = !kind.is_empty() && kind.bytes().all(|letter| letter.is_ascii_lowercase() || letter == b'-');
            is_word && !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
        });
        if is_id {
            Ok(Self::Id(text.to_owned()))
        } else {
            Err("give a number such as 1042, or an id such as loan-1042".to_owned())
        }
    }
}

/// Reads and prints.
pub fn run(args: &TraceArgs, context: &Context) -> Result<Verdict, Failure> {
    if let (Wanted::Number(number), Some(since)) = (&args.id, args.since) {
        return Err(Failure::input(format!(
            "--since {since} goes with an id such as loan-1042; {number} is one trace"
        )));
    }
    let mut reader = context.database.reader("message_log")?;
    let name = context.database.name();
    let covered = Covered::by_log(&mut *reader)?;
    if let (Some(since), Some(Covered { first, today, .. })) = (args.since, covered)
        && since > today
    {
        return Err(Failure::input(format!("--since {since}: the log of {name} covers {first} to {today}")));
    }
    let mut cascades = match &args.id {
        Wanted::Number(number) => find(&mut *reader, *number)?,
        Wanted::Id(id) => find_about(&mut *reader, id, args.since)?,
    };
    if cascades.is_empty() {
        return Err(Failure::input(format!("{name} {}", nothing_found(args, covered))));
    }
    if args.envelopes || args.cloud_events {
        return say_envelopes(args, &cascades);
    }
    if context.json {
        if !args.payloads {
            cascades.iter_mut().flat_map(|cascade| &mut cascade.hops).for_each(|hop| hop.data = None);
        }
        say_json(&cascades)?;
    } else {
        let texts = cascades.iter().map(|cascade| cascade_text(&cascades, cascade, args.payloads));
        say(&texts.collect::<Vec<_>>().join("\n"))?;
    }
    Ok(Verdict::Fine)
}

/// Why there is nothing to show, and where to look.
fn nothing_found(args: &TraceArgs, covered: Option<Covered>) -> String {
    let log = covered.map_or_else(
        || "its log is empty".to_owned(),
        |Covered { first, today, .. }| format!("its log covers {first} to {today}"),
    );
    match (&args.id, args.since) {
        (Wanted::Number(number), _) => format!("knows no trace and no cascade {number}: answers and logs name them"),
        (Wanted::Id(id), None) => format!("has no message that carries {id} ({log}): answers and statements name ids"),
        (Wanted::Id(id), Some(since)) => {
            format!(
                "has no message that carries {id} since {since} ({log}): ask from an earlier day, or without --since"
            )
        }
    }
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

fn find_about(reader: &mut dyn Reader, id: &str, since: Option<Date>) -> Result<Vec<CascadeTrace>, Failure> {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{spinner} {human_pos} cascades read, {elapsed}");
    bar.set_style(style.map_err(|error| Failure::Fault(error.to_string()))?);
    let found = read_about(reader, id, since, &mut |read| bar.set_position(read))?;
    bar.finish_and_clear();
    Ok(found)
}

fn say_envelopes(args: &TraceArgs, cascades: &[CascadeTrace]) -> Result<Verdict, Failure> {
    let market = args.market.files()?.market().map_err(Failure::input)?;
    let envelopes: Vec<Envelope> = cascades.iter().flat_map(|cascade| cascade.envelopes(&market.id)).collect();
    if args.cloud_events {
        say_json(&envelopes.iter().map(Envelope::to_cloud_event).collect::<Vec<_>>())?;
    } else {
        say_json(&envelopes)?;
    }
    Ok(Verdict::Fine)
}

/// One cascade of `all` as a tree.
fn cascade_text(all: &[CascadeTrace], cascade: &CascadeTrace, payloads: bool) -> String {
    let mut text = format!(
        "cascade {} of trace {}, {}, {} by {}{}: {}\n",
        cascade.cascade,
        cascade.trace,
        cascade.at,
        cascade.stimulus,
        cascade.actor,
        cascade.cause.map_or_else(String::new, |cause| because(all, cause)),
        cascade.outcome
    );
    let mut branches = Branches { hops: &cascade.hops, payloads, text: &mut text };
    branches.below(None, "");
    text
}

/// The message that brought a cascade about, by its name where its own cascade is shown.
fn because(all: &[CascadeTrace], Cause { cascade, hop }: Cause) -> String {
    let shown = all.iter().find(|it| it.cascade == cascade).and_then(|it| it.hops.iter().find(|it| it.nr == hop));
    match shown {
        Some(hop) => format!(" because of {} in cascade {cascade}", hop.message),
        None => format!(" because of message {hop} of cascade {cascade}"),
    }
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
        let children: Vec<&TraceHop> = hops.iter().filter(|hop| hop.cause == cause).collect();
        for (place, child) in children.iter().enumerate() {
            let is_last = place + 1 == children.len();
            let (branch, trunk) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.text.push_str(&format!("{indent}{branch}{}\n", line(child)));
            let deeper = format!("{indent}{trunk}");
            if let Some(data) = child.data.as_ref().filter(|_| self.payloads) {
                let bar = if hops.iter().any(|hop| hop.cause == Some(child.nr)) { "│" } else { " " };
                self.text.push_str(&format!("{deeper}{bar}    {data}\n"));
            }
            self.below(Some(child.nr), &deeper);
        }
    }
}

fn line(hop: &TraceHop) -> String {
    // A service with several handlers is named once.
    let mut receivers: Vec<&str> = hop.to.iter().map(String::as_str).collect();
    receivers.dedup();
    let to = if receivers.is_empty() { "nobody".to_owned() } else { receivers.join(", ") };
    let asked = if hop.asked { " (asked)" } else { "" };
    let refused = hop.refused.as_ref().map_or_else(String::new, |code| format!(" (refused {code})"));
    format!("{}: {} -> {to}{asked}{refused}", hop.message, hop.from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(nr: u32, message: &str, cause: Option<u32>, refused: Option<&str>, asked: bool) -> TraceHop {
        TraceHop {
            nr,
            message: message.to_owned(),
            version: 1,
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
            cause: Some(Cause { cascade: 5, hop: 1 }),
            actor: "staff:ama".to_owned(),
            stimulus: "one".to_owned(),
            outcome: "ok".to_owned(),
            hops: vec![
                hop(0, "one", None, None, false),
                hop(1, "two", Some(0), None, true),
                hop(2, "three", Some(0), Some("NO_FUNDS"), false),
                hop(3, "four", Some(2), None, false),
            ],
        };
        let head =
            "cascade 7 of trace 3, 1970-01-01T00:00:00Z, one by staff:ama because of message 1 of cascade 5: ok\n";
        assert_eq!(
            cascade_text(&[], &cascade, false),
            format!(
                "{head}└─ one: a -> b\n   ├─ two: a -> b (asked)\n   └─ three: a -> b (refused NO_FUNDS)\n      └─ four: a -> b\n"
            )
        );
        assert!(cascade_text(&[], &cascade, true).contains("   │    {\"n\":1}\n   ├─ two"));
        let before = CascadeTrace { cascade: 5, cause: None, ..cascade.clone() };
        let told = cascade_text(&[before], &cascade, false);
        assert!(told.contains(" by staff:ama because of two in cascade 5: ok"), "{told}");
    }
}
