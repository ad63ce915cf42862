//! What is sorted in several places, as one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use crate::error::Result;

/// A k-way merge of sorted sources. An error is the last item.
#[derive(Debug)]
pub(super) struct Merge<T, S> {
    sources: Vec<S>,
    heap: BinaryHeap<Reverse<(T, usize)>>,
}

impl<T: Ord + Copy, S: Iterator<Item = Result<T>>> Merge<T, S> {
    pub(super) fn new(mut sources: Vec<S>) -> Result<Self> {
        let mut heap = BinaryHeap::with_capacity(sources.len());
        for (number, source) in sources.iter_mut().enumerate() {
            heap.extend(source.next().transpose()?.map(|item| Reverse((item, number))));
        }
        Ok(Self { sources, heap })
    }
}

impl<T: Ord + Copy, S: Iterator<Item = Result<T>>> Iterator for Merge<T, S> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut top = self.heap.peek_mut()?;
        let Reverse((item, number)) = *top;
        match self.sources[number].next() {
            Some(Ok(next)) => top.0.0 = next,
            Some(Err(error)) => {
                drop(top);
                self.heap.clear();
                return Some(Err(error));
            }
            None => {
                PeekMut::pop(top);
            }
        }
        Some(Ok(item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn in_order_until_an_error() {
        let lists = [vec![1, 4, 4], vec![], vec![2, 3, 9]];
        let all = |lists: &[Vec<i32>]| {
            let sources = lists.iter().map(|list| list.iter().copied().map(Ok::<_, Error>)).collect();
            Merge::new(sources).unwrap().collect::<Result<Vec<_>>>().unwrap()
        };
        assert_eq!(all(&lists), [1, 2, 3, 4, 4, 9]);
        let failing = |error: bool| {
            move |number: i32| {
                if error && number == 4 {
                    Err(Error::OutOfRange { what: "item", got: 4, count: 1 })
                } else {
                    Ok(number)
                }
            }
        };
        let sources = vec![lists[0].iter().copied().map(failing(true)), lists[2].iter().copied().map(failing(false))];
        let mut merge = Merge::new(sources).unwrap();
        assert!(
            merge.next().unwrap().is_err() && merge.next().is_none(),
            "the item before it would be the last good one"
        );
    }
}
