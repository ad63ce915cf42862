//! `talaria-db verify`: what is damaged, and what can still be read.

use clap::Args;
use talaria_db::Database;
use talaria_db::read::verify::{Level, Verification};

use crate::exit::Exit;
use crate::failure::Result;
use crate::open::DatabaseFlags;
use crate::output::Output;
use crate::sizes;

/// Most damaged blocks that are listed.
const MOST_BLOCKS: usize = 20;

/// Check a container: every checksum, every record and name, the digest of every source
#[derive(Debug, Args)]
#[command(after_help = "\
Ends with exit code 4 if anything is damaged.

Examples:
  talaria-db verify uniref50.talaria
  talaria-db verify --quick nr.talaria")]
pub(crate) struct VerifyFlags {
    /// Checksums and places only; nothing is decoded
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    database: DatabaseFlags,
}

impl VerifyFlags {
    /// Checks.
    pub(crate) fn run(&self) -> Result<Exit> {
        let database = self.database.open()?;
        self.database.start_threads()?;
        let monitor = self.database.start_monitor(None)?;
        let level = if self.quick { Level::Checksums } else { Level::Everything };
        let verification = database.verify(level)?;
        let mut output = Output::stdout()?;
        let sound = verification.is_sound();
        if sound {
            report_sound(&mut output, &database, &verification)
        } else {
            report_damage(&mut output, &database, &verification, level)
        }?;
        output.finish()?;
        monitor.finish_reading(&database)?;
        Ok(if sound { Exit::Done } else { Exit::Damaged })
    }
}

fn report_sound(output: &mut Output, database: &Database, verification: &Verification) -> Result<()> {
    let mut parts = vec![
        sizes::counted(database.len(), "record"),
        sizes::counted(database.residue_count(), "residue"),
        sizes::counted(verification.pages, "page"),
        sizes::counted(verification.blocks, "block"),
    ];
    if verification.sources > 0 {
        parts.push(sizes::counted(verification.sources, "source digest"));
    }
    writeln!(output, "{}: ok: {}", database.path().display(), parts.join(", "))?;
    Ok(())
}

fn report_damage(output: &mut Output, database: &Database, found: &Verification, level: Level) -> Result<()> {
    for problem in &found.problems {
        writeln!(output, "{problem}")?;
    }
    let path = database.path().display();
    let unlisted = found.problem_count - found.problems.len() as u64;
    if unlisted > 0 {
        writeln!(output, "{path}: and {}", sizes::counted(unlisted, "further problem"))?;
    }
    if !found.damaged_blocks.is_empty() {
        let listed = found.damaged_blocks.iter().take(MOST_BLOCKS);
        let list: Vec<String> = listed.map(|(kind, number)| format!("{} {number}", kind.name())).collect();
        let more = if found.damaged_blocks.len() > MOST_BLOCKS { ", ..." } else { "" };
        let count = sizes::counted(found.damaged_blocks.len() as u64, "damaged block");
        writeln!(output, "{path}: {count}: {}{more}", list.join(", "))?;
    }
    if level == Level::Everything {
        let readable = database.len().saturating_sub(found.unreadable_records);
        let (readable, all) = (sizes::number(readable), sizes::counted(database.len(), "record"));
        writeln!(output, "{path}: {readable} of {all} can be read")?;
        if found.unreadable_records > 0 {
            let ranges: Vec<String> = found
                .unreadable_ranges
                .iter()
                .map(|range| match range.end - range.start {
                    1 => range.start.to_string(),
                    _ => format!("{}-{}", range.start, range.end - 1),
                })
                .collect();
            let listed: u64 = found.unreadable_ranges.iter().map(|range| range.end - range.start).sum();
            let more = if listed < found.unreadable_records { ", ..." } else { "" };
            writeln!(output, "{path}: not these, by number: {}{more}", ranges.join(", "))?;
        }
    }
    writeln!(output, "{path}: damaged: {}", sizes::counted(found.problem_count, "problem"))?;
    Ok(())
}
