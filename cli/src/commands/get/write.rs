//! How records look: FASTA, a table, or JSON. Residues come in pieces, so that none need be in memory whole.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;
use talaria_db::spec::columns::first_word_length;

use super::Format;
use crate::output::Output;

/// A record or region, but for its residues.
pub(in crate::commands) struct Subject<'s> {
    /// What was asked for; none if it was the number.
    pub(in crate::commands) query: Option<&'s [u8]>,
    /// Its number.
    pub(in crate::commands) ordinal: u64,
    /// Its header line.
    pub(in crate::commands) header: &'s [u8],
    /// Residues of the whole record.
    pub(in crate::commands) length: u64,
    /// The region, from 0, half open; none for the whole record.
    pub(in crate::commands) part: Option<Range<u64>>,
    /// Whether it is the other strand.
    pub(in crate::commands) reversed: bool,
}

/// Writes records: [`RecordWriter::begin`], [`RecordWriter::residues`] as often as needed, [`RecordWriter::end`].
pub(in crate::commands) struct RecordWriter {
    output: Output,
    format: Format,
    /// Residues a line, at least 1.
    width: usize,
    column: usize,
}

impl RecordWriter {
    /// A `line_width` of 0 stands for one line.
    pub(in crate::commands) fn new(mut output: Output, format: Format, line_width: u64) -> talaria_db::Result<Self> {
        if format == Format::Tsv {
            writeln!(output, "query\tordinal\tid\tdescription\tlength\tfrom\tto\tsequence")?;
        }
        let width = match usize::try_from(line_width) {
            Ok(0) | Err(_) => usize::MAX,
            Ok(width) => width,
        };
        Ok(Self { output, format, width, column: 0 })
    }

    /// Starts a record.
    pub(in crate::commands) fn begin(&mut self, subject: &Subject<'_>) -> talaria_db::Result<()> {
        self.column = 0;
        let (id, description) = subject.header.split_at(first_word_length(subject.header));
        // The counted positions, from 1.
        let part = subject.part.as_ref().map(|part| (part.start + 1, part.end));
        match self.format {
            Format::Fasta => self.begin_fasta(subject, id, description, part),
            Format::Tsv => self.begin_tsv(subject, id, description.get(1..).unwrap_or_default(), part),
            Format::Json => self.begin_json(subject, id, description.get(1..).unwrap_or_default(), part),
        }
    }

    /// The header line of a region is its id and place, as that of samtools; that of a record is whole.
    fn begin_fasta(
        &mut self,
        subject: &Subject<'_>,
        id: &[u8],
        description: &[u8],
        part: Option<(u64, u64)>,
    ) -> talaria_db::Result<()> {
        self.output.bytes(b">")?;
        self.output.bytes(id)?;
        if let Some((from, to)) = part {
            write!(self.output, ":{from}-{to}")?;
        }
        if subject.reversed {
            self.output.bytes(b"/rc")?;
        }
        if part.is_none() {
            self.output.bytes(description)?;
        }
        self.output.bytes(b"\n")
    }

    fn begin_tsv(
        &mut self,
        subject: &Subject<'_>,
        id: &[u8],
        description: &[u8],
        part: Option<(u64, u64)>,
    ) -> talaria_db::Result<()> {
        match subject.query {
            Some(query) => self.output.bytes(&cell(query))?,
            None => write!(self.output, "{}", subject.ordinal)?,
        }
        write!(self.output, "\t{}\t", subject.ordinal)?;
        self.output.bytes(&cell(id))?;
        self.output.bytes(b"\t")?;
        self.output.bytes(&cell(description))?;
        match part {
            Some((from, to)) => write!(self.output, "\t{}\t{from}\t{to}\t", subject.length),
            None => write!(self.output, "\t{}\t\t\t", subject.length),
        }
    }

    fn begin_json(
        &mut self,
        subject: &Subject<'_>,
        id: &[u8],
        description: &[u8],
        part: Option<(u64, u64)>,
    ) -> talaria_db::Result<()> {
        let query = subject.query.map_or(Value::from(subject.ordinal.to_string()), text);
        let (ordinal, length) = (subject.ordinal, subject.length);
        write!(self.output, "{{\"query\":{query},\"ordinal\":{ordinal},\"id\":{}", text(id))?;
        write!(self.output, ",\"description\":{},\"length\":{length}", text(description))?;
        if let Some((from, to)) = part {
            write!(self.output, ",\"from\":{from},\"to\":{to}")?;
        }
        self.output.bytes(b",\"sequence\":\"")
    }

    /// The next residues.
    pub(in crate::commands) fn residues(&mut self, residues: &[u8]) -> talaria_db::Result<()> {
        match self.format {
            Format::Fasta => self.lines(residues),
            Format::Tsv => self.output.bytes(residues),
            Format::Json => self.output.bytes(&escaped(residues)),
        }
    }

    fn lines(&mut self, mut residues: &[u8]) -> talaria_db::Result<()> {
        while !residues.is_empty() {
            let (line, rest) = residues.split_at(residues.len().min(self.width - self.column));
            self.output.bytes(line)?;
            self.column += line.len();
            if self.column == self.width {
                self.output.bytes(b"\n")?;
                self.column = 0;
            }
            residues = rest;
        }
        Ok(())
    }

    /// Ends a record.
    pub(in crate::commands) fn end(&mut self) -> talaria_db::Result<()> {
        match self.format {
            Format::Fasta if self.column == 0 => Ok(()),
            Format::Fasta | Format::Tsv => self.output.bytes(b"\n"),
            Format::Json => self.output.bytes(b"\"}\n"),
        }
    }

    /// Writes what is left.
    pub(in crate::commands) fn finish(self) -> talaria_db::Result<()> {
        self.output.finish()
    }
}

/// A cell of a table: a tab would end it.
fn cell(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.contains(&b'\t') {
        bytes.iter().map(|&byte| if byte == b'\t' { b' ' } else { byte }).collect()
    } else {
        bytes.into()
    }
}

/// A string of JSON, which has no room for bytes that are no UTF-8.
fn text(bytes: &[u8]) -> Value {
    Value::from(String::from_utf8_lossy(bytes))
}

/// Residues are printable ASCII, of which JSON escapes two.
fn escaped(residues: &[u8]) -> Cow<'_, [u8]> {
    let special = |byte: u8| byte == b'"' || byte == b'\\';
    if residues.iter().any(|&byte| special(byte)) {
        residues.iter().flat_map(|&byte| [b'\\', byte].into_iter().skip(usize::from(!special(byte)))).collect()
    } else {
        residues.into()
    }
}
