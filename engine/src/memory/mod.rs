//! Memory as a resource: one budget, the limits that it is set from, what is set about its use, and what watches over it.

pub mod budget;
mod cgroup;
pub mod limits;
pub mod manager;
pub mod monitor;
pub mod settings;
pub mod watch;
