//! The type of virtual addresses.

use std::fmt;

/// A virtual address of the machine that crashed.
///
/// Addresses of 32-bit dumps are extended with zeros, so a 32-bit kernel address reads `0x8xxxxxxx` here where
/// WinDbg shows `0xffffffff8xxxxxxx`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Address(pub u64);

impl Address {
    /// The address `distance` bytes further up, or `None` past the end of the address space.
    pub fn checked_add(self, distance: u64) -> Option<Address> {
        self.0.checked_add(distance).map(Address)
    }

    /// How many bytes this address lies above `base`, or `None` if it lies below.
    ///
    /// ```
    /// use kdump::Address;
    /// assert_eq!(Address(0x1234).offset_from(Address(0x1000)), Some(0x234));
    /// assert_eq!(Address(0x1000).offset_from(Address(0x1234)), None);
    /// ```
    pub fn offset_from(self, base: Address) -> Option<u64> {
        self.0.checked_sub(base.0)
    }

    /// Whether the address is zero.
    pub fn is_null(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Address {
    /// Writes `0x` and lower-case hex digits without padding.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#x}", self.0)
    }
}

impl fmt::LowerHex for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.0, formatter)
    }
}

impl From<u64> for Address {
    fn from(value: u64) -> Address {
        Address(value)
    }
}

impl From<Address> for u64 {
    fn from(address: Address) -> u64 {
        address.0
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn an_address_prints_as_lower_case_hex_with_a_prefix() {
        assert_eq!(Address(0xFFFF_F804_8B58_334C).to_string(), "0xfffff8048b58334c");
    }

    #[test]
    fn adding_past_the_end_of_the_address_space_gives_nothing() {
        assert_eq!(Address(u64::MAX).checked_add(1), None);
    }
}
