//! The address that a request comes from.
//!
//! Behind proxies that the operator trusts it is what they say in `X-Forwarded-For`; from everybody else that header is
//! as good as a rumour.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;

/// The header that proxies write.
const FORWARDED: &str = "x-forwarded-for";

/// A network of proxies, e.g. `10.0.0.0/8` or `::1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// The text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an address such as 127.0.0.1 or a network such as 10.0.0.0/8")]
pub struct NotANetwork;

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text.trim(), None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(bits), str::parse).map_err(|_| NotANetwork)?;
        if prefix > bits {
            return Err(NotANetwork);
        }
        Ok(Network { address, prefix })
    }
}

impl Network {
    fn has(self, address: IpAddr) -> bool {
        let same = |ours: u128, theirs: u128, bits: u32| {
            let shift = bits.saturating_sub(u32::from(self.prefix));
            ours.checked_shr(shift) == theirs.checked_shr(shift)
        };
        match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                same(ours.to_bits().into(), theirs.to_bits().into(), 32)
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => same(ours.to_bits(), theirs.to_bits(), 128),
            _ => false,
        }
    }
}

/// Where a request comes from; `None` inside this process.
pub(super) fn address(parts: &Parts, proxies: &[Network]) -> Option<IpAddr> {
    let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    let is_proxy = |address: IpAddr| proxies.iter().any(|network| network.has(address));
    let mut address = peer.ip().to_canonical();
    let told = parts.headers.get_all(FORWARDED).iter();
    let told: Vec<&str> = told
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    // Each proxy writes whom it heard behind what it was told.
    for told in told.into_iter().rev() {
        match told.trim().parse::<IpAddr>() {
            Ok(told) if is_proxy(address) => address = told.to_canonical(),
            _ => break,
        }
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, SocketAddr};

    use axum::extract::ConnectInfo;
    use axum::http::Request;

    use super::{Network, address};

    fn from(peer: &str, forwarded: &str, proxies: &[&str]) -> IpAddr {
        let peer: SocketAddr = peer.parse().unwrap();
        let request = Request::get("/")
            .header("x-forwarded-for", forwarded)
            .body(())
            .unwrap();
        let (mut parts, ()) = request.into_parts();
        parts.extensions.insert(ConnectInfo(peer));
        let proxies: Vec<Network> = proxies.iter().map(|text| text.parse().unwrap()).collect();
        address(&parts, &proxies).unwrap()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let told = "198.51.100.9, 203.0.113.7";
        assert_eq!(from("192.0.2.1:5", told, &[]).to_string(), "192.0.2.1");
        assert_eq!(
            from("10.1.2.3:5", told, &["10.0.0.0/8"]).to_string(),
            "203.0.113.7"
        );
        // What the client itself wrote in front is not taken.
        assert_eq!(
            from("10.1.2.3:5", "198.51.100.9, 10.9.9.9", &["10.0.0.0/8"]).to_string(),
            "198.51.100.9"
        );
        assert_eq!(from("[::1]:5", "rubbish", &["::1"]).to_string(), "::1");
    }

    #[test]
    fn a_network_is_an_address_or_a_prefix() {
        for wrong in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "x"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong:?}");
        }
        let all: Network = "0.0.0.0/0".parse().unwrap();
        assert!(all.has("192.0.2.1".parse().unwrap()));
        assert!(!all.has("::1".parse().unwrap()));
    }
}
