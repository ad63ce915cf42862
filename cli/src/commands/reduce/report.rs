//! What a reduction came to: for programs as JSON, for people as lines.

use std::path::Path;

use serde_json::{Value, json};
use talaria_db::reduce::{ReductionReport, RoundReport};

use crate::message::say;
use crate::sizes;

/// The whole report. Identities are shares of one.
pub(in crate::commands) fn as_json(report: &ReductionReport) -> Value {
    let sizes: Vec<Value> =
        report.sizes.iter().map(|(most, count)| json!({ "records_at_most": most, "clusters": count })).collect();
    let quantiles: Vec<Value> = report
        .identity_quantiles
        .iter()
        .map(|&(percent, identity)| json!({ "percent": percent, "identity": f64::from(identity) / 10_000.0 }))
        .collect();
    let stage = |stage: &talaria_db::reduce::StageReport| json!({ "stage": stage.name, "seconds": stage.time.as_secs_f64(), "peak_memory": stage.peak_memory });
    let stages: Vec<Value> = report.stages.iter().map(stage).collect();
    let round = |round: &RoundReport| {
        json!({
            "representatives": round.representatives,
            "words": round.words,
            "pairs": round.pairs,
            "cut_groups": round.cut_groups,
            "joined": round.joined,
            "refused": round.refused,
        })
    };
    let rounds: Vec<Value> = report.rounds.iter().map(round).collect();
    json!({
        "method": report.method.name(),
        "records": report.records,
        "references": report.references,
        "update": report.update.map(|update| json!({
            "old_records": update.old_records,
            "old_references": update.old_references,
            "new_records": update.new_records,
            "joined_old": update.joined_old,
            "new_references": update.new_references,
        })),
        "unknown_preferred": report.unknown_preferred,
        "unknown_taxa": report.unknown_taxa,
        "references_only": report.references_only,
        "residues": report.residues,
        "reference_residues": report.reference_residues,
        "unrepresented": report.unrepresented,
        "covered_residues": report.covered_residues,
        "cluster_sizes": sizes,
        "identity_quantiles": quantiles,
        "input_bytes": report.input_bytes,
        "output_bytes": report.output_bytes,
        "sequence_bytes": report.sequence_bytes,
        "delta_bytes": report.delta_bytes,
        "peak_memory": report.peak_memory,
        "peak_spill": report.peak_spill,
        "sorted_runs": report.sorted_runs,
        "rounds": rounds,
        "rounds_resumed": report.resumed.rounds,
        "stages": stages,
    })
}

/// How many records there are, and how many references and residues of them are left.
pub(in crate::commands) fn say_references(output: &Path, report: &ReductionReport) {
    say(format_args!(
        "{}: {}, {}, {} of {} residues ({})",
        output.display(),
        sizes::counted(report.records, "record"),
        sizes::counted(report.references, "reference"),
        sizes::number(report.reference_residues),
        sizes::number(report.residues),
        sizes::percent(report.reference_residues, report.residues),
    ));
}

/// How large the clusters are, how alike their records, what each round did and cut, and where the bytes and the time
/// went.
pub(in crate::commands) fn say_clusters(report: &ReductionReport) {
    let mut before = 0;
    let mut classes = Vec::new();
    for &(most, count) in &report.sizes {
        // Classes that are empty are not listed, so that the one before may be another than half.
        let least = most / 2 + 1;
        let range = if least >= most { most.to_string() } else { format!("{}-{most}", least.max(before + 1)) };
        classes.push(format!("{} of {range}", sizes::number(count)));
        before = most;
    }
    say(format_args!("clusters by records: {}", classes.join(", ")));
    if let [(_, least), rest @ ..] = &report.identity_quantiles[..] {
        let shares: Vec<String> =
            rest.iter().map(|(percent, identity)| format!("{percent} % up to {}", share(*identity))).collect();
        say(format_args!("identity of members: from {}, {}", share(*least), shares.join(", ")));
    }
    if report.sequence_bytes + report.delta_bytes > 0 {
        say(format_args!(
            "{} of residues, {} of deltas",
            sizes::bytes(report.sequence_bytes),
            sizes::bytes(report.delta_bytes)
        ));
    }
    for (number, round) in (1..).zip(&report.rounds) {
        let cut = match round.cut_groups {
            0 => String::new(),
            count => format!(
                ", {} with too many records to be compared at once: cut into parts",
                sizes::counted(count, "word")
            ),
        };
        say(format_args!(
            "round {number}: {} of {} joined, {} and {} compared{cut}",
            sizes::number(round.joined),
            sizes::counted(round.representatives, "record"),
            sizes::counted(round.words, "word"),
            sizes::counted(round.pairs, "pair"),
        ));
    }
    let stages: Vec<String> = report
        .stages
        .iter()
        .map(|stage| {
            let (seconds, memory) = (stage.time.as_secs_f64(), sizes::bytes(stage.peak_memory));
            format!("{} {seconds:.1} s (memory up to {memory})", stage.name)
        })
        .collect();
    say(format_args!("{}", stages.join(", ")));
}

/// Ten-thousandths as a share with three decimals, rounded down.
fn share(identity: u16) -> String {
    format!("{}.{:03}", identity / 10_000, identity % 10_000 / 10)
}
