//! What recorded runs say of each other: two sides, several runs each, the run as the unit.
//!
//! | module | answers |
//! |---|---|
//! | [`side`] | which runs stand on a side |
//! | [`differences`] | in what the machines of the two sides differ |
//! | [`table`] | what became of each method between the sides, and how sure that is |
//! | [`ranking`] | what that comes to, over cases that all finished |
//! | [`gate`] | whether something got slower than allowed |

pub mod differences;
pub mod gate;
pub mod ranking;
pub mod side;
pub mod table;
