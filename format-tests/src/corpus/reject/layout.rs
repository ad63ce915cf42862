//! The layout index and its scripts.

use talaria_db::read::stream::StreamKind::Layout;
use talaria_db_spec::layout::LayoutEntry;
use talaria_db_spec::section::SectionKind;
use talaria_db_spec::varint;
use zerocopy::little_endian::{U32, U64};

use super::{List, Row};
use crate::draft::Draft;

const IRREGULAR: &str = "0009-irregular-layout";

// EVIDENCE: L-1, L-2, L-3, V-1
pub(super) fn list(list: &mut List) {
    let index: [Row<Vec<LayoutEntry>>; 3] = [
        ("L-1,C-4", "order", |items| items.swap(0, 1), "two entries have changed places"),
        ("L-1,C-4", "twice", |items| items[1].ordinal = items[0].ordinal, "two entries for one record"),
        ("L-1,C-4", "no-record", |items| items[5].ordinal = U64::new(7), "an entry for a record that is not there"),
    ];
    for (rules, name, change, shows) in index {
        list.reject(rules, name, IRREGULAR, shows, |draft| draft.edit::<LayoutEntry>(SectionKind::LayoutIndex, change));
    }
    // The first script: the header ends in LF, then lines 1 x 10, 1 x 0, 1 x 10, 2 x 0.
    let scripts: [(&str, &str, &[u8], &str); 7] = [
        ("L-2", "fewer-residues", b"\x01\n\x04\n", "a script for half of the residues"),
        ("L-2", "more-residues", b"\x01\n\x04\x15", "a script for a residue too many"),
        ("L-2", "operation", b"\x01\n\x04\n\x04\n\x03", "an operation that is reserved"),
        ("L-2", "cut-bytes", b"\x01\n\x04\n\x04\n\x0A;", "a script that ends within its bytes"),
        ("L-2", "header-end", b"\x09\n", "a header end that is longer than the script"),
        ("V-1", "padded", b"\x01\n\x84\x00\n\x04\n", "an operation in more bytes than it needs"),
        ("V-1", "cut", b"\x01\n\x04\n\x04", "a script that ends within an operation"),
    ];
    for (rules, name, script, shows) in scripts {
        list.reject(rules, name, IRREGULAR, shows, |draft| first_script(draft, script));
    }
    let mut flood = b"\x01\n\x04\n\x04\n".to_vec();
    varint::write(&mut flood, (1 << 40) << 2);
    flood.push(0);
    list.reject("L-3", "flood", IRREGULAR, "ten bytes that stand for a terabyte of blank lines", |draft| {
        first_script(draft, &flood);
    });
    list.reject("B-9", "layout-no-block", IRREGULAR, "a script in a block that is not there", |draft| {
        draft.edit::<LayoutEntry>(SectionKind::LayoutIndex, |items| items[0].address = U64::new(1 << 24));
    });
    list.reject("B-8", "layout-past-the-block", IRREGULAR, "a script that ends after its block", |draft| {
        draft.edit_blocks(Layout, |blocks| {
            blocks[0].stored.extend_from_slice(&[100, 0]);
            blocks[0].entry.decoded_length += 2;
        });
        let last = draft.blocks(Layout)[0].entry.decoded_length.get() - 2;
        draft.edit::<LayoutEntry>(SectionKind::LayoutIndex, |items| items[5].address = U64::new(last.into()));
    });
}

/// Puts another script at the end of the layout stream, for the first irregular record.
fn first_script(draft: &mut Draft, script: &[u8]) {
    let mut at = 0;
    draft.edit_blocks(Layout, |blocks| {
        let block = &mut blocks[0];
        at = block.entry.decoded_length.get();
        varint::write(&mut block.stored, script.len() as u64);
        block.stored.extend_from_slice(script);
        block.entry.decoded_length = U32::new(u32::try_from(block.stored.len()).expect("a small block"));
    });
    draft.edit::<LayoutEntry>(SectionKind::LayoutIndex, |items| items[0].address = U64::new(at.into()));
}
