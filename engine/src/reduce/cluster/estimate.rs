//! What a clustering takes, before it runs.

use super::{Clustering, assign, candidates, order, plan};
use crate::align::{AlignmentPool, LONGEST, Scoring};
use crate::reduce::estimate::Known;
use crate::reduce::estimate::account::{Account, Held};
use crate::reduce::groups::Groups;

/// What [`super::group`] takes; the groups stay.
pub(crate) fn estimate(account: &mut Account, known: &Known, clustering: &Clustering, reserve: u64) -> Vec<Held> {
    let order = order::estimate(account, known);
    let assignment = account.hold(known.records.saturating_mul(assign::MEMORY));
    // Idle aligners are as good as a cache, but there while others align.
    account.optional = account.optional.saturating_add(AlignmentPool::most_idle(account.limit()));
    let scoring = Scoring::of(known.alphabet);
    for (number, round) in (1..).zip(plan::rounds(scoring, &clustering.criterion, clustering.sensitive)) {
        let edges = candidates::estimate(account, known, &round, number);
        account.begin("aligning", Some(number), known.records, "records");
        let aligners = account.hold(assign::aligning_memory(known.longest, account.threads, account.available()));
        account.release([edges, aligners]);
    }
    account.begin("gathering clusters", None, known.records, "records");
    let groups = Groups::estimate(account, known.records, reserve);
    account.release(order.into_iter().chain([assignment]));
    groups
}

/// Bytes of temporary files without which no clustering of these records can be.
pub(crate) fn least_temporary(known: &Known) -> u64 {
    let residues = if known.longest < LONGEST { known.residues } else { 0 };
    order::table_bytes(known.records, residues)
}
