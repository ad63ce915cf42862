//! The end of a build: sealed, placed in another order if that is wanted, checked and published.

use super::{Run, start};
use crate::error::Result;
use crate::fasta::alphabet::Composition;
use crate::memory::placement::PlacementReport;
use crate::options::OpenOptions;
use crate::read::verify::Level;
use crate::sys::heap::release_freed_memory;
use crate::write::builder::{BuildReport, Progress, Settings};
use crate::write::check::check;
use crate::write::place::{self, Order, Placing};
use crate::write::preset::TEXT_BLOCK;
use crate::write::seal::Particulars;
use crate::write::sequences::Shape;

impl Run<'_> {
    /// Seals what was placed, in another order if that is wanted, reads it back, and publishes it.
    pub(super) fn seal(mut self) -> Result<BuildReport> {
        self.report("sealing");
        let assembler = match self.assembler.take() {
            Some(mut assembler) => {
                assembler.encode()?;
                self.ingest.confirm(&assembler)?;
                assembler
            }
            None => start(self.settings, &self.spill, &Composition::default(), &mut self.lease)?,
        };
        let shape = *assembler.shape();
        let mut provenance = vec![("writer".to_owned(), concat!("talaria-db ", env!("CARGO_PKG_VERSION")).to_owned())];
        self.commands.push(command(self.settings, &shape));
        provenance.extend(self.commands.drain(..).map(|command| ("command".to_owned(), command)));
        let particulars = Particulars {
            sources: std::mem::take(&mut self.sources),
            provenance,
            alphabet: self.settings.alphabet,
            features: 0,
        };
        let (records, residues) = (assembler.record_count(), assembler.residue_count());
        let Self { settings, spill, ingest, bytes_read, bytes_total, records_lease, inputs_lease, ordered, .. } = self;
        let lease = self.lease;
        let shared = ingest.shared();
        // Many records of one name take memory when names are sealed; that of inputs is free for it.
        drop((ingest, records_lease, inputs_lease));
        let mut output = assembler.seal(&particulars)?;
        let report = |stage| (settings.progress)(&Progress { stage, bytes_read, bytes_total, records, residues });
        let mut lease = Some(lease);
        if let Some(ordered) = ordered {
            // What building took is free for placing.
            lease = None;
            release_freed_memory();
            let options = OpenOptions::new().memory(settings.memory.clone()).cache(0).budget(settings.budget.clone());
            let (database, provenance) = (options.open(output.temporary())?, &particulars.provenance[..]);
            let placing =
                Placing { database: &database, spill: &spill, shape, provenance, progress: &report, follow: None };
            output = place::place(&placing, ordered)?;
        }
        if settings.verify {
            report("verifying");
        }
        let level = if settings.verify { Level::Everything } else { Level::Checksums };
        // What building took is free for checking.
        drop(lease);
        release_freed_memory();
        let database = check(&mut output, level, &settings.budget, &settings.memory)?;
        let report = BuildReport {
            records: database.len(),
            residues: database.residue_count(),
            shared,
            alphabet: database.alphabet(),
            file_length: database.container().header().file_length.get(),
            sources: particulars.sources,
            peak_memory: settings.budget.peak(),
            peak_spill: spill.peak_on_disk(),
            placement: PlacementReport::default(),
        };
        drop(database);
        output.publish()?;
        Ok(report)
    }
}

/// The command that makes such a container, for its provenance.
fn command(settings: &Settings<'_>, shape: &Shape) -> String {
    let mut command = format!("build --codec {} --block-size {}", shape.compression, shape.sequence_block);
    if let Some(alphabet) = settings.alphabet {
        command.push_str(&format!(" --alphabet {}", alphabet.name()));
    }
    if !settings.share {
        command.push_str(" --no-share");
    }
    if shape.text_block != TEXT_BLOCK {
        command.push_str(&format!(" --text-block-size {}", shape.text_block));
    }
    if shape.packed {
        command.push_str(" --packed-columns");
    }
    if settings.order != Order::Input {
        command.push_str(&format!(" --order {}", settings.order.name()));
    }
    if !settings.columns.is_empty() {
        command.push_str(&format!(" --columns {}", settings.columns));
    }
    command
}
