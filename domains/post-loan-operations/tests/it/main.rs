//! Tests of post-loan operations: what customers are told in which language, and work orders from opening to closing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where its facts fail")]

mod outreach;
mod work_orders;
