//! Machine-days by id, packed: three bytes a pair instead of twelve.
//!
//! Pairs are ordered by id. Each is the difference to the id before and the days, both in groups of seven bits, lowest
//! first, with the top bit set on all but the last group. `(5, 300), (7, 1)` is `05 ac 02 02 01`.

/// Packs pairs of id and days; ids ascend and are not negative, pairs without days are left out.
pub(super) fn pack(pairs: impl IntoIterator<Item = (i32, u32)>) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut before = 0;
    for (id, days) in pairs {
        let Ok(place) = u32::try_from(id) else { continue };
        if days == 0 || place < before {
            continue;
        }
        push(&mut packed, place - before);
        push(&mut packed, days);
        before = place;
    }
    packed
}

fn push(packed: &mut Vec<u8>, mut value: u32) {
    while value > 0x7f {
        let [low, ..] = value.to_le_bytes();
        packed.push(low | 0x80);
        value >>= 7;
    }
    let [low, ..] = value.to_le_bytes();
    packed.push(low);
}

/// The pairs in `packed`, in their order. What is cut off in the middle ends them.
pub(super) fn unpack(packed: &[u8]) -> impl Iterator<Item = (i32, u32)> {
    let mut bytes = packed.iter();
    let mut before = 0_u32;
    std::iter::from_fn(move || {
        before = before.checked_add(pop(&mut bytes)?)?;
        let days = pop(&mut bytes)?;
        Some((i32::try_from(before).ok()?, days))
    })
}

fn pop(bytes: &mut std::slice::Iter<'_, u8>) -> Option<u32> {
    let mut value = 0;
    for shift in [0, 7, 14, 21, 28] {
        let byte = bytes.next()?;
        value |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{pack, unpack};

    #[test]
    fn pairs_survive_being_packed() {
        let pairs = [(5, 300), (7, 1), (8, u32::MAX), (i32::MAX, 128)];
        assert_eq!(pack(pairs[..2].iter().copied()), [5, 0xac, 2, 2, 1]);
        assert_eq!(unpack(&pack(pairs)).collect::<Vec<_>>(), pairs);
    }

    #[test]
    fn pairs_without_days_are_left_out() {
        assert_eq!(unpack(&pack([(1, 0), (2, 7)])).collect::<Vec<_>>(), [(2, 7)]);
    }

    #[test]
    fn what_is_cut_off_ends_the_pairs() {
        let packed = pack([(1, 2), (3, 300)]);
        assert_eq!(unpack(&packed[..3]).collect::<Vec<_>>(), [(1, 2)]);
    }
}
