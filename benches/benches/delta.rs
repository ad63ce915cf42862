//! Deltas of clusters that another program found: their bytes, and the time to make them, to give all records back, and
//! to look one up.
//!
//!     cargo bench -p talaria-db-benches --bench delta -- CONTAINER TABLE OUTPUT
//!
//! `TABLE` has a representative and a member a line, by any of their names, as `mmseqs createtsv` writes it. `OUTPUT`
//! is written. Prints bytes by part, bits a residue of what is told, and times; nothing without arguments.

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use talaria_db::read::export::ExportOptions;
use talaria_db::read::stream::StreamKind;
use talaria_db::reduce::{Output, Reduction};
use talaria_db::{Compression, Database};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [input, table, output, rest @ ..] = &arguments[..] else { return Ok(()) };
    let level = rest.first().map_or(Ok(Compression::Zstd(1)), |codec| Compression::parse(codec))?;
    let database = Database::open(input)?;
    let text = std::fs::read_to_string(table)?;
    let names: Vec<&str> = text.lines().flat_map(|line| line.split('\t').take(2)).collect();
    let matches = database.find_many(&names)?;
    let ordinals: Vec<Option<u64>> = (0..names.len()).map(|index| matches.get(index).first().copied()).collect();
    let pairs = ordinals.chunks_exact(2).filter_map(|pair| Some((pair[0]?, pair[1]?)));
    let pairs: Vec<(u64, u64)> = pairs.filter(|(representative, member)| representative != member).collect();
    let mut out = std::io::stdout().lock();
    let start = Instant::now();
    let report = Reduction::new(input, Output::Container(output.into())).members(pairs).compression(level).run()?;
    writeln!(out, "stages {:?}, in all {:?}", report.stages, start.elapsed())?;
    let reduced = Database::open(output)?;
    let statistics = reduced.statistics()?;
    writeln!(out, "container {} -> {} bytes", report.input_bytes, report.output_bytes)?;
    for kind in StreamKind::ALL {
        for group in reduced.block_groups(kind)? {
            let (name, packing, codec) = (kind.name(), group.packing.name(), group.codec.name());
            writeln!(
                out,
                "{name} {packing} {codec}: {} blocks, {} -> {} bytes",
                group.blocks, group.decoded, group.stored
            )?;
        }
    }
    let (mut told, mut depths, mut shared) = (0, [0_u64; 9], 0);
    for ordinal in 0..reduced.len() {
        if let Some((_, depth)) = reduced.delta_of(ordinal)? {
            if reduced.header_entry(ordinal)?.is_shared() {
                shared += 1;
                continue;
            }
            depths[usize::from(depth)] += 1;
            told += reduced.sequence_length(ordinal)?;
        }
    }
    let stored: u64 = reduced.block_groups(StreamKind::Delta)?.iter().map(|group| group.stored).sum();
    let references: u64 = reduced.block_groups(StreamKind::Sequence)?.iter().map(|group| group.stored).sum();
    let distinct = told + statistics.stored_residues;
    writeln!(
        out,
        "deltas {depths:?}, shared among them {shared}, residues told {told}, stored {}",
        statistics.stored_residues
    )?;
    writeln!(
        out,
        "{:.3} bits a residue told; references and deltas {} bytes, {:.4} a distinct residue",
        stored as f64 * 8.0 / told.max(1) as f64,
        stored + references,
        (stored + references) as f64 / distinct as f64
    )?;
    for path in [input, output] {
        let database = Database::open(path)?;
        let start = Instant::now();
        let bytes = database.export(&mut std::io::sink(), &ExportOptions::default())?;
        let taken = start.elapsed();
        writeln!(out, "export {path}: {taken:?}, {:.0} MB/s", bytes as f64 / 1e6 / taken.as_secs_f64())?;
        let database = Database::open(path)?;
        let start = Instant::now();
        let (mut at, count) = (1_u64, 20_000);
        for _ in 0..count {
            at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            database.record((at >> 33) % database.len())?;
        }
        writeln!(out, "lookup {path}: {:.1} us", start.elapsed().as_secs_f64() * 1e6 / f64::from(count))?;
    }
    Ok(())
}
