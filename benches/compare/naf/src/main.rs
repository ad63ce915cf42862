//! NAF archives for the comparison: `compare-naf pack LEVEL dna|protein IN OUT` writes one as `ennaf` lays it out,
//! `compare-naf unpack IN` prints FASTA.
//!
//! Each column is one stream of Zstandard for the whole file: ids, comments, lengths, runs of lower case, residues
//! (nucleotides four bits each). Reading goes through `nafcodec`, so that a file that it reads right is a NAF file.
//! Lines are as wide as the first one was; title and quality are not written.

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write, stdout};

use zstd::stream::write::Encoder;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["pack", level, kind @ ("dna" | "protein"), input, output] => {
            pack(level.parse()?, kind == "dna", input, output)
        }
        ["unpack", input] => unpack(input),
        _ => Err("usage: compare-naf pack LEVEL dna|protein IN OUT, or compare-naf unpack IN".into()),
    }
}

/// One column: its stream, and how many bytes (residues, of nucleotides) went in.
struct Column {
    stream: Encoder<'static, Vec<u8>>,
    length: u64,
}

impl Column {
    fn new(level: i32) -> Outcome<Self> {
        let mut stream = Encoder::new(Vec::new(), level)?;
        stream.include_magicbytes(false)?;
        Ok(Self { stream, length: 0 })
    }

    fn push(&mut self, bytes: &[u8]) -> Outcome<()> {
        self.length += bytes.len() as u64;
        Ok(self.stream.write_all(bytes)?)
    }

    fn write(self, out: &mut impl Write) -> Outcome<()> {
        let bytes = self.stream.finish()?;
        number(self.length, out)?;
        number(bytes.len() as u64, out)?;
        Ok(out.write_all(&bytes)?)
    }
}

/// Seven bits a byte, the highest first, with the eighth bit set in all but the last.
fn number(value: u64, out: &mut impl Write) -> Outcome<()> {
    let groups = value.max(1).ilog2() / 7;
    for group in (0..=groups).rev() {
        let more = if group > 0 { 0x80 } else { 0 };
        out.write_all(&[(value >> (7 * group) & 0x7F) as u8 | more])?;
    }
    Ok(())
}

/// The set of bases that a letter stands for, T 1, G 2, C 4 and A 8.
fn code(letter: u8) -> Outcome<u8> {
    let at = b"-TGKCYSBAWRDMHVN".iter().position(|&known| known == letter);
    Ok(at.ok_or_else(|| format!("no nucleotide: byte {letter}"))? as u8)
}

/// Lengths and runs of case as 32 and 8 bits, a full one saying that more follows.
fn runs(out: &mut Vec<u8>, mut length: u64, full: u64, width: usize) {
    while length >= full {
        out.extend_from_slice(&full.to_le_bytes()[..width]);
        length -= full;
    }
    out.extend_from_slice(&length.to_le_bytes()[..width]);
}

fn pack(level: i32, nucleotides: bool, input: &str, output: &str) -> Outcome<()> {
    let mut input = BufReader::with_capacity(1 << 20, File::open(input)?);
    let [mut ids, mut comments, mut lengths, mut residues] =
        [Column::new(level)?, Column::new(level)?, Column::new(level)?, Column::new(level)?];
    // Mostly empty, so that its compressor, which takes memory, comes at the end.
    let mut cases = Vec::new();
    let (mut line, mut width, mut records, mut length) = (Vec::new(), 0, 0_u64, None);
    let (mut lower, mut run, mut any_lower) = (false, 0, false);
    let (mut half, mut packed) = (None, Vec::new());
    loop {
        line.clear();
        let read = input.read_until(b'\n', &mut line)?;
        let text = line.trim_ascii_end();
        if read == 0 || text.first() == Some(&b'>') {
            if let Some(length) = length.take() {
                packed.clear();
                runs(&mut packed, length, u64::from(u32::MAX), 4);
                lengths.push(&packed)?;
            }
            if read == 0 {
                break;
            }
            // The end of a header is kept as it is, a blank too.
            let text = line[1..].strip_suffix(b"\n").unwrap_or(&line[1..]);
            let end = text.iter().position(|&byte| byte == b' ').unwrap_or(text.len());
            ids.push(&text[..end])?;
            ids.push(&[0])?;
            comments.push(text.get(end + 1..).unwrap_or_default())?;
            comments.push(&[0])?;
            (records, length) = (records + 1, Some(0));
            continue;
        }
        *length.as_mut().ok_or("no header at the start")? += text.len() as u64;
        width = width.max(text.len());
        for part in text.chunk_by(|a, b| a.is_ascii_lowercase() == b.is_ascii_lowercase()) {
            if part[0].is_ascii_lowercase() != lower {
                runs(&mut cases, run, 255, 1);
                (lower, run, any_lower) = (!lower, 0, true);
            }
            run += part.len() as u64;
        }
        if nucleotides {
            packed.clear();
            for letter in text {
                let code = code(letter.to_ascii_uppercase())?;
                match half.take() {
                    Some(first) => packed.push(first | code << 4),
                    None => half = Some(code),
                }
            }
            residues.stream.write_all(&packed)?;
            residues.length += text.len() as u64;
        } else {
            residues.push(&text.to_ascii_uppercase())?;
        }
    }
    runs(&mut cases, run, 255, 1);
    if let Some(last) = half {
        residues.stream.write_all(&[last])?;
    }
    let mut out = BufWriter::new(File::create(output)?);
    out.write_all(&[0x01, 0xF9, 0xEC])?;
    out.write_all(if nucleotides { &[1] } else { &[2, 2] })?;
    // Ids, comments, lengths, residues, and case where there is any.
    out.write_all(&[if any_lower { 0x3E } else { 0x3A }, b' '])?;
    number(width as u64, &mut out)?;
    number(records, &mut out)?;
    ids.write(&mut out)?;
    comments.write(&mut out)?;
    lengths.write(&mut out)?;
    if any_lower {
        let mut column = Column::new(level)?;
        column.push(&cases)?;
        column.write(&mut out)?;
    }
    residues.write(&mut out)?;
    Ok(out.flush()?)
}

fn unpack(input: &str) -> Outcome<()> {
    let decoder = nafcodec::DecoderBuilder::new().buffer_size(1 << 16).with_path(input)?;
    let width = (decoder.header().line_length() as usize).max(1);
    let mut out = BufWriter::with_capacity(1 << 20, stdout().lock());
    for record in decoder {
        let record = record?;
        write!(out, ">{}", record.id.unwrap_or_default())?;
        let comment = record.comment.unwrap_or_default();
        if !comment.is_empty() {
            write!(out, " {comment}")?;
        }
        out.write_all(b"\n")?;
        for line in record.sequence.unwrap_or_default().as_bytes().chunks(width) {
            out.write_all(line)?;
            out.write_all(b"\n")?;
        }
    }
    Ok(out.flush()?)
}
