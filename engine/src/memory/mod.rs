//! Memory as a resource: one budget, and the limits that it is set from.

pub mod budget;
pub mod limits;
