//! Ctrl-C and SIGTERM: a run that makes something ends where it is whole, and removes what nobody will look for.
//!
//! Invariant: the first signal only asks; the run ends at its next step, and gives back what it holds on the way out.
//! Invariant: a second one ends the process at once.

use std::fmt::Display;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::output::Failure;

/// The signal that asked; 0 while nobody has.
static ASKED: AtomicI32 = AtomicI32::new(0);

/// What Ctrl-C sends, on every Unix.
const SIGINT: i32 = 2;

/// From here on signals ask, where they would have ended the process.
///
/// Errors: `Fault` when the system does not let us.
#[cfg(unix)]
pub fn watch() -> Result<(), Failure> {
    use std::time::{Duration, Instant};

    use signal_hook::consts::SIGTERM;
    use signal_hook::iterator::Signals;

    /// What comes so soon after the first is the same again: `timeout` tells the process, and then its group.
    const ECHO: Duration = Duration::from_millis(100);

    let broken = |error: std::io::Error| Failure::Fault(format!("signals cannot be watched: {error}"));
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(broken)?;
    let watching = move || {
        let mut first: Option<Instant> = None;
        for signal in signals.forever() {
            match first {
                None => {
                    ASKED.store(signal, Ordering::Relaxed);
                    first = Some(Instant::now());
                }
                Some(at) if at.elapsed() < ECHO => {}
                Some(_) => signal_hook::low_level::exit(exit_code(signal).into()),
            }
        }
    };
    std::thread::Builder::new().name("sycee-signals".to_owned()).spawn(watching).map(drop).map_err(broken)
}

/// Nothing is watched: a signal ends the process.
#[cfg(not(unix))]
pub fn watch() -> Result<(), Failure> {
    Ok(())
}

/// The signal that asked the run to end.
pub fn asked() -> Option<i32> {
    Some(ASKED.load(Ordering::Relaxed)).filter(|signal| *signal != 0)
}

/// Errors: `Stopped` once somebody has asked; `rest` says what becomes of what the run has made.
pub fn check(rest: &str) -> Result<(), Failure> {
    asked().map_or(Ok(()), |signal| Err(stopped(signal, rest)))
}

/// Why a run ended early.
pub fn stopped(signal: i32, rest: impl Display) -> Failure {
    let name = if signal == SIGINT { "Ctrl-C" } else { "SIGTERM" };
    Failure::Stopped { signal, text: format!("stopped by {name}{rest}") }
}

/// The exit code after a signal, as shells have it: 130 and 143.
pub fn exit_code(signal: i32) -> u8 {
    u8::try_from(signal).map_or(u8::MAX, |signal| signal.saturating_add(128))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_shells() {
        assert_eq!([SIGINT, 15].map(exit_code), [130, 143]);
        let Failure::Stopped { signal, text } = stopped(15, " on 2026-01-05") else { panic!("another failure") };
        assert_eq!((signal, text.as_str()), (15, "stopped by SIGTERM on 2026-01-05"));
    }
}
