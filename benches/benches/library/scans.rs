//! Scans of all records, decoded anew each time.

use std::hint::black_box;
use std::io::Write;
use std::path::Path;

use talaria_db::Database;
use talaria_db::memory::settings::MemorySettings;
use talaria_db::read::stats::BlockGroup;
use talaria_db::read::stream::StreamKind;
use talaria_db::spec::block::{Codec, Packing};
use talaria_db::threads::Workers;

use crate::{Outcome, time};

/// Of residues alone and with header texts, with one thread and with as many as there are. `residues` and `texts` are
/// the seconds that decoding all blocks of each takes with nothing around it.
pub(crate) fn scans(path: &Path, residues: f64, texts: f64, out: &mut impl Write) -> Outcome<()> {
    let database = Database::open(path)?;
    let groups = database.block_groups(StreamKind::Sequence)?;
    let decoded = |wanted: &dyn Fn(&BlockGroup) -> bool| -> u64 {
        groups.iter().filter(|group| wanted(group)).map(|group| group.decoded).sum()
    };
    let most = |wanted: &dyn Fn(&BlockGroup) -> bool| decoded(wanted) * 2 > decoded(&|_| true);
    let is_zstd = most(&|group| group.codec == Codec::Zstd);
    let is_packed = most(&|group| group.packing != Packing::Bytes && group.codec == Codec::None);
    let available = std::thread::available_parallelism()?.get();
    for (name, with_texts, alone) in [("scan", false, residues), ("scan with header texts", true, residues + texts)] {
        for threads in [1, available] {
            let workers = Workers::start(threads, database.budget(), &MemorySettings::default())?;
            let seconds = time(|| {
                // Opened anew, as its cache would have blocks of the last time.
                let database = Database::open(path)?;
                let visit = || match with_texts {
                    true => database.scan(|record| {
                        black_box((record.header, record.residues));
                        Ok(())
                    }),
                    false => database.scan_residues(|record| {
                        black_box(record.residues);
                        Ok(())
                    }),
                };
                Ok(workers.install(visit)?)
            })?;
            let speed = database.residue_count() as f64 / seconds / 1e9 / threads as f64;
            if threads == 1 {
                writeln!(out, "{name}, one thread\t{speed:.3}\tGB/s")?;
                if is_zstd {
                    writeln!(out, "{name} over codec\t{:.3}\tof the codec", alone / seconds)?;
                }
            } else {
                writeln!(out, "{name}, {threads} threads, each\t{speed:.3}\tGB/s")?;
            }
            if threads == available && is_packed {
                writeln!(out, "{name}, packed\t{speed:.3}\tGB/s")?;
            }
        }
    }
    Ok(())
}
