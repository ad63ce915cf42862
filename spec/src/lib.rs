//! What is on disk: the talaria container, version 1, as `FORMAT.md` beside this crate defines it.
//!
//! One on-disk structure, one file. The structures are plain bytes with little-endian fields
//! ([zerocopy]), so that a reader looks at them in place; [`validate`] turns the untrusted bytes of a
//! header page and a trailer into a [`validate::Container`], and everything else starts from that proof.
//!
//! The crate does no I/O and holds no unsafe code. It does not compress: codecs are named here and called in
//! the engine.
//!
//! ```
//! use talaria_db_spec::{address::PackedAddress, keys};
//!
//! let address = PackedAddress::new(7, 100).expect("both in range");
//! assert_eq!((address.block(), address.byte()), (7, 100));
//!
//! let mut names = Vec::new();
//! keys::for_each_name(b"sp|P12345.2|AATM_RABIT Aspartate aminotransferase", |name, rank| {
//!     names.push((String::from_utf8_lossy(name).into_owned(), rank));
//! });
//! assert_eq!(names[1].0, "P12345.2");
//! assert_eq!(names[2].0, "P12345");
//! assert_eq!(names[3].0, "AATM_RABIT");
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod address;
pub mod alphabet;
pub mod block;
pub mod checksum;
pub mod columns;
pub mod delta;
pub mod dictionary;
pub mod error;
pub mod forever;
pub mod header;
pub mod keys;
pub mod layout;
pub mod measures;
pub mod membership;
pub mod packed_columns;
pub mod packing;
pub mod section;
pub mod shortcut;
pub mod source;
pub mod standing;
pub mod trailer;
pub mod validate;
pub mod varint;
pub mod version;

pub use error::SpecError;
