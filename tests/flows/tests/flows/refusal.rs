//! What a refusal must be: the right code, declared by the contract, a message that helps, and nothing changed.

use sycee_contract::{Command, Rejection, all_messages};
use sycee_runtime::Stimulus;
use sycee_stage::Stage;

/// Codes that every command may answer with.
const COMMON: [&str; 5] = ["INVALID_FIELD", "INVALID_AMOUNT", "NOT_FOUND", "UNEXPECTED_STATE", "NOT_PERMITTED"];

/// A request that must be refused.
pub struct Case {
    what: String,
    stimulus: Stimulus,
    message: &'static str,
    code: &'static str,
    says: Vec<String>,
}

/// The case that `command` of `actor` is refused with `code`, in a message that names every one of `says`.
pub fn case<C: Command>(what: &str, actor: &str, command: C, code: &'static str, says: &[&dyn ToString]) -> Case {
    let stimulus = Stimulus::command(actor, command);
    Case {
        what: what.to_owned(),
        // Staff come through no service of ours; everybody else through the one that faces customers.
        stimulus: if actor.starts_with("staff") { stimulus } else { stimulus.through("bff-system") },
        message: C::ID,
        code,
        says: says.iter().map(|word| word.to_string()).collect(),
    }
}

impl Case {
    /// The message that is refused.
    pub fn message(&self) -> &'static str {
        self.message
    }
}

/// Runs every case, and fails with all that is not as it must be.
pub fn assert_refused(stage: &mut Stage, cases: Vec<Case>) {
    let mut wrong = Vec::new();
    let mut before = stage.writer.digest().unwrap();
    for case in cases {
        let outcome = match stage.writer.execute(case.stimulus) {
            Ok(done) => done.outcome,
            Err(fault) => {
                wrong.push(format!("{}: {fault}", case.what));
                continue;
            }
        };
        let after = stage.writer.digest().unwrap();
        match outcome {
            Ok(_) => wrong.push(format!("{}: it was done", case.what)),
            Err(rejection) => {
                let found = flaws(case.message, case.code, &case.says, &rejection);
                wrong.extend(found.into_iter().map(|flaw| format!("{}: {flaw}: {rejection}", case.what)));
            }
        }
        if after != before {
            wrong.push(format!("{}: something changed", case.what));
            before = after;
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn flaws(message: &str, code: &str, says: &[String], rejection: &Rejection) -> Vec<String> {
    let mut found = Vec::new();
    if rejection.code != code {
        found.push(format!("{code} is right"));
    }
    let info = all_messages().into_iter().find(|info| info.id == message).unwrap();
    if !info.errors.contains(&code) && !COMMON.contains(&code) {
        found.push(format!("{message} does not declare {code}"));
    }
    for word in says.iter().filter(|word| !rejection.message.contains(word.as_str())) {
        found.push(format!("it does not say {word:?}"));
    }
    let advises = [": ", "for example", "; this needs"].iter().any(|sign| rejection.message.contains(sign));
    if !advises {
        found.push("it does not say what to do".to_owned());
    }
    found
}
