//! Writing the reduced container: references as copies, members as addresses of their reference's copy or as deltas.
//!
//! Everything that gives the sources back goes over as it is, and so do the optional columns
//! ([`crate::write::carried`]). Where members are left out, the container is one of other records, and is put together
//! anew.

mod complete;
mod load;
mod marks;
mod placed;
pub(super) mod provenance;
mod references;
mod whole_blocks;

use self::complete::Complete;
pub(super) use self::marks::Marks;
pub(super) use self::placed::write;
use crate::column::Columns;
use crate::database::Database;
use crate::error::Result;
use crate::reduce::Reduction;
use crate::reduce::clusters::Listing;
use crate::reduce::delta::{self, Plan};
use crate::reduce::estimate::Known;
use crate::reduce::estimate::account::{Account, Held};
use crate::reduce::groups::{Groups, LEAST_SORT_MEMORY, sort_memory};
use crate::reduce::similarity::Pair;
use crate::write::assemble::{Assembler, REMEMBERED_MEMORY, Shape};
use crate::write::carried::Carrier;
use crate::write::membership::MembershipSections;
use crate::write::place::{self, Order};
use crate::write::publish::Unpublished;
use crate::write::spill::{Sorter, Spill};

/// Two windows, the blocks of one, and what encoding takes.
fn loading_memory(shape: &Shape, threads: usize) -> u64 {
    load::MEMORY + shape.compression.memory(shape.sequence_block.max(shape.text_block), threads) + REMEMBERED_MEMORY
}

/// What the buffers of the container take, but for sorting names.
fn buffers_memory(columns: Columns, only_references: bool) -> u64 {
    if only_references { Assembler::least_memory_beside_names(columns) } else { Carrier::MEMORY }
}

/// The least memory for writing a container of `records` records with these columns, beside their groups.
pub(super) fn least_memory(shape: &Shape, columns: Columns, records: u64, threads: usize, told: bool) -> u64 {
    let assembling = loading_memory(shape, threads) + Assembler::least_memory_beside_names(columns);
    // Coding is over when loading starts, but for what it found.
    let (kept, coding) = match told {
        true => (delta::kept_memory(records), delta::least_memory(shape.compression, threads)),
        false => (0, 0),
    };
    let written =
        kept + Marks::memory(records) + assembling.max(coding) + MembershipSections::MEMORY + 4 * LEAST_SORT_MEMORY;
    match shape.order {
        Order::Input => written,
        Order::Similarity => written.max(place::least_memory(shape, threads) + place::RECORD_MEMORY * records),
    }
}

/// What [`write()`] takes beside `groups`.
pub(super) fn estimate(reduction: &Reduction<'_>, account: &mut Account, known: &Known, groups: &[Held]) {
    let (records, only) = (known.records, reduction.leaves_members_out());
    // Two sorters for groups, and two for those under whoever has the residues.
    let named = groups.len() > 2 && !only;
    account.begin("writing", None, records, "records");
    let mut held = vec![account.hold(Marks::memory(records).saturating_mul(1 + u64::from(named)))];
    let memory = loading_memory(&known.shape, account.threads);
    let assembling = buffers_memory(known.columns, only);
    let reserve = assembling + MembershipSections::MEMORY;
    let told = reduction.method.tells_members();
    let all = least_memory(&known.shape, known.columns, records, account.threads, told);
    if reduction.writes_table() {
        let sort_memory = account.sort_memory(8, all);
        held.push(account.sort::<Pair>("lines of the cluster table", sort_memory, records));
    }
    if reduction.tells_membership(named) {
        let sort_memory = account.sort_memory(8, all);
        held.extend(MembershipSections::estimate(account, records, sort_memory));
    }
    if told && !only {
        let sort_memory = account.sort_memory(8, all);
        held.extend(delta::estimate(account, known, sort_memory));
    } else if !only {
        let sort_memory = account.sort_memory(4, reserve + memory);
        held.push(account.sort::<(u64, u64)>("addresses of members", sort_memory, records));
    }
    held.push(account.hold(memory));
    if only {
        let sort_memory = account.sort_memory(4, reserve);
        held.push(account.sort::<(u64, u64)>("names", sort_memory, known.names));
    }
    held.push(account.store(assembling, known.waiting()));
    account.release(held);
    let placing = placed::estimate(account, known);
    account.release(placing);
}

/// Writes the container in the order of the records.
fn write_in_order(
    reduction: &Reduction<'_>,
    database: &Database,
    mut groups: Groups,
    (output, shape): (Unpublished, Shape),
    spill: &Spill,
    clusters: Option<&Listing>,
) -> Result<Unpublished> {
    let only = reduction.leaves_members_out();
    let left_out = (groups.members(), groups.unrepresented().0);
    // Where members are left out, everybody has residues of their own.
    let mut named = None;
    if let Some(copies) = groups.take_copies().filter(|_| !only) {
        let (by_member, by_representative) = groups.finish()?;
        let marks = Marks::new(database.len(), database)?;
        for pair in by_member {
            marks.set(pair?.0);
        }
        named = Some((marks, by_representative));
        groups = copies;
    }
    // Records that are no references; records without a representative are among them, which is why members have to be
    // told then.
    let members = Marks::new(database.len(), database)?;
    let (by_member, by_representative) = groups.finish()?;
    for pair in by_member {
        members.set(pair?.0);
    }
    let columns = database.columns_kept();
    let memory = loading_memory(&shape, rayon::current_num_threads());
    let reserve = buffers_memory(columns, only) + MembershipSections::MEMORY;
    // What is sorted from before deltas are coded leaves room for that.
    let (threads, told) = (rayon::current_num_threads(), reduction.method.tells_members());
    let all = least_memory(&shape, columns, database.len(), threads, told);
    let mut table = None;
    if clusters.is_some() {
        let sort_memory = sort_memory(spill, 8, all);
        table = Some(Sorter::new(spill, "lines of the cluster table", sort_memory)?);
    }
    let mut membership = None;
    if reduction.tells_membership(named.is_some()) {
        let sort_memory = sort_memory(spill, 8, all);
        membership = Some(MembershipSections::new(database.len(), spill, sort_memory)?);
    }
    let mut note = |pair: Pair| -> Result<()> {
        if let Some(membership) = &mut membership {
            membership.push(pair)?;
        }
        table.as_mut().map_or(Ok(()), |table| table.push(pair))
    };
    let (mut named_members, mut noted) = (None, |_| Ok(()));
    if let Some((marks, by_representative)) = named {
        for pair in by_representative {
            note(pair?)?;
        }
        named_members = Some(marks);
    }
    // Where members are named otherwise, they have been noted already.
    let note: &mut dyn FnMut(Pair) -> Result<()> = if named_members.is_some() { &mut noted } else { &mut note };
    if only {
        for pair in by_representative {
            note(pair?)?;
        }
        let _lease = spill.budget().lease("loading and encoding", memory)?;
        let unpublished = references::write(reduction, database, &members, left_out, (output, shape), spill)?;
        if let (Some(clusters), Some(table)) = (clusters, table) {
            clusters.write(database, table.finish()?, |ordinal| Ok(members.is_set(ordinal)))?;
        }
        return Ok(unpublished);
    }
    // Whoever joins another one shares its copy, or it has been found out how each is told.
    let plan = if told {
        let sort_memory = sort_memory(spill, 8, all);
        delta::plan(reduction, database, by_representative, note, sort_memory, spill)?
    } else {
        let sort_memory = sort_memory(spill, 4, reserve + memory);
        Plan::shared(by_representative, Sorter::new(spill, "addresses of members", sort_memory)?)
    };
    let _lease = spill.budget().lease("loading and encoding", memory)?;
    let mut complete = Complete::new(reduction, database, &members, plan, (output, shape), spill)?;
    complete.place_all(note)?;
    complete.carrier.set_membership(membership);
    if let (Some(clusters), Some(table)) = (clusters, table) {
        clusters.write(database, table.finish()?, |ordinal| {
            Ok(named_members.as_ref().unwrap_or(&members).is_set(ordinal))
        })?;
    }
    complete.seal()
}
