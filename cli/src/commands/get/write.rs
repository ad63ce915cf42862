//! How records look: FASTA, a table, or JSON. Residues come in pieces, so that none need be in memory whole.

use std::borrow::Cow;
use std::fmt;
use std::io::Write;
use std::ops::Range;

use serde_json::Value;
use talaria_db::spec::columns::first_word_length;

use super::Format;
use crate::output::Output;

/// Bytes that are gathered before they go to the output.
const MOST_WRITTEN: usize = 64 << 10;

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
    look: Look,
    /// What was written since the last time that it went to the output.
    written: Vec<u8>,
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
        Ok(Self { output, look: Look { format, width, column: 0 }, written: Vec::new() })
    }

    /// How its records look, to make bytes of others beside it.
    pub(in crate::commands) fn look(&self) -> Look {
        Look { column: 0, ..self.look }
    }

    /// Starts a record.
    pub(in crate::commands) fn begin(&mut self, subject: &Subject<'_>) -> talaria_db::Result<()> {
        self.look.begin(subject, &mut self.written);
        self.write(MOST_WRITTEN)
    }

    /// The next residues.
    pub(in crate::commands) fn residues(&mut self, residues: &[u8]) -> talaria_db::Result<()> {
        self.look.residues(residues, &mut self.written);
        self.write(MOST_WRITTEN)
    }

    /// Ends a record.
    pub(in crate::commands) fn end(&mut self) -> talaria_db::Result<()> {
        self.look.end(&mut self.written);
        self.write(MOST_WRITTEN)
    }

    /// Whole records, as they look.
    pub(in crate::commands) fn records(&mut self, bytes: &[u8]) -> talaria_db::Result<()> {
        self.write(0)?;
        self.output.bytes(bytes)
    }

    /// Writes what is left.
    pub(in crate::commands) fn finish(mut self) -> talaria_db::Result<()> {
        self.write(0)?;
        self.output.finish()
    }

    /// Gives what was written to the output if it is more than `most` bytes.
    fn write(&mut self, most: usize) -> talaria_db::Result<()> {
        if self.written.len() > most {
            self.output.bytes(&self.written)?;
            self.written.clear();
        }
        Ok(())
    }
}

/// How records look, and how far the line is that is being written. Clones write lines of their own.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands) struct Look {
    format: Format,
    /// Residues a line, at least 1.
    width: usize,
    column: usize,
}

impl Look {
    /// Starts a record.
    pub(in crate::commands) fn begin(&mut self, subject: &Subject<'_>, out: &mut Vec<u8>) {
        self.column = 0;
        let (id, description) = subject.header.split_at(first_word_length(subject.header));
        // The counted positions, from 1.
        let part = subject.part.as_ref().map(|part| (part.start + 1, part.end));
        match self.format {
            Format::Fasta => begin_fasta(subject, id, description, part, out),
            Format::Tsv => begin_tsv(subject, id, description.get(1..).unwrap_or_default(), part, out),
            Format::Json => begin_json(subject, id, description.get(1..).unwrap_or_default(), part, out),
        }
    }

    /// The next residues.
    pub(in crate::commands) fn residues(&mut self, residues: &[u8], out: &mut Vec<u8>) {
        match self.format {
            Format::Fasta => self.lines(residues, out),
            Format::Tsv => out.extend_from_slice(residues),
            Format::Json => out.extend_from_slice(&escaped(residues)),
        }
    }

    fn lines(&mut self, mut residues: &[u8], out: &mut Vec<u8>) {
        out.reserve(residues.len() + residues.len() / self.width + 2);
        while !residues.is_empty() {
            let (line, rest) = residues.split_at(residues.len().min(self.width - self.column));
            out.extend_from_slice(line);
            self.column += line.len();
            if self.column == self.width {
                out.push(b'\n');
                self.column = 0;
            }
            residues = rest;
        }
    }

    /// Ends a record.
    pub(in crate::commands) fn end(&mut self, out: &mut Vec<u8>) {
        match self.format {
            Format::Fasta if self.column == 0 => {}
            Format::Fasta | Format::Tsv => out.push(b'\n'),
            Format::Json => out.extend_from_slice(b"\"}\n"),
        }
    }
}

/// The header line of a region is its id and place, as that of samtools; that of a record is whole.
fn begin_fasta(subject: &Subject<'_>, id: &[u8], description: &[u8], part: Option<(u64, u64)>, out: &mut Vec<u8>) {
    out.push(b'>');
    out.extend_from_slice(id);
    if let Some((from, to)) = part {
        print(out, format_args!(":{from}-{to}"));
    }
    if subject.reversed {
        out.extend_from_slice(b"/rc");
    }
    if part.is_none() {
        out.extend_from_slice(description);
    }
    out.push(b'\n');
}

fn begin_tsv(subject: &Subject<'_>, id: &[u8], description: &[u8], part: Option<(u64, u64)>, out: &mut Vec<u8>) {
    match subject.query {
        Some(query) => out.extend_from_slice(&cell(query)),
        None => print(out, format_args!("{}", subject.ordinal)),
    }
    print(out, format_args!("\t{}\t", subject.ordinal));
    out.extend_from_slice(&cell(id));
    out.push(b'\t');
    out.extend_from_slice(&cell(description));
    match part {
        Some((from, to)) => print(out, format_args!("\t{}\t{from}\t{to}\t", subject.length)),
        None => print(out, format_args!("\t{}\t\t\t", subject.length)),
    }
}

fn begin_json(subject: &Subject<'_>, id: &[u8], description: &[u8], part: Option<(u64, u64)>, out: &mut Vec<u8>) {
    let query = subject.query.map_or(Value::from(subject.ordinal.to_string()), text);
    let (ordinal, length) = (subject.ordinal, subject.length);
    print(out, format_args!("{{\"query\":{query},\"ordinal\":{ordinal},\"id\":{}", text(id)));
    print(out, format_args!(",\"description\":{},\"length\":{length}", text(description)));
    if let Some((from, to)) = part {
        print(out, format_args!(",\"from\":{from},\"to\":{to}"));
    }
    out.extend_from_slice(b",\"sequence\":\"");
}

/// Adds text to bytes in memory, which take all.
fn print(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
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
