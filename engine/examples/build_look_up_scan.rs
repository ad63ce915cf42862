//! Build a container from FASTA, look records up, scan all of them.
//!
//! `cargo run --release --example build_look_up_scan -- IN.fasta OUT.talaria [NAME ...]`

use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use talaria_db::memory::budget::Budget;
use talaria_db::{Builder, OpenOptions, Result};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(fasta), Some(container)) = (arguments.next(), arguments.next()) else {
        return fail("usage: build_look_up_scan IN.fasta OUT.talaria [NAME ...]");
    };
    let names: Vec<Vec<u8>> = arguments.map(std::ffi::OsString::into_encoded_bytes).collect();
    match run(fasta.as_ref(), container.as_ref(), &names) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

fn run(fasta: &std::path::Path, container: &std::path::Path, names: &[Vec<u8>]) -> Result<()> {
    // Build: everything that it needs is leased from this budget, and the file is the same whatever the limit.
    let budget = Budget::new(128 << 20);
    let report = Builder::new(container).add_fasta(fasta).budget(budget.clone()).finish()?;
    say(format_args!("{} records, {} residues, {} bytes", report.records, report.residues, report.file_length));

    // Look up: by any of the names in a record's header, or by number.
    let database = OpenOptions::new().cache(16 << 20).budget(budget).open(container)?;
    for name in names {
        let records = database.get(name)?;
        say(format_args!("{}: {} records", String::from_utf8_lossy(name), records.len()));
        for record in records {
            let header = String::from_utf8_lossy(record.header()).into_owned();
            let start = record.sequence().substring(0..60);
            say(format_args!("  {}: {header}\n  {}", record.ordinal(), String::from_utf8_lossy(&start)));
        }
    }

    // Scan: all records, by several threads, in no particular order.
    let (longest, tryptophans) = (AtomicU64::new(0), AtomicU64::new(0));
    database.scan(|record| {
        longest.fetch_max(record.residues.len() as u64, Ordering::Relaxed);
        let count = record.residues.iter().filter(|residue| residue.eq_ignore_ascii_case(&b'W')).count();
        tryptophans.fetch_add(count as u64, Ordering::Relaxed);
        Ok(())
    })?;
    say(format_args!("longest: {}, W: {}", longest.into_inner(), tryptophans.into_inner()));
    Ok(())
}

/// `println!` would panic on a closed pipe.
fn say(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn fail(error: impl std::fmt::Display) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{error}");
    ExitCode::FAILURE
}
