//! Memory as a resource: one budget, the limits that it is set from, and what is set about how it is used.

pub mod budget;
pub mod compress;
pub mod limits;
pub mod settings;
