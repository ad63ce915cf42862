//! Memory as a resource: one budget, the limits that it is set from, what is set about its use, where it lies, and what
//! watches over it.

pub mod arena;
pub mod budget;
pub mod buffer;
mod cgroup;
pub mod compress;
pub mod limits;
pub mod manager;
pub mod mapping;
pub mod monitor;
pub mod pinned;
pub mod placement;
pub mod pool;
pub mod settings;
pub mod topology;
pub mod watch;
pub(crate) mod zstandard;
