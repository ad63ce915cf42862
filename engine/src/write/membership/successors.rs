//! The permutation of the members: what each place of their list leads to. Four bytes a member, or eight in files of
//! 2^32 records.

use crate::error::Result;
use crate::write::spill::{Spill, SpillColumn};

/// Numbers that are looked at in any order, each until it is taken.
#[derive(Debug)]
pub(super) enum Successors {
    Narrow(SpillColumn<u32>),
    Wide(SpillColumn<u64>),
}

impl Successors {
    /// Of `count` members. `keep` bytes of memory are needed for other things.
    ///
    /// # Errors
    /// As [`SpillColumn::new`].
    pub(super) fn new(wide: bool, count: u64, keep: u64, spill: &Spill) -> Result<Self> {
        let (what, count) = ("places of members", usize::try_from(count).unwrap_or(usize::MAX));
        Ok(match wide {
            false => Self::Narrow(SpillColumn::new(spill, what, count, u32::MAX, keep)?),
            true => Self::Wide(SpillColumn::new(spill, what, count, u64::MAX, keep)?),
        })
    }

    /// Says what a place leads to: a number less than that of all members, and so less than all ones.
    pub(super) fn set(&mut self, place: u64, rank: u64) {
        let place = place as usize;
        match self {
            Self::Narrow(column) => column[place] = rank as u32,
            Self::Wide(column) => column[place] = rank,
        }
    }

    /// What a place leads to, the first time that it is asked for.
    pub(super) fn take(&mut self, place: u64) -> Option<u64> {
        let place = place as usize;
        match self {
            Self::Narrow(column) => {
                Some(std::mem::replace(&mut column[place], u32::MAX)).filter(|&next| next != u32::MAX).map(u64::from)
            }
            Self::Wide(column) => {
                Some(std::mem::replace(&mut column[place], u64::MAX)).filter(|&next| next != u64::MAX)
            }
        }
    }
}
