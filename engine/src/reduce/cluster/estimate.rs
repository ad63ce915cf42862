//! What a clustering takes, before it runs.

use super::candidates::Hubs;
use super::graph::Graph;
use super::{Clustering, assign, assignment, candidates, cover, least_beside, order, plan, selecting};
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
    let keep = least_beside(known.records, known.longest.min(LONGEST), selects);
    let order = order::estimate(account, known, keep);
    let assignment: Vec<Held> = (0..5).map(|_| account.column(known.records, assignment::COLUMNS / 5, keep)).collect();
    let mut selecting = Vec::new();
    if selects {
        selecting.push(account.hold(known.records.saturating_mul(selecting::MEMORY)));
        selecting.push(account.column(known.records, 8, keep));
    }
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
        let links = Graph::estimate(account, known, round, keep);
        let aligners = aligners(account);
        let aligners = account.hold(aligners);
        let table = Graph::estimate_table(account, known, round, keep);
        account.release(links.into_iter().chain([edges, aligners]));
        account.begin("choosing", Some(number), known.records, "records");
        let choosing = account.hold(known.records.saturating_mul(cover::MEMORY));
        let counts = account.column(known.records, 4, keep);
        account.release(table.into_iter().chain([choosing, counts]));
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
    account.release(selecting);
    let sizes = account.column(known.records, 4, keep);
    let mut groups = Groups::estimate(account, known.records, reserve);
    if selects {
        // Under whoever has the residues, if records that none stands for have the same.
        groups.extend(Groups::estimate(account, known.records, reserve));
    }
    account.release(order.into_iter().chain(assignment).chain([sizes]));
    groups
}

/// Bytes of temporary files without which no clustering of these records can be.
pub(crate) fn least_temporary(known: &Known) -> u64 {
    let residues = if known.longest < LONGEST { known.residues } else { 0 };
    order::table_bytes(known.records, residues)
}
