//! What a reduction came to, in a few lines for people.

use talaria_db::reduce::ReductionReport;

use super::{ReduceFlags, report};
use crate::message::say;
use crate::sizes;

impl ReduceFlags {
    /// Says what came of it.
    pub(super) fn summarize(&self, report: &ReductionReport, fasta: bool) {
        report::say_references(&self.output, report);
        if let Some(update) = &report.update {
            say(format_args!(
                "{}: {} of old, {} new: {} joined references of old, {}",
                self.output.display(),
                sizes::counted(update.old_records, "record"),
                sizes::number(update.new_records),
                sizes::number(update.joined_old),
                sizes::counted(update.new_references, "new reference"),
            ));
        }
        if report.unrepresented > 0 {
            say(format_args!(
                "{}: {} that no reference stands for; references and members have {} of {} residues ({})",
                self.output.display(),
                sizes::counted(report.unrepresented, "record"),
                sizes::number(report.covered_residues),
                sizes::number(report.residues),
                sizes::percent(report.covered_residues, report.residues),
            ));
        }
        if let Some(folder) = &self.resume {
            let folder = folder.display();
            match (report.resumed.rounds, report.resumed.damaged) {
                (_, true) => say(format_args!("{folder}: what was kept there is damaged; all was done anew")),
                (0, _) => {}
                (rounds, _) => {
                    say(format_args!("{folder}: went on after {}", sizes::counted(rounds as u64, "finished round")))
                }
            }
        }
        if report.placement.aware {
            say(format_args!("{}", report.placement));
        }
        let unknown = [(&self.prefer_list, report.unknown_preferred), (&self.selection.taxon_map, report.unknown_taxa)];
        for (list, count) in unknown {
            if let (Some(list), 1..) = (list, count) {
                say(format_args!("{}: {} that no record has", list.display(), sizes::counted(count, "name")));
            }
        }
        if report.references_only && report.references < report.records {
            let with = if fasta { "a container alone" } else { "a container made without --no-deltas" };
            say(format_args!(
                "{}: references only; the other {} are in {}, and all can be given back from {with}",
                self.output.display(),
                sizes::counted(report.records - report.references, "record"),
                self.sources(),
            ));
            if report.unrepresented > 0 {
                say(format_args!(
                    "{}: {} that no reference stands for left out: a search of the references cannot lead to any of them",
                    self.output.display(),
                    sizes::counted(report.unrepresented, "record"),
                ));
            }
        }
    }

    /// Where the records are from, for people.
    fn sources(&self) -> String {
        let old = self.update.iter().map(|old| format!("{} and ", old.display()));
        old.chain([self.input.path().display().to_string()]).collect()
    }
}
