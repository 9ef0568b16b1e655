//! What a state machine says about a message in a state.

/// The verdict of a state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<S> {
    /// The message applies and leads to this state.
    To(S),
    /// What the message asks for, or says, is in force; nothing changes.
    AlreadyApplied,
    /// The message does not fit the state.
    Refused,
}
