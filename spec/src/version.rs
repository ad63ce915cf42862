//! Versions and feature bits: what a reader must know, and what it may ignore.

/// The highest `read_version` that this crate understands.
pub const READ_VERSION: u16 = 1;

/// The `write_version` that this crate's structures are written with.
pub const WRITE_VERSION: u16 = 1;

/// Required feature: records may be deltas.
pub const REQUIRED_DELTAS: u64 = 1 << 0;

/// Required feature: columns are packed (FORMAT.md, section 14).
pub const REQUIRED_PACKED_COLUMNS: u64 = 1 << 1;

/// Required feature: who stands for whom is said in the compact form (FORMAT.md, section 13).
pub const REQUIRED_COMPACT_MEMBERSHIP: u64 = 1 << 2;

/// The required features that this crate's reader understands.
pub const REQUIRED_KNOWN: u64 = REQUIRED_DELTAS | REQUIRED_PACKED_COLUMNS | REQUIRED_COMPACT_MEMBERSHIP;

/// Optional feature: the result of a reduction.
pub const OPTIONAL_REDUCED: u64 = 1 << 0;

/// Optional feature: the file says which record stands for which.
pub const OPTIONAL_MEMBERSHIP: u64 = 1 << 1;

/// The name of the required feature with bit number `bit`, if this document has one.
///
/// ```
/// assert_eq!(talaria_db_spec::version::required_name(0), Some("deltas"));
/// assert_eq!(talaria_db_spec::version::required_name(63), None);
/// ```
#[must_use]
pub fn required_name(bit: u32) -> Option<&'static str> {
    match bit {
        0 => Some("deltas"),
        1 => Some("packed-columns"),
        2 => Some("compact-membership"),
        _ => None,
    }
}

/// The name of the optional feature with bit number `bit`, if this document has one.
#[must_use]
pub fn optional_name(bit: u32) -> Option<&'static str> {
    match bit {
        0 => Some("reduced"),
        1 => Some("membership"),
        _ => None,
    }
}
