//! What a container must answer, and whether another one, which may be damaged, answers the same or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use talaria_db::read::export::{ExportOptions, Lines, Selection};
use talaria_db::read::filter::Filter;
use talaria_db::{Database, Error};
use talaria_db_spec::keys;

/// Every answer of a sound container.
#[derive(Debug)]
pub struct Expected {
    /// Header text and residues of each record.
    pub records: Vec<(Vec<u8>, Vec<u8>)>,
    /// The records that a lookup of each name gives.
    pub names: BTreeMap<Vec<u8>, Vec<u64>>,
    /// The bytes of all sources.
    pub original: Vec<u8>,
    /// FASTA with seven residues a line.
    pub narrow: Vec<u8>,
}

/// A name that nobody bears.
const ABSENT: &[u8] = b"there is no such name";

const NARROW: ExportOptions =
    ExportOptions { lines: Lines::Width(7), selection: Selection::All, filter: Filter::OPEN, source: None };

impl Expected {
    /// From header texts and residues, and the bytes of their sources. Nothing is asked of the engine.
    #[must_use]
    pub fn new(records: Vec<(Vec<u8>, Vec<u8>)>, original: Vec<u8>) -> Self {
        let mut ranked: BTreeMap<Vec<u8>, Vec<(keys::Rank, u64)>> = BTreeMap::new();
        let mut narrow = Vec::new();
        for (ordinal, (header, residues)) in records.iter().enumerate() {
            let mut names = BTreeSet::new();
            keys::for_each_name(header, |name, _| {
                names.insert(name);
            });
            for name in names {
                let rank = keys::rank_of(header, name).expect("a name of this header");
                ranked.entry(name.to_vec()).or_default().push((rank, ordinal as u64));
            }
            narrow.extend([b">", &header[..], b"\n"].concat());
            narrow.extend(residues.chunks(7).flat_map(|line| [line, b"\n"].concat()));
        }
        let lowest = |bearers: Vec<(keys::Rank, u64)>| {
            let best = bearers.iter().map(|(rank, _)| *rank).min();
            bearers.into_iter().filter(|(rank, _)| Some(*rank) == best).map(|(_, ordinal)| ordinal).collect()
        };
        let names = ranked.into_iter().map(|(name, bearers)| (name, lowest(bearers))).collect();
        Self { records, names, original, narrow }
    }

    /// From FASTA, read in the plainest way: for containers of this test's own making.
    #[must_use]
    pub fn of_fasta(original: &[u8]) -> Self {
        let text = original.strip_prefix(b"\xef\xbb\xbf").unwrap_or(original);
        let mut ends = text.iter().skip_while(|byte| !matches!(byte, b'\n' | b'\r'));
        let mac = ends.next() == Some(&b'\r') && ends.next() != Some(&b'\n');
        let mut records: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for line in text.split(|&byte| byte == if mac { b'\r' } else { b'\n' }) {
            let returns = line.iter().rev().take_while(|byte| **byte == b'\r').count();
            let line = &line[..line.len() - returns];
            match (line.split_first(), records.last_mut()) {
                (Some((b'>', header)), _) => records.push((header.to_vec(), Vec::new())),
                (Some((b';' | b'#', _)), _) => {}
                (_, Some((_, residues))) => residues.extend(line.iter().filter(|byte| byte.is_ascii_graphic())),
                (_, None) => assert!(!line.iter().any(u8::is_ascii_graphic), "text before the first record"),
            }
        }
        Self::new(records, original.to_vec())
    }

    /// Compares every way to read a container. With `sound` an error is a difference; without, only a wrong answer is
    /// one.
    ///
    /// # Errors
    /// What differs.
    pub fn compare(&self, database: &Database, sound: bool) -> Result<(), String> {
        let check = Check { sound };
        if database.len() != self.records.len() as u64 {
            return Err(format!("{} records", database.len()));
        }
        self.compare_records(database, &check)?;
        for (name, ordinals) in &self.names {
            check.same(&format!("find {}", name.escape_ascii()), database.find(name), ordinals)?;
        }
        check.same("find an absent name", database.find(ABSENT), &Vec::new())?;
        self.compare_batch(database, &check)?;
        self.compare_scan(database, &check)?;
        for (what, options, expected) in
            [("export", ExportOptions::default(), &self.original), ("export in another width", NARROW, &self.narrow)]
        {
            let mut text = Vec::new();
            check.same(what, database.export(&mut text, &options).map(|_| text), expected)?;
        }
        Ok(())
    }

    fn compare_records(&self, database: &Database, check: &Check) -> Result<(), String> {
        for (index, (header, residues)) in self.records.iter().enumerate() {
            let ordinal = index as u64;
            check.same(&format!("header {ordinal}"), database.header(ordinal).map(|text| text.to_vec()), header)?;
            let record = database.record(ordinal).map(|record| record.sequence().to_vec());
            check.same(&format!("record {ordinal}"), record, residues)?;
            let mut pieces = Vec::new();
            let all = 0..residues.len() as u64;
            let streamed = database.for_each_residues(ordinal, all.clone(), |piece| {
                pieces.extend_from_slice(piece);
                Ok(())
            });
            check.same(&format!("residues {ordinal}"), streamed.map(|()| pieces), residues)?;
            let (start, end) = (residues.len() / 3, residues.len() - residues.len() / 4);
            let region = database.region(ordinal, start as u64..end as u64).map(|region| region.to_vec());
            check.same(&format!("region {start}..{end} of {ordinal}"), region, &residues[start..end].to_vec())?;
            if database.region(ordinal, 0..all.end + 1).is_ok() {
                return Err(format!("a region past the end of {ordinal}"));
            }
        }
        if database.record(self.records.len() as u64).is_ok() { Err("a record too many".to_owned()) } else { Ok(()) }
    }

    /// All records in reverse, each twice.
    fn compare_batch(&self, database: &Database, check: &Check) -> Result<(), String> {
        let ordinals: Vec<u64> = (0..self.records.len() as u64).rev().flat_map(|ordinal| [ordinal, ordinal]).collect();
        let found = database.batch(&ordinals).map(|records| {
            let pair = |record: &talaria_db::Record| (record.header().to_vec(), record.sequence().to_vec());
            records.iter().map(pair).collect()
        });
        let record = |ordinal: &u64| self.records[usize::try_from(*ordinal).expect("an index")].clone();
        check.same("batch", found, &ordinals.iter().map(record).collect::<Vec<_>>())
    }

    /// What was visited must be right even if the scan fails in the end.
    fn compare_scan(&self, database: &Database, check: &Check) -> Result<(), String> {
        let visited = Mutex::new(Vec::new());
        let scanned = database.scan(|record| {
            let pair = (record.header.to_vec(), record.residues.to_vec());
            visited.lock().expect("no panic while it was held").push((record.ordinal, pair));
            talaria_db::Result::Ok(())
        });
        let mut visited = visited.into_inner().expect("no panic while it was held");
        visited.sort();
        for (ordinal, pair) in &visited {
            if usize::try_from(*ordinal).ok().and_then(|index| self.records.get(index)) != Some(pair) {
                return Err(format!("the scan visits a wrong record {ordinal}"));
            }
        }
        let ordinals: Vec<u64> = visited.into_iter().map(|(ordinal, _)| ordinal).collect();
        check.same("scan", scanned.map(|()| ordinals), &(0..self.records.len() as u64).collect())
    }
}

/// How answers are compared.
struct Check {
    sound: bool,
}

impl Check {
    fn same<T: PartialEq>(&self, what: &str, got: Result<T, Error>, expected: &T) -> Result<(), String> {
        match got {
            Ok(value) if value == *expected => Ok(()),
            Ok(_) => Err(format!("{what}: a wrong answer")),
            Err(error) if self.sound => Err(format!("{what}: {error}")),
            Err(_) => Ok(()),
        }
    }
}
