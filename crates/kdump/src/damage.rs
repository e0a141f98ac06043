//! Counting what is damaged in a list, so that a list of nothing but damage is one warning.

use crate::{Part, Warning};

/// Counts what is damaged in a list and remembers the first.
#[derive(Debug, Default)]
pub(crate) struct Damage {
    count: u64,
    first: Option<(u64, u64, u64)>,
}

impl Damage {
    pub(crate) fn add(&mut self, offset: u64, needed: u64, there: u64) {
        self.count = self.count.saturating_add(1);
        self.first.get_or_insert((offset, needed, there));
    }

    pub(crate) fn into_warning(self, what: Part) -> Option<Warning> {
        let (offset, needed, there) = self.first?;
        Some(Warning::Damaged {
            what,
            count: self.count,
            offset,
            needed,
            there,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Damage;
    use crate::{Part, Warning};

    #[test]
    fn damage_is_counted_and_the_first_is_told() {
        let mut damage = Damage::default();
        damage.add(0x10, 8, 4);
        damage.add(0x20, 9, 0);
        assert_eq!(
            damage.into_warning(Part::DriverName),
            Some(Warning::Damaged {
                what: Part::DriverName,
                count: 2,
                offset: 0x10,
                needed: 8,
                there: 4
            })
        );
    }

    #[test]
    fn no_damage_is_no_warning() {
        assert_eq!(Damage::default().into_warning(Part::DriverName), None);
    }
}
