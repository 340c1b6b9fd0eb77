//! Comparing what is known with what a rule asks for: yes, no, can't tell.

use super::form::Pattern;
use super::value::{Bits, Value};

/// Yes, no, or can't tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tri {
    /// Yes.
    Yes,
    /// No.
    No,
    /// It can't be told.
    Unknown,
}

impl Tri {
    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Unknown,
        }
    }

    /// One of them.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::No, Self::No) => Self::No,
            _ => Self::Unknown,
        }
    }

    /// The contrary.
    #[must_use]
    pub const fn turned(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl From<bool> for Tri {
    fn from(so: bool) -> Self {
        if so { Self::Yes } else { Self::No }
    }
}

/// Whether a value, under a mask, is what a pattern says. Not to be asked of one that is absent.
pub(super) fn is(value: &Value, mask: Option<u128>, pattern: &Pattern) -> Tri {
    match (value, pattern) {
        (_, Pattern::Any) => Tri::Yes,
        (Value::Name(name), Pattern::Name(wanted)) => (name == wanted).into(),
        (Value::Name(name), Pattern::Prefix(wanted)) => name.starts_with(wanted.as_str()).into(),
        (Value::Between(first, last), _) => match mask {
            None => range(*first, *last, pattern),
            Some(mask) if first == last => bits(Bits::exactly(*first).and(mask), pattern),
            Some(mask) => bits(common(*first, *last).and(mask), pattern),
        },
        (Value::Bits(known), _) => bits(known.and(mask.unwrap_or(u128::MAX)), pattern),
        _ => Tri::Unknown,
    }
}

/// The leading bits that all values between two have in common.
fn common(first: u128, last: u128) -> Bits {
    let differing = first ^ last;
    let known = match differing.leading_zeros() {
        0 => 0,
        128 => u128::MAX,
        same => u128::MAX << (128 - same),
    };
    Bits {
        value: first & known,
        known,
    }
}

fn range(first: u128, last: u128, pattern: &Pattern) -> Tri {
    match pattern {
        Pattern::Between(from, to) if *from <= first && last <= *to => Tri::Yes,
        Pattern::Between(from, to) if last < *from || *to < first => Tri::No,
        Pattern::AnyBit(_) if first == last => bits(Bits::exactly(first), pattern),
        _ => Tri::Unknown,
    }
}

fn bits(found: Bits, pattern: &Pattern) -> Tri {
    match pattern {
        Pattern::AnyBit(any) if found.value & any != 0 => Tri::Yes,
        Pattern::AnyBit(any) if !found.known & any == 0 => Tri::No,
        Pattern::Between(from, to) if from == to && (found.value ^ from) & found.known != 0 => {
            Tri::No
        }
        Pattern::Between(..) if found.known == u128::MAX => {
            range(found.value, found.value, pattern)
        }
        _ => Tri::Unknown,
    }
}

/// Whether a value, one field alone, is in a set of patterns: also where no single pattern holds all that it may be, but several together.
pub(super) fn among<'a>(
    value: &Value,
    mask: Option<u128>,
    patterns: impl Iterator<Item = &'a Pattern>,
) -> Tri {
    let mut held = Tri::No;
    let mut parts: Vec<(u128, u128)> = Vec::new();
    for pattern in patterns {
        held = held.or(is(value, mask, pattern));
        if held == Tri::Yes {
            return held;
        }
        if let Pattern::Between(from, to) = pattern {
            parts.push((*from, *to));
        }
    }
    match value {
        Value::Between(first, last) if held == Tri::Unknown && mask.is_none() => {
            if covered(*first, *last, &mut parts) {
                Tri::Yes
            } else {
                Tri::Unknown
            }
        }
        _ => held,
    }
}

/// Whether ranges hold all from one to the other.
fn covered(first: u128, last: u128, parts: &mut [(u128, u128)]) -> bool {
    parts.sort_unstable();
    let mut next = first;
    for (from, to) in parts.iter() {
        if *from > next {
            break;
        }
        if *to >= last {
            return true;
        }
        next = next.max(to.saturating_add(1));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn holds(value: u128, mask: Option<u128>, pattern: &Pattern) -> bool {
        let value = value & mask.unwrap_or(u128::MAX);
        match pattern {
            Pattern::Between(from, to) => (*from..=*to).contains(&value),
            Pattern::AnyBit(any) => value & any != 0,
            _ => true,
        }
    }

    fn pattern() -> impl Strategy<Value = Pattern> {
        prop_oneof![
            (0u128..64, 0u128..64).prop_map(|(a, b)| Pattern::Between(a.min(b), a.max(b))),
            (0u128..64).prop_map(Pattern::exactly),
            (0u128..64).prop_map(Pattern::AnyBit),
            Just(Pattern::Any),
        ]
    }

    proptest! {
        #[test]
        fn what_is_told_of_a_range_is_so_for_all_its_values(
            a in 0u128..64, b in 0u128..64, mask in proptest::option::of(0u128..64),
            patterns in proptest::collection::vec(pattern(), 0..5),
        ) {
            let (first, last) = (a.min(b), a.max(b));
            let told = among(&Value::Between(first, last), mask, patterns.iter());
            let so: Vec<bool> = (first..=last).map(|value| patterns.iter().any(|p| holds(value, mask, p))).collect();
            match told {
                Tri::Yes => prop_assert!(so.iter().all(|so| *so)),
                Tri::No => prop_assert!(so.iter().all(|so| !*so)),
                Tri::Unknown => {}
            }
            if mask.is_none() && !patterns.iter().any(|p| matches!(p, Pattern::AnyBit(_))) {
                let certain = so.windows(2).all(|pair| pair[0] == pair[1]);
                prop_assert_eq!(told != Tri::Unknown, certain);
            }
        }

        #[test]
        fn what_is_told_of_bits_is_so_however_the_unknown_ones_are(
            value in 0u128..64, known in 0u128..64, free in 0u128..64, mask in proptest::option::of(0u128..64),
            patterns in proptest::collection::vec(pattern(), 0..5),
        ) {
            let bits = Bits { value: value & known, known: known | !63 };
            let real = (value & known) | (free & !known & 63);
            let so = patterns.iter().any(|p| holds(real, mask, p));
            match among(&Value::Bits(bits), mask, patterns.iter()) {
                Tri::Yes => prop_assert!(so),
                Tri::No => prop_assert!(!so),
                Tri::Unknown => {}
            }
        }
    }
}
