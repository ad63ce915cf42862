//! Memory as a resource: one budget, the limits that it is set from, what is set about how it is used, and where it lies.

pub mod budget;
pub mod limits;
pub mod mapping;
pub mod pinned;
pub mod placement;
pub mod settings;
pub mod topology;
