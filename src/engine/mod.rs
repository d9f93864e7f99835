//! How it is measured: the contract, the rounds, the workers.
//!
//! The engine knows no area: what it measures comes as a [`plan::Plan`] (in the parent process) and as
//! [`method::Case`]s (in a worker).
//!
//! | module | answers |
//! |---|---|
//! | [`plan`] | what is to be measured |
//! | [`method`] | what a method must do, and what is inside the clock |
//! | [`clock`] | what time it is, for as little as possible |
//! | [`drag`] | how a known slowdown is put into a method |
//! | [`effort`] | how a study's time is divided |
//! | [`schedule`] | in which order a round takes its methods |
//! | [`worker`] | what a fresh process does with its part of a study |
//! | [`duty`] | how a worker process begins and ends |
//! | [`process`] | who does a study's tasks |
//! | [`child_process`] | how a child process is started, limited, and its end explained |
//! | [`study`] | how many rounds are taken, and when to stop |
//! | [`ledger`] | what a study takes down as it goes |
//! | [`validity`] | which rounds are valid: the evidence of what a case did |
//! | [`interference`] | what others did meanwhile: counted, never a reason to reject |
//! | [`summary`] | what the batches come to |
//! | [`stamp`] | what a stamp of the latency pass costs |
//! | [`interrupt`] | whether the user has asked to stop |

pub mod child_process;
pub mod clock;
pub mod drag;
pub mod duty;
pub mod effort;
pub mod interference;
pub mod interrupt;
pub mod ledger;
pub mod method;
pub mod need;
pub mod plan;
pub mod process;
pub mod protocol;
pub mod schedule;
pub mod stamp;
pub mod study;
pub mod summary;
pub mod validity;
pub mod worker;
