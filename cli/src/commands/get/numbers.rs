//! Numbers of records, as in `0,17,5-9`.

use std::ops::RangeInclusive;
use std::str::FromStr;

/// Ranges of numbers, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Numbers(Vec<RangeInclusive<u64>>);

impl Numbers {
    /// The ranges.
    pub(in crate::commands) fn ranges(&self) -> impl Iterator<Item = &RangeInclusive<u64>> {
        self.0.iter()
    }
}

impl FromStr for Numbers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(range).collect::<Result<_, _>>().map(Self)
    }
}

fn range(text: &str) -> Result<RangeInclusive<u64>, String> {
    let number = |digits: &str| digits.trim().parse().map_err(|_| format!("'{text}' is not a number or range"));
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first)?, number(last)?);
    if first > last {
        return Err(format!("'{text}' ends before it starts"));
    }
    Ok(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        assert_eq!("0,17,5-9".parse(), Ok(Numbers(vec![0..=0, 17..=17, 5..=9])));
        for refused in ["", "x", "1,,2", "-1", "1-", "9-5", "18446744073709551616"] {
            assert!(refused.parse::<Numbers>().is_err(), "{refused}");
        }
    }
}
