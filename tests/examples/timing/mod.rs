//! Programs that run beside a test: time or load could change the outcome of these tests (CONTRIBUTING.md).

mod family;
mod watching;
