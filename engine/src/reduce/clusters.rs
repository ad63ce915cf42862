//! The table of clusters: representative, member, identity, coverage; tab-separated, no heading, a line a record.
//!
//! The first two columns are the ones that `mmseqs createtsv` writes, with the whole first word of each header. A cluster
//! starts with its representative as its own member; identity and coverage have three decimals, rounded down; clusters are in the order of their representatives.

use std::io::{BufWriter, Write};
use std::path::Path;

use talaria_db_spec::columns::first_word_length;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::reduce::groups::Pairs;
use crate::reduce::similarity::{Pair, Similarity};
use crate::write::publish::Unpublished;

/// Lines that are written together.
const TOGETHER: usize = 1 << 14;

/// A table on its way.
#[derive(Debug)]
pub(crate) struct Table {
    output: Unpublished,
}

impl Table {
    pub(crate) fn new(path: &Path) -> Result<Self> {
        Ok(Self { output: Unpublished::create(path)? })
    }

    /// Writes the lines of all records, given the pairs of representatives and members that differ.
    pub(crate) fn write(
        &self,
        database: &Database,
        pairs: Pairs,
        is_member: impl Fn(u64) -> Result<bool>,
    ) -> Result<()> {
        let mut out = BufWriter::with_capacity(1 << 16, self.output.file());
        let mut lines: Vec<Pair> = Vec::with_capacity(TOGETHER);
        let mut pairs = pairs.peekable();
        for ordinal in 0..database.len() {
            if is_member(ordinal)? {
                continue;
            }
            lines.push(Pair { representative: ordinal, member: ordinal, similarity: Similarity::FULL });
            while let Some(pair) =
                pairs.next_if(|pair| pair.as_ref().map_or(true, |pair| pair.representative == ordinal))
            {
                lines.push(pair?);
                self.flush(database, &mut lines, &mut out, TOGETHER)?;
            }
            self.flush(database, &mut lines, &mut out, TOGETHER)?;
        }
        self.flush(database, &mut lines, &mut out, 1)?;
        out.flush().map_err(Error::io(self.output.temporary(), "write"))
    }

    pub(crate) fn publish(self) -> Result<()> {
        self.output.publish()
    }

    /// Writes the lines once there are `from` of them.
    fn flush(&self, database: &Database, lines: &mut Vec<Pair>, out: &mut impl Write, from: usize) -> Result<()> {
        if lines.len() < from {
            return Ok(());
        }
        let ordinals: Vec<u64> = lines.iter().flat_map(|pair| [pair.representative, pair.member]).collect();
        let headers = database.headers(&ordinals)?;
        for (pair, headers) in lines.iter().zip(headers.chunks_exact(2)) {
            let [representative, member] = headers else { continue };
            let id = |header: &[u8]| header.get(..first_word_length(header)).unwrap_or_default().to_vec();
            let similarity = format!("\t{}\n", pair.similarity);
            let line = [&id(representative)[..], b"\t", &id(member)[..], similarity.as_bytes()].concat();
            out.write_all(&line).map_err(Error::io(self.output.temporary(), "write"))?;
        }
        lines.clear();
        Ok(())
    }
}
