//! Whether all of it holds on a slow machine as well, and on one in use.

mod intruders;
mod lies;
mod machine;
