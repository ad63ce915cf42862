//! The flags that say what is similar.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use talaria_db::align::{CoverageMode, Criterion, Identity};
use talaria_db::reduce::Clustering;

/// What members must have in common with their representative.
#[derive(Debug, Args)]
pub(in crate::commands) struct SimilarityFlags {
    /// Least identity of a member to its representative: 0.3 to 1 for proteins, 0.7 to 1 for nucleotides [default: 0.9]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    min_identity: Option<u16>,
    /// Least share of residues that the alignment covers [default: 0.8]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    coverage: Option<u16>,
    /// Whose residues: target (the member's), query (the representative's) or both [default: target]
    #[arg(long, value_name = "MODE", hide_possible_values = true, value_parser = coverage_mode())]
    cov_mode: Option<CoverageMode>,
    /// What identity is the share of: mmseqs2 (columns of the alignment), cd-hit (residues of the shorter sequence) or
    /// longer (of the longer one) [default: mmseqs2]
    #[arg(long, value_name = "NAME", hide_possible_values = true, value_parser = identity())]
    identity_definition: Option<Identity>,
    /// More rounds: fewer clusters for more time
    #[arg(long)]
    sensitive: bool,
    /// Do not compare reverse complements of nucleotides
    #[arg(long)]
    one_strand: bool,
}

impl SimilarityFlags {
    /// The first flag that was given, by name.
    pub(super) fn given(&self) -> Option<&'static str> {
        let flags = [
            (self.min_identity.is_some(), "--min-identity"),
            (self.coverage.is_some(), "--coverage"),
            (self.cov_mode.is_some(), "--cov-mode"),
            (self.identity_definition.is_some(), "--identity-definition"),
            (self.sensitive, "--sensitive"),
            (self.one_strand, "--one-strand"),
        ];
        flags.into_iter().find_map(|(given, name)| given.then_some(name))
    }

    /// The first flag that was given and says something else than the other ones.
    pub(super) fn contradiction(&self, other: &Self) -> Option<&'static str> {
        let (own, others) = (self.clustering(), other.clustering());
        let flags = [
            (self.min_identity.is_some() && own.criterion.identity != others.criterion.identity, "--min-identity"),
            (self.coverage.is_some() && own.criterion.coverage != others.criterion.coverage, "--coverage"),
            (self.cov_mode.is_some() && own.criterion.mode != others.criterion.mode, "--cov-mode"),
            (
                self.identity_definition.is_some() && own.criterion.definition != others.criterion.definition,
                "--identity-definition",
            ),
            (self.sensitive && !others.sensitive, "--sensitive"),
            (self.one_strand && others.both_strands, "--one-strand"),
        ];
        flags.into_iter().find_map(|(contradicts, name)| contradicts.then_some(name))
    }

    /// What they say.
    pub(in crate::commands) fn clustering(&self) -> Clustering {
        let usual = Criterion::default();
        let criterion = Criterion {
            identity: self.min_identity.unwrap_or(usual.identity),
            coverage: self.coverage.unwrap_or(usual.coverage),
            definition: self.identity_definition.unwrap_or(usual.definition),
            mode: self.cov_mode.unwrap_or(usual.mode),
        };
        Clustering { criterion, sensitive: self.sensitive, both_strands: !self.one_strand }
    }
}

fn coverage_mode() -> impl TypedValueParser<Value = CoverageMode> {
    PossibleValuesParser::new(CoverageMode::ALL.map(CoverageMode::name))
        .map(|name| CoverageMode::ALL.into_iter().find(|mode| mode.name() == name).unwrap_or_default())
}

fn identity() -> impl TypedValueParser<Value = Identity> {
    PossibleValuesParser::new(Identity::ALL.map(Identity::name))
        .map(|name| Identity::ALL.into_iter().find(|identity| identity.name() == name).unwrap_or_default())
}

/// A share of one in ten-thousandths; more decimals are refused rather than rounded.
pub(super) fn share(text: &str) -> Result<u16, String> {
    let refused = || "a share from 0 to 1 with at most four decimals, as 0.9".to_owned();
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 4 || !decimals.bytes().chain(whole.bytes()).all(|byte| byte.is_ascii_digit()) {
        return Err(refused());
    }
    let share = format!("{whole}{decimals:0<4}").parse().map_err(|_| refused())?;
    if share > 10_000 || text.is_empty() || text == "." { Err(refused()) } else { Ok(share) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_ten_thousandths() {
        for (text, expected) in
            [("0.9", 9_000), ("1", 10_000), ("1.0", 10_000), (".5", 5_000), ("0.3333", 3_333), ("0", 0)]
        {
            assert_eq!(share(text), Ok(expected), "{text}");
        }
        for text in ["", ".", "90", "1.1", "0.33333", "-0.5", "a", "+1", "0.9%"] {
            assert!(share(text).is_err(), "{text}");
        }
    }
}
