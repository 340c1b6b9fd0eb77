//! What is known of one field of a packet.

/// What is known of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// The packet has no such field: a comparison fails, a negated one too (nftables' `NFT_BREAK`).
    Absent,
    /// It has one, and its value is not known.
    Unknown,
    /// It lies between these, both included.
    Between(u128, u128),
    /// These bits, of which the mask says which are known.
    Bits(Bits),
    /// A name.
    Name(String),
}

impl Value {
    pub(super) const fn exactly(value: u128) -> Self {
        Self::Between(value, value)
    }
}

/// Bits of which some may not be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bits {
    /// The known ones; 0 where not known.
    pub(super) value: u128,
    /// Which are known.
    pub(super) known: u128,
}

impl Bits {
    /// All known.
    pub(super) const fn exactly(value: u128) -> Self {
        Self {
            value,
            known: u128::MAX,
        }
    }

    /// None known.
    pub(super) const UNKNOWN: Self = Self { value: 0, known: 0 };

    /// The bits of a mask alone; the others are 0.
    pub(super) const fn and(self, mask: u128) -> Self {
        Self {
            value: self.value & mask,
            known: self.known | !mask,
        }
    }

    /// Exclusive or.
    pub(super) const fn xor(self, other: Self) -> Self {
        let known = self.known & other.known;
        Self {
            value: (self.value ^ other.value) & known,
            known,
        }
    }
}
