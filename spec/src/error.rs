//! Errors that read as a path: structure, field, place, what was found, what the rule asks for.

use core::fmt;

/// A broken rule of FORMAT.md, or something that it specifies and this version does not read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpecError {
    /// A structure breaks a rule.
    Violation {
        /// The structure, as FORMAT.md names it.
        structure: &'static str,
        /// The field, or what of the structure is wrong.
        field: &'static str,
        /// The rule's identifier in FORMAT.md.
        rule: &'static str,
        /// Where: a file offset, or an index into the structure.
        at: u64,
        /// The value that was found.
        got: u64,
        /// The value or bound that the rule asks for.
        expected: u64,
    },
    /// Specified, or from the future, and not read by this version.
    Unsupported {
        /// What kind of thing it is.
        what: &'static str,
        /// Its name, or `unknown`.
        name: &'static str,
        /// Its number.
        number: u64,
        /// The rule's identifier in FORMAT.md.
        rule: &'static str,
    },
}

impl SpecError {
    /// A violation; arguments in the order in which the message reads.
    #[must_use]
    pub const fn violation(
        structure: &'static str,
        field: &'static str,
        rule: &'static str,
        at: u64,
        got: u64,
        expected: u64,
    ) -> Self {
        Self::Violation { structure, field, rule, at, got, expected }
    }

    /// The identifier of the broken rule.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::Violation { rule, .. } | Self::Unsupported { rule, .. } => rule,
        }
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Violation { structure, field, rule, at, got, expected } => write!(
                out,
                "{structure} {at}: {field}: got {got} ({got:#x}), expected {expected} ({expected:#x}) [rule {rule}]"
            ),
            Self::Unsupported { what, name, number, rule } => {
                write!(out, "{what} {number} ({name}) is not read by this version [rule {rule}]")
            }
        }
    }
}

impl core::error::Error for SpecError {}
