//! What a clustering takes, before it runs.

use super::candidates::Hubs;
use super::graph::Graph;
use super::{Clustering, assign, candidates, cover, order, plan, selecting};
use crate::align::{AlignmentPool, LONGEST, Scoring};
use crate::reduce::estimate::Known;
use crate::reduce::estimate::account::{Account, Held};
use crate::reduce::groups::Groups;

/// What [`super::group`] takes, for a choice of references if `selects`; the groups stay.
pub(crate) fn estimate(
    account: &mut Account,
    known: &Known,
    clustering: &Clustering,
    selects: bool,
    reserve: u64,
) -> Vec<Held> {
    let order = order::estimate(account, known, assign::MEMORY);
    let assignment = account.hold(known.records.saturating_mul(assign::MEMORY));
    let weights = account.hold(if selects { known.records.saturating_mul(selecting::MEMORY) } else { 0 });
    // Idle aligners are as good as a cache, but there while others align.
    account.optional = account.optional.saturating_add(AlignmentPool::most_idle(account.limit()));
    let scoring = Scoring::of(known.alphabet);
    let plan = match selects {
        true => plan::selection(scoring, &clustering.criterion, clustering.sensitive),
        false => plan::plan(scoring, &clustering.criterion, clustering.sensitive),
    };
    let mut number = 0;
    let aligners = |account: &mut Account| assign::aligning_memory(known.longest, account.threads, account.available());
    if let Some(round) = plan.graph.last() {
        number += 1;
        let edges = candidates::estimate(account, known, &plan.graph, Hubs::Three, number);
        account.begin("aligning", Some(number), known.records, "records");
        let links = Graph::estimate(account, known, round);
        let aligners = aligners(account);
        let aligners = account.hold(aligners);
        let table = Graph::estimate_table(account, known, round);
        account.release(links.into_iter().chain([edges, aligners]));
        account.begin("choosing", Some(number), known.records, "records");
        let choosing = account.hold(known.records.saturating_mul(cover::MEMORY));
        account.release([table, choosing]);
    }
    for round in &plan.rounds {
        number += 1;
        let edges = candidates::estimate(account, known, std::slice::from_ref(round), Hubs::Two, number);
        account.begin("aligning", Some(number), known.records, "records");
        let aligners = aligners(account);
        let aligners = account.hold(aligners);
        account.release([edges, aligners]);
    }
    account.begin("gathering clusters", None, known.records, "records");
    account.release([weights]);
    let sizes = account.hold(known.records.saturating_mul(4));
    let mut groups = Groups::estimate(account, known.records, reserve);
    if selects {
        // Under whoever has the residues, if records that none stands for have the same.
        groups.extend(Groups::estimate(account, known.records, reserve));
    }
    account.release(order.into_iter().chain([assignment, sizes]));
    groups
}

/// Bytes of temporary files without which no clustering of these records can be.
pub(crate) fn least_temporary(known: &Known) -> u64 {
    let residues = if known.longest < LONGEST { known.residues } else { 0 };
    order::table_bytes(known.records, residues)
}
