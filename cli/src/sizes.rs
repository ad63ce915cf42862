//! Sizes and numbers, as users write them and as they read them.

use std::time::Duration;

use talaria_db::Error;
use talaria_db::memory::limits;

/// A size in bytes, from `16K`, `4M`, `2GiB` or `4096`.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    if text.contains('%') {
        return Err("a percentage has no meaning here".to_owned());
    }
    limits::parse(text, 0).map_err(|error| match error {
        Error::Option { reason, .. } => reason.replace("4G or 50%", "4G").replace("K, M, G, T or %", "K, M, G or T"),
        other => other.to_string(),
    })
}

/// Bytes with a unit, as `202.7 MiB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    // 1023.95 would be printed as 1024.0.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A number with commas, as `486,213`.
pub(crate) fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and its noun, as `1 record`, `2,000 records`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", number(count), if count == 1 { "" } else { "s" })
}

/// A share, as `52.4 %`; of nothing it is 0.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    let share = if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 };
    format!("{share:.1} %")
}

/// A time as on a clock, as `0:07` or `2:31:00`.
pub(crate) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_and_written() {
        assert_eq!(parse("16K"), Ok(16 << 10));
        assert_eq!(parse("1.5M"), Ok(3 << 19));
        assert!(parse("50%").is_err());
        assert!(parse("x").is_err());
        assert_eq!([bytes(0), bytes(1023), bytes(1024), bytes((1 << 20) - 1)], ["0 B", "1023 B", "1.0 KiB", "1.0 MiB"]);
        assert_eq!(bytes(u64::MAX), "16777216.0 TiB");
        assert_eq!([number(0), number(999), number(1000), number(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([counted(1, "record"), counted(0, "record")], ["1 record", "0 records"]);
        assert_eq!([percent(1, 3), percent(1, 0)], ["33.3 %", "0.0 %"]);
        assert_eq!([clock(Duration::from_secs(67)), clock(Duration::from_secs(9060))], ["1:07", "2:31:00"]);
    }
}
