//! Regions, in the notation of samtools: `ID:from-to`, counted from 1, both ends included.
//!
//! Only notation: whether an id has a colon of its own is for the lookup to say.

use std::ops::Range;

/// A name and what is wanted of its sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region<'t> {
    /// The name.
    pub(super) name: &'t [u8],
    /// First and last residue, from 1; none for all of them.
    span: Option<(u64, u64)>,
}

/// What a region is, in a sequence of a certain length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// The whole sequence.
    Whole,
    /// Residues from 0, half open; not empty.
    Part(Range<u64>),
    /// It starts past the end.
    Outside,
    /// It ends before it starts, or starts at 0.
    Senseless,
}

impl<'t> Region<'t> {
    /// `None` if the text has no such form.
    pub(super) fn parse(text: &'t [u8]) -> Option<Self> {
        if let Some(rest) = text.strip_prefix(b"{") {
            let end = rest.iter().rposition(|&byte| byte == b'}')?;
            let (name, after) = (rest.get(..end)?, rest.get(end + 1..)?);
            let span = match after.split_first() {
                None => None,
                Some((b':', after)) => Some(span(after)?),
                Some(_) => return None,
            };
            return Some(Self { name, span });
        }
        let colon = text.iter().rposition(|&byte| byte == b':')?;
        Some(Self { name: text.get(..colon)?, span: Some(span(text.get(colon + 1..)?)?) })
    }

    /// Its place in a sequence of `length` residues; an end past the last residue is cut, as samtools does.
    pub(super) fn place(&self, length: u64) -> Place {
        match self.span {
            None => Place::Whole,
            Some((from, to)) if from == 0 || to < from => Place::Senseless,
            Some((from, _)) if from > length => Place::Outside,
            Some((from, to)) => Place::Part(from - 1..to.min(length)),
        }
    }
}

/// `from-to`, `from`, `from-` or `-to`.
fn span(text: &[u8]) -> Option<(u64, u64)> {
    let (from, to) = match text.iter().position(|&byte| byte == b'-') {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?),
        None => (text, &b""[..]),
    };
    if from.is_empty() && to.is_empty() {
        return None;
    }
    let from = if from.is_empty() { 1 } else { number(from)? };
    let to = if to.is_empty() { u64::MAX } else { number(to)? };
    Some((from, to))
}

/// Digits, with commas between them if one likes; what is more than 64 bits is past every end anyway.
fn number(text: &[u8]) -> Option<u64> {
    if !text.first()?.is_ascii_digit() {
        return None;
    }
    text.iter().filter(|&&byte| byte != b',').try_fold(0_u64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        Some(value.saturating_mul(10).saturating_add(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Option<(String, Place)> {
        let region = Region::parse(text.as_bytes())?;
        Some((String::from_utf8_lossy(region.name).into_owned(), region.place(16)))
    }

    #[test]
    fn as_samtools() {
        let part = |name: &str, range| Some((name.to_owned(), Place::Part(range)));
        assert_eq!(place("chr1:5"), part("chr1", 4..16));
        assert_eq!(place("chr1:5-"), part("chr1", 4..16));
        assert_eq!(place("chr1:-7"), part("chr1", 0..7));
        assert_eq!(place("chr1:1,0-1,2"), part("chr1", 9..12));
        assert_eq!(place("chr1:5-99999999999999999999999"), part("chr1", 4..16));
        assert_eq!(place("a:b:2-3"), part("a:b", 1..3));
        assert_eq!(place("{a:1-2}:2-3"), part("a:1-2", 1..3));
        assert_eq!(place("{chr1}"), Some(("chr1".to_owned(), Place::Whole)));
        assert_eq!(place("chr1:16"), part("chr1", 15..16));
        assert_eq!(place("chr1:17"), Some(("chr1".to_owned(), Place::Outside)));
        assert_eq!(place("chr1:0-5"), Some(("chr1".to_owned(), Place::Senseless)));
        assert_eq!(place("chr1:5-3"), Some(("chr1".to_owned(), Place::Senseless)));
        for none in ["chr1", "chr1:", "chr1:-", "chr1:5x", "chr1:5-7x", "chr1:+5", "chr1:,5", "{chr1", "{chr1}x", ""] {
            assert_eq!(place(none), None, "{none}");
        }
    }
}
