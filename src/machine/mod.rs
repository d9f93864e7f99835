//! What machine this is: its fingerprint, its floors, and what skews its numbers.

pub mod fingerprint;
pub mod floors;
pub mod stolen;
pub mod warnings;

pub use fingerprint::fingerprint;
pub use floors::{Other, floors};
pub use warnings::warnings;
