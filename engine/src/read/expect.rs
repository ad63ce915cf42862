//! What the system is asked for before it is needed: the stored bytes of blocks.

use talaria_db_spec::block::BlockEntry;

use crate::database::Database;
use crate::read::ahead::Ask;
use crate::read::stream::Stream;

impl Database {
    /// Asks the system for what decoding block `number` is going to need, and the ones after it if they are going to be
    /// next.
    pub(super) fn read_ahead(&self, stream: &Stream, number: u64, entry: &BlockEntry) {
        let Some(ahead) = self.ahead(stream.kind) else { return };
        match ahead.observe(number) {
            // Where the file is not mapped, it is read in one piece anyway, at once.
            Ask::Alone if self.is_in_memory() => self.will_need_block(stream, entry),
            Ask::Alone | Ask::Nothing => {}
            Ask::Next(blocks) => {
                let last = blocks.end.min(stream.directory.item_count).saturating_sub(1);
                // A directory that is damaged is found out when its turn comes.
                if let (Ok(first), Ok(last)) = (self.block_entry(stream, blocks.start), self.block_entry(stream, last))
                {
                    let end = last.offset.get().saturating_add(last.stored_length.get().into());
                    self.will_need(stream, first.offset.get(), end.saturating_sub(first.offset.get()));
                }
            }
        }
    }

    /// Asks the system for a block that is going to be decoded soon.
    pub(crate) fn expect_block(&self, stream: &Stream, number: u64) {
        if self.ahead(stream.kind).is_some()
            && let Ok(entry) = self.block_entry(stream, number)
        {
            self.will_need_block(stream, &entry);
        }
    }

    /// The same for blocks that ascend: as one range where most of what lies between them is wanted.
    pub(crate) fn expect_blocks(&self, stream: &Stream, numbers: &[u64]) {
        let (Some(&first), Some(&last)) = (numbers.first(), numbers.last()) else { return };
        if self.ahead(stream.kind).is_none() {
            return;
        }
        if last - first >= 2 * numbers.len() as u64 {
            numbers.iter().for_each(|&number| self.expect_block(stream, number));
        } else if let (Ok(first), Ok(last)) = (self.block_entry(stream, first), self.block_entry(stream, last)) {
            let end = last.offset.get().saturating_add(last.stored_length.get().into());
            self.will_need(stream, first.offset.get(), end.saturating_sub(first.offset.get()));
        }
    }

    fn will_need_block(&self, stream: &Stream, entry: &BlockEntry) {
        self.will_need(stream, entry.offset.get(), entry.stored_length.get().into());
    }
}
