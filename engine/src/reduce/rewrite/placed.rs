//! A reduced container whose residues lie in another order than its records.
//!
//! It is written in the order of the records first, for a while and without a name, and then
//! [placed](crate::write::place): in the order of the container that was reduced, if that has one, as what is left of
//! it are neighbours still; else in one that is found among the records with a copy of their own. Deltas stay where
//! they are.
//!
//! It costs what placing does, and encodes residues twice, the first time at the lowest level.

use super::write_in_order;
use crate::database::Database;
use crate::error::Result;
use crate::options::OpenOptions;
use crate::reduce::Reduction;
use crate::reduce::clusters::Listing;
use crate::reduce::estimate::Known;
use crate::reduce::estimate::account::{Account, Held};
use crate::reduce::groups::Groups;
use crate::write::assemble::Shape;
use crate::write::beside::beside;
use crate::write::encode::Compression;
use crate::write::place::{self, Order, Placing};
use crate::write::publish::Unpublished;
use crate::write::spill::Spill;

/// Writes the reduced container in the order that its shape asks for.
pub(in crate::reduce) fn write(
    reduction: &Reduction<'_>,
    database: &Database,
    groups: Groups,
    output: Unpublished,
    spill: &Spill,
    clusters: Option<&Listing>,
) -> Result<Unpublished> {
    let shape = reduction.shape_of(database);
    if shape.order == Order::Input {
        return write_in_order(reduction, database, groups, (output, shape), spill, clusters);
    }
    let unordered = match spill.unnamed()? {
        Some((file, path)) => Unpublished::unnamed(file, path, spill.folder()),
        None => Unpublished::create(&beside(spill.folder(), output.temporary(), "unordered.talaria"))?,
    };
    let first = Shape { compression: quickly(shape.compression), ..shape };
    let unordered = write_in_order(reduction, database, groups, (unordered, first), spill, clusters)?;
    // Of what was reduced only the order is asked for.
    database.release_pages();
    let options = OpenOptions::new().memory(reduction.memory.clone()).cache(0).budget(reduction.budget.clone());
    let written = options.open(unordered.temporary())?;
    let follow = (written.len() == database.len()).then_some(database);
    let (provenance, records) = (&written.provenance()?[..], written.len());
    let progress = |stage| (reduction.progress)(stage, 0, records);
    let placing = Placing { database: &written, spill, shape, provenance, progress: &progress, follow };
    place::place(&placing, output)
}

/// What placing takes beside what is written in the order of the records.
pub(super) fn estimate(account: &mut Account, known: &Known) -> Vec<Held> {
    if known.shape.order == Order::Input {
        return Vec::new();
    }
    let records = known.records;
    let sort_memory = account.sort_memory(8, place::least_memory(&known.shape, account.threads));
    vec![
        account.sort::<(u64, u64)>("addresses of records", sort_memory, records),
        account.sort::<(u64, u64)>("positions of records", sort_memory, records),
        account.store(place::least_memory(&known.shape, account.threads), known.residues + known.waiting()),
    ]
}

fn quickly(compression: Compression) -> Compression {
    match compression {
        Compression::Zstd(_) => Compression::Zstd(1),
        other => other,
    }
}
