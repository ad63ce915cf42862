//! The flags that say which references are chosen.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use talaria_db::reduce::{Clustering, Selection};

use super::similarity::share;

/// How many references, and of what.
#[derive(Debug, Args)]
#[command(next_help_heading = "Selection (for --method select)")]
pub(super) struct SelectionFlags {
    /// Residues that references may have, as a share of all; auto is as many as cover everything [default: auto]
    #[arg(short, long, value_name = "SHARE", value_parser = ratio)]
    ratio: Option<Ratio>,
    /// The taxon of each record: a line each, its name, a tab, and its taxon; each taxon keeps a reference at least
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) taxon_map: Option<PathBuf>,
}

/// A share in ten-thousandths, or as much as it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ratio {
    Auto,
    Of(u16),
}

impl SelectionFlags {
    /// The first flag that was given, by name; a map of taxa is none if it says who is preferred.
    pub(super) fn given(&self, prefers_taxa: bool) -> Option<&'static str> {
        let taxa = self.taxon_map.as_ref().filter(|_| !prefers_taxa).map(|_| "--taxon-map");
        self.ratio.map(|_| "--ratio").or(taxa)
    }

    /// What they say, of records that are similar like this.
    pub(super) fn selection(&self, clustering: Clustering) -> Selection {
        let ratio = match self.ratio {
            None | Some(Ratio::Auto) => None,
            Some(Ratio::Of(share)) => Some(share),
        };
        Selection { clustering, ratio }
    }
}

fn ratio(text: &str) -> Result<Ratio, String> {
    if text == "auto" {
        Ok(Ratio::Auto)
    } else {
        share(text).map(Ratio::Of).map_err(|expected| format!("{expected}, or auto"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_or_auto() {
        assert_eq!((ratio("auto"), ratio("0.3")), (Ok(Ratio::Auto), Ok(Ratio::Of(3_000))));
        assert!(ratio("30").is_err() && ratio("Auto").is_err());
    }
}
