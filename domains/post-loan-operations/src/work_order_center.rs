//! Work order center: what the system will not decide waits here for people.
//!
//! Invariant: at most one work order a key is open; the database enforces it.

use sycee_contract::{
    CloseWorkOrder, LoanId, NOTE_MAX, OpenWorkOrder, Rejection, ResolveWorkOrder, RetryEffect, Timestamp,
    WorkOrderCreated, WorkOrderId, check_text,
};
use sycee_runtime::{Handled, Registry, Work, entity, text_enum};

text_enum! {
    /// States of a work order.
    pub enum WorkOrderStatus {
        /// Waits for people.
        Open,
        /// Done.
        Closed,
    }
}

/// What `open_marker` holds while a work order is open.
pub const OPEN_MARKER: Option<bool> = Some(true);

entity! {
    /// A work order.
    pub struct WorkOrder in "work_order" of "work-order-center" key id: WorkOrderId {
        /// The work order.
        id: WorkOrderId,
        /// What it is about, once among the open ones.
        topic: String,
        /// Set while it is open.
        open_marker: Option<bool>,
        /// State.
        status: WorkOrderStatus,
        /// What kind, such as `unmatched-payment`.
        kind: String,
        /// The loan, when there is one.
        loan: Option<LoanId>,
        /// What happened and what to do.
        text: String,
        /// How often it was asked for while open.
        times: i64,
        /// When it was opened.
        opened_at: Timestamp,
        /// When it was closed.
        closed_at: Option<Timestamp>,
        /// Who closed it.
        closed_by: Option<String>,
        /// What was done.
        note: Option<String>,
    }
    unique index open_of(topic: String, open_marker: Option<bool>);
    index by_status(status: WorkOrderStatus);
    index by_loan(loan: Option<LoanId>);
}

pub(crate) fn register(registry: &mut Registry) {
    registry
        .service("work-order-center")
        .entity::<WorkOrder>()
        .handles(open_work_order)
        .handles(close_work_order)
        .handles(resolve_work_order)
        .handles(retry_effect)
        .emits::<WorkOrderCreated>();
}

impl WorkOrder {
    fn opened(id: WorkOrderId, cmd: &OpenWorkOrder, now: Timestamp) -> Self {
        Self {
            id,
            topic: cmd.key.clone(),
            open_marker: OPEN_MARKER,
            status: WorkOrderStatus::Open,
            kind: cmd.kind.clone(),
            loan: cmd.loan,
            text: cmd.text.clone(),
            times: 1,
            opened_at: now,
            closed_at: None,
            closed_by: None,
            note: None,
        }
    }

    fn close(&mut self, actor: &str, note: &str, now: Timestamp) -> Result<(), Rejection> {
        if self.status == WorkOrderStatus::Closed {
            return Err(Rejection::unexpected_state("work order", self.id, self.status, "an open one"));
        }
        check_note(note)?;
        self.status = WorkOrderStatus::Closed;
        self.open_marker = None;
        self.closed_at = Some(now);
        self.closed_by = Some(actor.to_owned());
        self.note = Some(note.trim().to_owned());
        Ok(())
    }
}

fn check_note(note: &str) -> Result<(), Rejection> {
    check_text("note", note, NOTE_MAX, "payment matched to loan-7")
}

fn open_work_order(work: &mut Work, cmd: &OpenWorkOrder) -> Handled<WorkOrderId> {
    if let Some(mut order) = work.find_one(WorkOrder::open_of(cmd.key.clone(), OPEN_MARKER))? {
        order.times += 1;
        let id = order.id;
        work.save(order);
        return Ok(id);
    }
    let id = work.new_id();
    let order = WorkOrder::opened(id, cmd, work.now());
    work.emit(WorkOrderCreated { work_order: id, kind: order.kind.clone(), loan: order.loan });
    work.save(order);
    Ok(id)
}

fn close_work_order(work: &mut Work, cmd: &CloseWorkOrder) -> Handled<()> {
    let mut order = work.require::<WorkOrder>(cmd.work_order)?;
    let actor = work.actor().to_owned();
    order.close(&actor, &cmd.note, work.now())?;
    work.save(order);
    Ok(())
}

/// What people closed before stays as they closed it.
fn resolve_work_order(work: &mut Work, cmd: &ResolveWorkOrder) -> Handled<()> {
    close_topic(work, cmd.key.clone(), &cmd.note)
}

fn close_topic(work: &mut Work, topic: String, note: &str) -> Handled<()> {
    if let Some(mut order) = work.find_one(WorkOrder::open_of(topic, OPEN_MARKER))? {
        let actor = work.actor().to_owned();
        order.close(&actor, note, work.now())?;
        work.save(order);
    }
    Ok(())
}

/// Once: an effect that is on its way, or executed, stays as it is.
fn retry_effect(work: &mut Work, cmd: &RetryEffect) -> Handled<()> {
    check_note(&cmd.note)?;
    if !work.retry_effect(cmd.effect)? {
        return Ok(());
    }
    // The runtime opened it under this key.
    close_topic(work, format!("effect-{}", cmd.effect), &cmd.note)
}
