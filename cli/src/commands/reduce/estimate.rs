//! What a reduction would take: for programs as JSON, for people as lines on standard output.

use serde_json::{Value, json};
use talaria_db::reduce::{Estimate, SortEstimate, StageEstimate};

use crate::failure::Result;
use crate::output::Output;
use crate::sizes;

/// The whole estimate.
pub(super) fn as_json(estimate: &Estimate) -> Value {
    let sort = |sort: &SortEstimate| {
        json!({
            "what": sort.what,
            "records_at_most": sort.records,
            "memory": sort.memory,
            "runs_at_most": sort.runs,
            "merges_before_the_last_at_most": sort.merges,
            "passes_at_most": sort.passes,
            "temporary_at_most": sort.temporary,
        })
    };
    let stage = |stage: &StageEstimate| {
        json!({
            "stage": stage.stage,
            "round": stage.round,
            "items_at_most": stage.items,
            "items": stage.unit,
            "memory_at_most": stage.memory,
            "temporary_at_most": stage.temporary,
            "sorts": stage.sorts.iter().map(sort).collect::<Vec<_>>(),
        })
    };
    json!({
        "records": estimate.records,
        "residues": estimate.residues,
        "guessed": estimate.guessed,
        "limit": estimate.limit,
        "least_memory": estimate.least_memory,
        "memory_at_most": estimate.memory,
        "temporary_at_most": estimate.temporary,
        "temporary_at_least": estimate.least_temporary,
        "temporary_containers_at_most": estimate.containers,
        "temporary_limit": estimate.temporary_limit,
        "temporary_folder": estimate.folder.to_string_lossy(),
        "free_space": estimate.free_space,
        "sorted_runs_at_most": estimate.sorted_runs(),
        "stages": estimate.stages.iter().map(stage).collect::<Vec<_>>(),
    })
}

/// Prints it.
pub(super) fn print(estimate: &Estimate) -> Result<()> {
    let mut output = Output::stdout()?;
    let guessed = if estimate.guessed { " (a guess from the size and the beginning of the file)" } else { "" };
    writeln!(
        output,
        "input: {}, {}{guessed}",
        sizes::counted(estimate.records, "record"),
        sizes::counted(estimate.residues, "residue")
    )?;
    let (limit, least) = (sizes::bytes(estimate.limit), sizes::bytes(estimate.least_memory));
    let verdict =
        if estimate.least_memory <= estimate.limit { "enough" } else { "too little; what follows is for the least" };
    writeln!(
        output,
        "memory: limit {limit}, least {least}: {verdict}; up to {} in use",
        sizes::bytes(estimate.memory)
    )?;
    let limit = estimate
        .temporary_limit
        .map_or_else(|| "no limit".to_owned(), |limit| format!("limit {}", sizes::bytes(limit)));
    let containers = match estimate.containers {
        0 => String::new(),
        bytes => format!(" and {} of a container", sizes::bytes(bytes)),
    };
    let verdict = if estimate.has_room() { "enough" } else { "maybe too little" };
    writeln!(
        output,
        "temporary files: up to {}{containers} in {} ({limit}, {} free: {verdict})",
        sizes::bytes(estimate.temporary),
        estimate.folder.display(),
        sizes::bytes(estimate.free_space)
    )?;
    for stage in &estimate.stages {
        let round = stage.round.map_or_else(String::new, |round| format!(", round {round}"));
        writeln!(
            output,
            "{}{round}: up to {} {}, memory up to {}, temporary files up to {}",
            stage.stage,
            sizes::number(stage.items),
            stage.unit,
            sizes::bytes(stage.memory),
            sizes::bytes(stage.temporary)
        )?;
        for sort in &stage.sorts {
            let passes = match sort.runs {
                0 => "all in memory".to_owned(),
                runs => format!(
                    "up to {}, {}, {} on disk",
                    sizes::counted(runs, "sorted run"),
                    if sort.passes == 1 { "1 pass".to_owned() } else { format!("{} passes", sort.passes) },
                    sizes::bytes(sort.temporary)
                ),
            };
            let (records, memory) = (sizes::number(sort.records), sizes::bytes(sort.memory));
            writeln!(output, "  {}: up to {records} sorted with {memory}: {passes}", sort.what)?;
        }
    }
    Ok(output.finish()?)
}
