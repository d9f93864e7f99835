//! Which method should a user take, for what the user needs, and what are the cases behind that?

pub mod read;
mod read_beyond;
mod read_words;
pub mod sync;
mod sync_evidence;
mod sync_warnings;
mod sync_words;

#[cfg(test)]
mod tests;
