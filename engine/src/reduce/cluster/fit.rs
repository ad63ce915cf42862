//! Where one sequence fits another: on which diagonal, and on which strand.

/// How a sequence lies along another one. If `reverse`, it is the reverse complement that lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fit {
    /// The other's position less the own one, which is counted in the direction in which it lies.
    pub(super) diagonal: i64,
    pub(super) reverse: bool,
}

/// Added to diagonals so that they are not negative, and sort as they should.
const BIAS: i64 = 1 << 40;

impl Fit {
    /// As a number that sorts the same.
    pub(super) fn bits(self) -> u64 {
        ((self.diagonal + BIAS) as u64) << 1 | u64::from(self.reverse)
    }

    pub(super) fn of_bits(bits: u64) -> Self {
        Self { diagonal: (bits >> 1) as i64 - BIAS, reverse: bits & 1 == 1 }
    }

    /// In four bytes, for sequences that are aligned.
    pub(super) fn small(self) -> i32 {
        (self.diagonal as i32) << 1 | i32::from(self.reverse)
    }

    pub(super) fn of_small(small: i32) -> Self {
        Self { diagonal: i64::from(small >> 1), reverse: small & 1 == 1 }
    }

    /// The same on another diagonal.
    pub(super) fn at(self, diagonal: i64) -> Self {
        Self { diagonal, ..self }
    }

    /// What a word said of a sequence of so many residues: of one that is turned around, words count from its front.
    pub(super) fn complete(self, length: u64) -> Self {
        if self.reverse { self.at(self.diagonal - length as i64) } else { self }
    }

    /// How the other one, of `other` residues, fits a sequence of `own` residues that fits it like this.
    pub(super) fn turned(self, own: u64, other: u64) -> Self {
        self.at(if self.reverse { own as i64 - other as i64 + self.diagonal } else { -self.diagonal })
    }

    /// How a sequence of `own` residues fits the third one, if it fits the second one of `length` residues like this,
    /// and that one the third like `next`.
    pub(super) fn then(self, next: Self, own: u64, length: u64) -> Self {
        if next.reverse {
            let diagonal = length as i64 - own as i64 - self.diagonal + next.diagonal;
            Self { diagonal, reverse: !self.reverse }
        } else {
            Self { diagonal: self.diagonal + next.diagonal, reverse: self.reverse }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where a position of a sequence of `length` residues comes to lie.
    fn place(fit: Fit, position: i64, length: u64) -> i64 {
        let position = if fit.reverse { length as i64 - 1 - position } else { position };
        position + fit.diagonal
    }

    proptest! {
        #[test]
        fn one_after_the_other(
            (first, second) in ((-99_i64..99, any::<bool>()), (-99_i64..99, any::<bool>())),
            (own, length) in (1_u64..99, 1_u64..99),
            position in 0_i64..99,
        ) {
            let first = Fit { diagonal: first.0, reverse: first.1 };
            let second = Fit { diagonal: second.0, reverse: second.1 };
            let expected = place(second, place(first, position, own), length);
            prop_assert_eq!(place(first.then(second, own, length), position, own), expected);
            let back = first.turned(own, length);
            prop_assert_eq!(place(back, place(first, position, own), length), position);
            prop_assert_eq!(Fit::of_bits(first.bits()), first);
            prop_assert_eq!(Fit::of_small(first.small()), first);
            prop_assert_eq!(first.bits() < second.bits(), first < second);
        }
    }
}
