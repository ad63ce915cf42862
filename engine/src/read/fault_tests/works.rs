//! What a container can be asked, each with its answer as text that is the same every time.

use std::fmt::Write as _;
use std::sync::Mutex;

use talaria_db_spec::columns::first_word_length;

use crate::read::export::{ExportOptions, Lines, Selection};
use crate::read::filter::Filter;
use crate::read::stream::StreamKind;
use crate::read::verify::Level;
use crate::{Column, Database, Error, Result};

pub(super) type Work = fn(&Database) -> Result<String>;

pub(super) const WORKS: [(&str, Work); 15] = [
    ("one by one", one_by_one),
    ("regions", regions),
    ("names", names),
    ("many names", many_names),
    ("batch", batch),
    ("written in order", written),
    ("scan", scan),
    ("scan of residues", scan_residues),
    ("export", export),
    ("export of some", export_some),
    ("columns", columns),
    ("statistics", statistics),
    ("sources", sources),
    ("clusters", clusters),
    ("verify", verify),
];

fn first_word(header: &[u8]) -> &[u8] {
    &header[..first_word_length(header)]
}

fn line(header: &[u8], residues: &[u8]) -> String {
    format!("{} {}\n", header.escape_ascii(), residues.escape_ascii())
}

/// The last ones first, and some twice.
fn all_and_again(database: &Database) -> Vec<u64> {
    (0..database.len()).rev().chain((0..database.len()).step_by(3)).collect()
}

fn one_by_one(database: &Database) -> Result<String> {
    let mut answer = String::new();
    for ordinal in 0..database.len().min(24) {
        let record = database.record(ordinal)?;
        answer += &line(record.header().as_bytes(), record.sequence().as_bytes());
    }
    Ok(answer)
}

fn regions(database: &Database) -> Result<String> {
    let mut answer = String::new();
    for ordinal in (0..database.len()).rev().take(24) {
        let length = database.sequence_length(ordinal)?;
        answer += &line(b"", database.region(ordinal, length / 3..length - length / 4)?.as_bytes());
        database.for_each_residues(ordinal, length / 4..length, |piece| {
            answer += &line(b"", piece);
            Ok(())
        })?;
    }
    Ok(answer)
}

fn names(database: &Database) -> Result<String> {
    let mut answer = format!("{:?}", database.find("nobody")?);
    for ordinal in (0..database.len()).take(12) {
        let header = database.header(ordinal)?;
        for record in database.get(first_word(header.as_bytes()))? {
            let _ = write!(answer, "{} ", record.ordinal());
            answer += &line(record.header().as_bytes(), record.sequence().as_bytes());
        }
    }
    Ok(answer)
}

fn many_names(database: &Database) -> Result<String> {
    let ordinals: Vec<u64> = (0..database.len()).collect();
    let headers = database.headers(&ordinals)?;
    let names: Vec<&[u8]> =
        headers.iter().map(|header| first_word(header.as_bytes())).chain([&b"nobody"[..]]).collect();
    let found = database.find_many(&names)?;
    let mut answer = format!("{:?} {:?}\n", found.iter().collect::<Vec<_>>(), database.sizes(found.ordinals())?);
    database.for_each_record(found.ordinals(), |record| {
        answer += &line(record.header, record.residues);
        Ok::<(), Error>(())
    })?;
    Ok(answer)
}

fn batch(database: &Database) -> Result<String> {
    let records = database.batch(&all_and_again(database))?;
    Ok(records.iter().map(|record| line(record.header().as_bytes(), record.sequence().as_bytes())).collect())
}

fn written(database: &Database) -> Result<String> {
    let mut answer = Vec::new();
    database.write_records(
        &all_and_again(database),
        |index, record, out| {
            out.extend_from_slice(format!("{index} {}", line(record.header, record.residues)).as_bytes());
            Ok(())
        },
        |bytes| {
            answer.extend_from_slice(bytes);
            Ok(())
        },
    )?;
    Ok(String::from_utf8(answer).unwrap())
}

fn scan(database: &Database) -> Result<String> {
    let seen = Mutex::new(Vec::new());
    database.scan(|record| {
        seen.lock().unwrap().push((record.ordinal, record.shared, line(record.header, record.residues)));
        Ok(())
    })?;
    Ok(sorted(seen))
}

fn scan_residues(database: &Database) -> Result<String> {
    let seen = Mutex::new(Vec::new());
    database.scan_residues(|record| {
        seen.lock().unwrap().push((record.ordinal, record.shared, line(b"", record.residues)));
        Ok(())
    })?;
    Ok(sorted(seen))
}

fn sorted(seen: Mutex<Vec<(u64, bool, String)>>) -> String {
    let mut seen = seen.into_inner().unwrap();
    seen.sort_unstable();
    format!("{seen:?}")
}

fn export(database: &Database) -> Result<String> {
    let mut answer = String::new();
    for lines in [ExportOptions::default().lines, Lines::Width(0), Lines::Width(7)] {
        let mut bytes = Vec::new();
        database.export(&mut bytes, &ExportOptions { lines, ..ExportOptions::default() })?;
        let _ = writeln!(answer, "{}", bytes.escape_ascii());
    }
    Ok(answer)
}

fn export_some(database: &Database) -> Result<String> {
    let mut answer = String::new();
    let asked = [
        ExportOptions { selection: Selection::References, ..ExportOptions::default() },
        ExportOptions { filter: some(database), ..ExportOptions::default() },
        ExportOptions { source: database.sources()?.len().checked_sub(1), ..ExportOptions::default() },
    ];
    for options in asked {
        let mut bytes = Vec::new();
        database.export(&mut bytes, &options)?;
        let _ = writeln!(answer, "{}", bytes.escape_ascii());
    }
    Ok(answer)
}

/// Matches some of the records, by the columns that there are.
fn some(database: &Database) -> Filter {
    let kept = database.columns_kept();
    Filter {
        length: 5..=100,
        gc_content: kept.contains(Column::GcContent).then_some(0.0..=0.6),
        complexity: kept.contains(Column::Complexity).then_some(0.3..=1.0),
    }
}

fn columns(database: &Database) -> Result<String> {
    let filter = some(database);
    let mut answer = format!("{:?}\n", database.select(&filter)?.collect::<Result<Vec<_>>>()?);
    for ordinal in 0..database.len() {
        let _ = writeln!(
            answer,
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            database.header_entry(ordinal)?,
            database.sequence_length(ordinal)?,
            database.sequence_address(ordinal)?,
            database.gc_content(ordinal)?,
            database.complexity(ordinal)?,
            database.layout_of(ordinal)?,
            database.delta_of(ordinal)?,
            database.matches(&filter, ordinal)?,
        );
    }
    Ok(answer)
}

fn statistics(database: &Database) -> Result<String> {
    let mut answer = format!("{:?}\n", database.statistics()?);
    for kind in StreamKind::ALL {
        let _ = writeln!(answer, "{:?} {:?}", database.block_groups(kind)?, database.directory_entry(kind, 0)?);
    }
    Ok(answer)
}

fn sources(database: &Database) -> Result<String> {
    Ok(format!("{:?} {:?}", database.sources()?, database.provenance()?))
}

fn clusters(database: &Database) -> Result<String> {
    if !database.is_reduced() {
        return Ok(String::new());
    }
    let clusters = database.clusters()?;
    let ordinals: Vec<u64> = (0..database.len()).collect();
    let mut answer = format!("{:?}\n", clusters.memberships(&ordinals)?);
    let mut pairs = Vec::new();
    clusters.for_each_member(|member, above| {
        pairs.push((member, above.representative, above.similarity));
        Ok(())
    })?;
    pairs.sort_unstable_by_key(|pair| pair.0);
    let _ = writeln!(answer, "{pairs:?}");
    for ordinal in ordinals {
        let members: Vec<_> = clusters.members(ordinal)?.collect::<Result<_>>()?;
        let above = clusters.membership(ordinal)?;
        let likely = above.map_or(0, |above| above.representative);
        assert_eq!(clusters.membership_beside(ordinal, likely)?, above);
        let _ = writeln!(answer, "{above:?} {} {members:?}", clusters.member_count(ordinal)?);
    }
    Ok(answer)
}

/// Every problem is an error, and of several one that no fault explains.
fn verify(database: &Database) -> Result<String> {
    let mut answer = String::new();
    for level in [Level::Checksums, Level::Everything] {
        let found = database.verify(level)?;
        let _ = writeln!(answer, "{} {} {}", found.pages, found.blocks, found.sources);
        assert_eq!(found.is_sound(), found.problems.is_empty());
        let explained = |problem: &Error| matches!(problem, Error::Io { .. } | Error::Memory { .. });
        if let Some(problem) = found.problems.into_iter().min_by_key(explained) {
            return Err(problem);
        }
    }
    Ok(answer)
}
