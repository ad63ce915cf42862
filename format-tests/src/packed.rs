//! Packed columns, as section 14 of `FORMAT.md` has them: a second way to the same bytes, one value at a time.

use talaria_db_spec::packed_columns::lanes;
use talaria_db_spec::section::SectionKind;

const FRAME: usize = 128;

/// The section that holds `items` of `size` bytes.
#[must_use]
pub fn pack(kind: SectionKind, size: u32, items: &[u8]) -> Vec<u8> {
    let lanes = lanes(kind, size).expect("a kind that is packed");
    let (mut frames, mut index) = (Vec::new(), Vec::new());
    for items in items.chunks(FRAME * usize::try_from(size).unwrap()) {
        index.extend((frames.len() as u64).to_le_bytes());
        let columns: Vec<Vec<u64>> = columns(items, lanes);
        let least = |values: &[u64]| *values.iter().min().expect("a frame has an item");
        let width = |values: &[u64]| {
            let most = values.iter().max().expect("a frame has an item") - least(values);
            (0..).find(|&bits| u128::from(most) < 1 << bits).expect("a width")
        };
        frames.extend(columns.iter().map(|values| u8::try_from(width(values)).unwrap()));
        for (values, &lane) in columns.iter().zip(lanes) {
            frames.extend_from_slice(&least(values).to_le_bytes()[..usize::try_from(lane).unwrap() / 8]);
        }
        for values in &columns {
            let (least, width): (u64, usize) = (least(values), width(values));
            let mut bits = vec![0_u8; 16 * width];
            for (number, value) in values.iter().enumerate() {
                for bit in (0..width).filter(|bit| (value - least) >> bit & 1 == 1) {
                    let at = number * width + bit;
                    bits[at / 8] |= 1 << (at % 8);
                }
            }
            frames.extend(bits);
        }
    }
    frames.extend(index);
    frames
}

/// The items of a sound section.
#[must_use]
pub fn unpack(kind: SectionKind, size: u32, count: u64, section: &[u8]) -> Vec<u8> {
    let lanes = lanes(kind, size).expect("a kind that is packed");
    let count = usize::try_from(count).unwrap();
    let index = section.len() - 8 * count.div_ceil(FRAME);
    let mut items = Vec::new();
    for (number, start) in section[index..].as_chunks::<8>().0.iter().enumerate() {
        let frame = &section[usize::try_from(u64::from_le_bytes(*start)).unwrap()..index];
        let (widths, mut rest) = frame.split_at(lanes.len());
        let mut least = Vec::new();
        for &lane in lanes {
            let (bytes, after) = rest.split_at(usize::try_from(lane).unwrap() / 8);
            least.push(bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)));
            rest = after;
        }
        for item in 0..FRAME.min(count - number * FRAME) {
            let mut values = rest;
            for ((&lane, &width), &least) in lanes.iter().zip(widths).zip(&least) {
                let width = usize::from(width);
                let (bits, after) = values.split_at(16 * width);
                let bit = |at: usize| u64::from(bits[at / 8] >> (at % 8) & 1);
                let above = (0..width).map(|bit_of| bit(item * width + bit_of) << bit_of).sum::<u64>();
                items.extend_from_slice(&(least + above).to_le_bytes()[..usize::try_from(lane).unwrap() / 8]);
                values = after;
            }
        }
    }
    items
}

/// The values of each lane.
fn columns(items: &[u8], lanes: &[u32]) -> Vec<Vec<u64>> {
    let size = lanes.iter().sum::<u32>() / 8;
    let mut columns = vec![Vec::new(); lanes.len()];
    for item in items.chunks(usize::try_from(size).unwrap()) {
        let mut rest = item;
        for (column, &lane) in columns.iter_mut().zip(lanes) {
            let (bytes, after) = rest.split_at(usize::try_from(lane).unwrap() / 8);
            column.push(bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)));
            rest = after;
        }
    }
    columns
}
