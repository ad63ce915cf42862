//! The key index: the names of a record, their hash, and the entry that leads to the record.
//!
//! The rules for names are key rules 1 of FORMAT.md, section 8. They are part of the format, because a lookup derives
//! the names of the record that it found and compares: a hash alone never decides.

use core::ops::Range;

use crate::columns::first_word_length;
use crate::error::SpecError;
use crate::forever::MAXIMUM_RECORDS;

/// `detail` of the key buckets' section: the number of the rules for names.
pub const KEY_RULES: u8 = 1;

/// Entries a bucket that a writer aims at.
pub const ENTRIES_PER_BUCKET: u64 = 8;

/// Bits of a hash that an entry keeps as its fingerprint.
pub const FINGERPRINT_BITS: u32 = 24;

/// The same where columns are packed: one lookup in 256 reads another record's name as well.
pub const PACKED_FINGERPRINT_BITS: u32 = 8;

/// In which way a record bears a name. A lookup returns the records with the lowest rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rank {
    /// The whole first word of a title.
    Id,
    /// An accession inside it, version included.
    Accession,
    /// An accession without its version.
    Versionless,
    /// The name that follows the accession, as `AATM_RABIT`.
    EntryName,
}

/// The hash of a name: XXH3, 64 bits, seed 0.
#[must_use]
pub fn hash(name: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(name)
}

/// The bucket of a hash among `buckets`.
#[must_use]
pub fn bucket(hash: u64, buckets: u64) -> u64 {
    let product = u128::from(hash) * u128::from(buckets);
    u64::try_from(product >> 64).unwrap_or(u64::MAX)
}

/// An entry of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyEntry(u64);

impl KeyEntry {
    /// The entry for the name with this hash of the record `ordinal`, which is less than 2^40, with `bits` of the hash,
    /// at most 24.
    #[must_use]
    pub const fn new(hash: u64, ordinal: u64, bits: u32) -> Self {
        Self((hash & fingerprint_mask(bits)) << 40 | (ordinal & (MAXIMUM_RECORDS - 1)))
    }

    /// From the bits as they are stored.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits as they are stored.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The low bits of the hash.
    #[must_use]
    pub const fn fingerprint(self) -> u64 {
        self.0 >> 40
    }

    /// The record.
    #[must_use]
    pub const fn ordinal(self) -> u64 {
        self.0 & (MAXIMUM_RECORDS - 1)
    }

    /// Whether the entry, with `bits` of a hash, may belong to a name with this one.
    #[must_use]
    pub const fn may_be(self, hash: u64, bits: u32) -> bool {
        self.fingerprint() == hash & fingerprint_mask(bits)
    }
}

/// The low `bits`, at most 24, of a hash.
#[must_use]
pub const fn fingerprint_mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

/// The entries of bucket `number`, from two items of the buckets' section.
///
/// # Errors
/// K-1, if the items decrease or point past the `entries`.
pub fn bucket_range(number: u64, first: u64, end: u64, entries: u64) -> Result<Range<u64>, SpecError> {
    if first > end || end > entries {
        return Err(SpecError::violation("key buckets", "item", "K-1", number, end, entries));
    }
    Ok(first..end)
}

/// What stands between the titles of a header text.
const TITLE_END: u8 = 0x01;

/// Calls `found` with every name of a header text and its rank. A name may be given more than once.
pub fn for_each_name<'a>(header: &'a [u8], mut found: impl FnMut(&'a [u8], Rank)) {
    if !header.contains(&TITLE_END) {
        // As nearly all are; a search for one byte is many times faster than a split.
        names_of_id(header.get(..first_word_length(header)).unwrap_or_default(), &mut found);
        return;
    }
    for (index, title) in header.split(|&byte| byte == TITLE_END).enumerate() {
        let blanks = if index == 0 { 0 } else { title.iter().take_while(|&&byte| is_blank(byte)).count() };
        let title = title.get(blanks..).unwrap_or_default();
        let id = title.get(..first_word_length(title)).unwrap_or_default();
        names_of_id(id, &mut found);
    }
}

/// The lowest rank with which a header text bears `name`.
#[must_use]
pub fn rank_of(header: &[u8], name: &[u8]) -> Option<Rank> {
    if is_first_id(header, name) {
        // No rank is lower, so that the rest need not be looked at.
        return Some(Rank::Id);
    }
    let mut best = None;
    for_each_name(header, |candidate, rank| {
        if candidate == name && best.is_none_or(|known| rank < known) {
            best = Some(rank);
        }
    });
    best
}

/// Whether `name` is the first word of the first title.
fn is_first_id(header: &[u8], name: &[u8]) -> bool {
    let ends = |byte: u8| is_blank(byte) || byte == TITLE_END;
    let Some(rest) = header.strip_prefix(name) else { return false };
    !name.is_empty() && !name.iter().any(|&byte| ends(byte)) && rest.first().is_none_or(|&byte| ends(byte))
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn names_of_id<'a>(id: &'a [u8], found: &mut impl FnMut(&'a [u8], Rank)) {
    if id.is_empty() {
        return;
    }
    found(id, Rank::Id);
    if !id.contains(&b'|') {
        if let Some(name) = versionless(id) {
            found(name, Rank::Versionless);
        }
        return;
    }
    let mut position = 0;
    while let Some(tag) = field(id, position) {
        let Some(form) = form_of(id.get(tag.clone()).unwrap_or_default()) else {
            position = tag.end.saturating_add(1);
            continue;
        };
        let mut next = tag.end.saturating_add(1);
        for _ in 0..form.skipped {
            next = field(id, next).map_or(id.len().saturating_add(1), |skipped| skipped.end.saturating_add(1));
        }
        let Some(accession) = field(id, next) else { return };
        if accession.is_empty() {
            position = next;
            continue;
        }
        let name_at = accession.end.saturating_add(1);
        let accession_bytes = id.get(accession.clone()).unwrap_or_default();
        found(accession_bytes, Rank::Accession);
        if let Some(name) = versionless(accession_bytes) {
            found(name, Rank::Versionless);
        }
        position = name_at;
        if form.named
            && let Some(name) = field(id, name_at)
        {
            if !name.is_empty() {
                found(id.get(name.clone()).unwrap_or_default(), Rank::EntryName);
            }
            position = name.end.saturating_add(1);
        }
    }
}

/// The field that starts at `start`; `None` past the end.
fn field(id: &[u8], start: usize) -> Option<Range<usize>> {
    let rest = id.get(start..)?;
    let length = rest.iter().position(|&byte| byte == b'|').unwrap_or(rest.len());
    Some(start..start.saturating_add(length))
}

/// What follows a tag.
struct Form {
    /// Fields between the tag and the accession.
    skipped: u8,
    /// Whether an entry name follows the accession.
    named: bool,
}

fn form_of(tag: &[u8]) -> Option<Form> {
    match tag {
        b"gi" | b"lcl" | b"bbs" | b"bbm" | b"gim" => Some(Form { skipped: 0, named: false }),
        b"sp" | b"tr" | b"gb" | b"emb" | b"dbj" | b"ref" | b"pir" | b"prf" | b"tpg" | b"tpe" | b"tpd" | b"pdb" => {
            Some(Form { skipped: 0, named: true })
        }
        b"gnl" | b"pat" | b"pgp" => Some(Form { skipped: 1, named: false }),
        _ => None,
    }
}

/// What stands before a final `.` and digits.
fn versionless(accession: &[u8]) -> Option<&[u8]> {
    let digits = accession.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let dot = accession.len().checked_sub(digits)?.checked_sub(1)?;
    (digits > 0 && dot > 0 && accession.get(dot) == Some(&b'.')).then(|| accession.get(..dot)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec::Vec;

    fn names(header: &str) -> Vec<(String, Rank)> {
        let mut list = Vec::new();
        for_each_name(header.as_bytes(), |name, rank| {
            list.push((String::from_utf8_lossy(name).into_owned(), rank));
        });
        list
    }

    fn plain(header: &str) -> Vec<String> {
        names(header).into_iter().map(|(name, _)| name).collect()
    }

    // EVIDENCE: K-3 (which names a record has)
    #[test]
    fn names_of_the_headers_in_the_field() {
        assert_eq!(plain("P12345 a protein"), ["P12345"]);
        assert_eq!(plain("NP_000001.12 x"), ["NP_000001.12", "NP_000001"]);
        assert_eq!(plain("sp|P12345|NAME_HUMAN x"), ["sp|P12345|NAME_HUMAN", "P12345", "NAME_HUMAN"]);
        assert_eq!(plain("ref|NP_1.1| x"), ["ref|NP_1.1|", "NP_1.1", "NP_1"]);
        assert_eq!(
            plain("gi|129295|sp|P01013.2|OVAX_CHICK x"),
            ["gi|129295|sp|P01013.2|OVAX_CHICK", "129295", "P01013.2", "P01013", "OVAX_CHICK"]
        );
        assert_eq!(plain("gnl|db|X9.1 y"), ["gnl|db|X9.1", "X9.1", "X9"]);
        assert_eq!(plain("pat|US|RE33188|1"), ["pat|US|RE33188|1", "RE33188"]);
        assert_eq!(plain("A1 one\u{1}B2.3 two\u{1} C3"), ["A1", "B2.3", "B2", "C3"]);
        assert_eq!(plain("a|b|c"), ["a|b|c"]);
        assert_eq!(plain("sp||NAME"), ["sp||NAME"]);
        assert_eq!(plain("gi|"), ["gi|"]);
        assert_eq!(plain("gnl||X9"), ["gnl||X9", "X9"]);
        assert_eq!(plain("sp||gi|7"), ["sp||gi|7", "7"]);
        assert_eq!(plain("gnl|gi|7|gi|8"), ["gnl|gi|7|gi|8", "7", "8"]);
        assert_eq!(plain(""), Vec::<String>::new());
        assert_eq!(plain(" no id"), Vec::<String>::new());
        assert_eq!(plain(".1"), [".1"]);
        assert_eq!(plain("chr1.2a"), ["chr1.2a"]);
    }

    #[test]
    fn the_lowest_rank_counts() {
        assert_eq!(rank_of(b"P1 x\x01sp|P1|N", b"P1"), Some(Rank::Id));
        assert_eq!(rank_of(b"sp|P1|N", b"P1"), Some(Rank::Accession));
        assert_eq!(rank_of(b"sp|P1.1|N", b"P1"), Some(Rank::Versionless));
        assert_eq!(rank_of(b"sp|P1.1|N", b"N"), Some(Rank::EntryName));
        assert_eq!(rank_of(b"sp|P1.1|N", b"P2"), None);
    }

    #[test]
    fn an_id_is_a_whole_first_word() {
        for (header, name) in [(&b"P1 x"[..], &b"P1"[..]), (b"P1\tx", b"P1"), (b"P1\x01Q2", b"P1"), (b"P1", b"P1")] {
            assert_eq!(rank_of(header, name), Some(Rank::Id));
        }
        assert_eq!(rank_of(b"A\x01 P1 x", b"P1"), Some(Rank::Id));
        for (header, name) in
            [(&b"P12 x"[..], &b"P1"[..]), (b"P1 x", b"P1 x"), (b"P1\x01Q2", b"P1\x01Q2"), (b" x", b"")]
        {
            assert_eq!(rank_of(header, name), None);
        }
    }

    // EVIDENCE: K-1, K-2
    #[test]
    fn buckets_and_entries() {
        assert_eq!(bucket(0, 5), 0);
        assert_eq!(bucket(u64::MAX, 5), 4);
        let entry = |bits| KeyEntry::new(0xABCD_EF01_2345_6789, (1 << 40) - 1, bits);
        let fields = |bits| (entry(bits).fingerprint(), entry(bits).ordinal());
        assert_eq!(fields(FINGERPRINT_BITS), (0x45_6789, (1 << 40) - 1));
        assert_eq!(fields(PACKED_FINGERPRINT_BITS), (0x89, (1 << 40) - 1));
        assert!(entry(24).may_be(0x45_6789, 24) && entry(8).may_be(0x89, 8) && !entry(24).may_be(0x89, 24));
        assert_eq!(bucket_range(0, 3, 5, 5), Ok(3..5));
        assert!(bucket_range(0, 5, 3, 5).is_err());
        assert!(bucket_range(0, 3, 6, 5).is_err());
    }
}
