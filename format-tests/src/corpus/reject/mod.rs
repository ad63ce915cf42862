//! Files that break one rule each, by the part of the file that breaks it.

mod blocks;
mod columns;
mod compact;
mod deltas;
mod header;
mod layout;
mod measures;
mod membership;
mod names;
mod packed;
mod sources;
mod table;

use super::List;

/// A few proteins in one block, no two lines of one width.
const PROTEINS: &str = "0003-line-widths";

/// Rules, name, change, and what it shows: a row of a table of cases that change the same thing.
type Row<T> = (&'static str, &'static str, fn(&mut T), &'static str);

pub(super) fn list(list: &mut List) {
    header::list(list);
    table::list(list);
    columns::list(list);
    measures::list(list);
    membership::list(list);
    compact::list(list);
    blocks::list(list);
    deltas::list(list);
    packed::list(list);
    names::list(list);
    sources::list(list);
    layout::list(list);
}
