//! Which records are wanted by their lengths and measures: flags that `get` and `export` share.

use std::ops::RangeInclusive;

use clap::Args;
use talaria_db::read::filter::Filter;

use crate::failure::{Failure, Result};

/// Bounds, all of them inclusive.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct FilterFlags {
    /// Only records of at least N residues
    #[arg(short = 'm', long, value_name = "N")]
    min_length: Option<u64>,
    /// Only records of at most N residues
    #[arg(short = 'M', long, value_name = "N")]
    max_length: Option<u64>,
    /// Only records with at least this share of G, C and S, from 0 to 1; needs `build --columns gc`
    #[arg(long, value_name = "SHARE", value_parser = share)]
    min_gc: Option<f32>,
    /// Only records with at most this share of G, C and S
    #[arg(long, value_name = "SHARE", value_parser = share)]
    max_gc: Option<f32>,
    /// Only records of at least this complexity, from 0 to 1; needs `build --columns complexity`
    #[arg(long, value_name = "SHARE", value_parser = share)]
    min_complexity: Option<f32>,
    /// Only records of at most this complexity
    #[arg(long, value_name = "SHARE", value_parser = share)]
    max_complexity: Option<f32>,
}

impl FilterFlags {
    /// The names of its arguments.
    pub(crate) const NAMES: [&str; 6] =
        ["min_length", "max_length", "min_gc", "max_gc", "min_complexity", "max_complexity"];

    /// What they say; none if none of them is given.
    pub(crate) fn filter(&self) -> Result<Option<Filter>> {
        let filter = Filter {
            length: bounds("length", self.min_length, self.max_length, (0, u64::MAX))?.unwrap_or(0..=u64::MAX),
            gc_content: bounds("gc", self.min_gc, self.max_gc, (0.0, 1.0))?,
            complexity: bounds("complexity", self.min_complexity, self.max_complexity, (0.0, 1.0))?,
        };
        Ok(Some(filter).filter(|filter| !filter.is_open()))
    }
}

fn bounds<T: PartialOrd + std::fmt::Display>(
    name: &str,
    least: Option<T>,
    most: Option<T>,
    widest: (T, T),
) -> Result<Option<RangeInclusive<T>>> {
    if least.is_none() && most.is_none() {
        return Ok(None);
    }
    let (least, most) = (least.unwrap_or(widest.0), most.unwrap_or(widest.1));
    if least > most {
        return Err(Failure::Usage(format!("--min-{name} {least} is more than --max-{name} {most}")));
    }
    Ok(Some(least..=most))
}

fn share(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("not a share from 0 to 1, as 0.41".to_owned()),
    }
}
