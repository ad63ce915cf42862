//! What the first chunk says about the whole source: how its lines end and how long they are.
//!
//! Neither is a property that a source must have. They are the terms in which most records can be described without a
//! script, so a wrong guess costs space and nothing else. The line width is guessed from one chunk, as a guess that
//! needed more would hold the whole pipeline up.

use memchr::{memchr, memchr2};
use talaria_db_spec::alphabet::is_residue;
use talaria_db_spec::source::LineEnd;

/// The first line end of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::fasta) enum FirstLineEnd {
    /// There is none.
    None,
    /// There is one.
    Is(LineEnd),
    /// The chunk ends after a carriage return.
    CutAfterReturn,
}

/// The first line end of `chunk`.
pub(in crate::fasta) fn first_line_end(chunk: &[u8]) -> FirstLineEnd {
    let Some(at) = memchr2(b'\n', b'\r', chunk) else { return FirstLineEnd::None };
    match (chunk.get(at), chunk.get(at + 1)) {
        (Some(b'\n'), _) => FirstLineEnd::Is(LineEnd::Lf),
        (_, Some(b'\n')) => FirstLineEnd::Is(LineEnd::CrLf),
        (_, Some(_)) => FirstLineEnd::Is(LineEnd::Cr),
        (_, None) => FirstLineEnd::CutAfterReturn,
    }
}

/// The byte that ends lines.
pub(in crate::fasta) const fn last_byte(line_end: LineEnd) -> u8 {
    match line_end {
        LineEnd::Lf | LineEnd::CrLf => b'\n',
        LineEnd::Cr => b'\r',
    }
}

/// Residues of the first line of the first record that has residues on two lines; 0 if no record of the chunk has.
/// `chunk` is the start of a source.
///
/// Costs a search for line ends in as many records as lie on one line.
pub(super) fn line_width(chunk: &[u8], line_end: LineEnd) -> u64 {
    let mut rest = chunk;
    let mut in_record = false;
    let mut first_line: Option<&[u8]> = None;
    while let Some(&start) = rest.first() {
        let end = memchr(last_byte(line_end), rest);
        let (line, after) = rest.split_at(end.map_or(rest.len(), |at| at + 1));
        rest = after;
        match start {
            b'>' => (in_record, first_line) = (true, None),
            b';' | b'#' => (),
            _ if in_record && line.iter().any(|&byte| is_residue(byte)) => {
                if let Some(first) = first_line {
                    return first.iter().map(|&byte| u64::from(is_residue(byte))).sum();
                }
                first_line = Some(line);
            }
            _ => (),
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_line_ends() {
        let is = FirstLineEnd::Is;
        assert_eq!(first_line_end(b">a"), FirstLineEnd::None);
        assert_eq!(first_line_end(b">a\nA\r\n"), is(LineEnd::Lf));
        assert_eq!(first_line_end(b">a\r\nA\n"), is(LineEnd::CrLf));
        assert_eq!(first_line_end(b">a\rA\n"), is(LineEnd::Cr));
        assert_eq!(first_line_end(b">a\r\r\n"), is(LineEnd::Cr));
        assert_eq!(first_line_end(b">a\r"), FirstLineEnd::CutAfterReturn);
    }

    #[test]
    fn the_first_record_with_two_lines_decides() {
        let width = |text: &[u8]| line_width(text, LineEnd::Lf);
        assert_eq!(width(b">a\nACGT\n>b\nAC\nA"), 2);
        assert_eq!(width(b">a\nACGT\n>b\nACG\n"), 0);
        assert_eq!(width(b">a\nACGT\n\n \n>b\nACG\n"), 0, "blank lines hold no residues");
        assert_eq!(width(b"AAA\nAA\n>a\n\n;note\nAC GT\r\n#note\n\nA\n"), 4);
        assert_eq!(width(b">a\n>b\n"), 0);
        assert_eq!(width(b""), 0);
        assert_eq!(line_width(b">a\rAC\rA\r", LineEnd::Cr), 2);
    }
}
