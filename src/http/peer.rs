//! Whose request it is, as far as the network says: the peer, or behind a proxy that is trusted by
//! name, whom that proxy says it forwards for.

use crate::app::App;
use actix_web::{HttpRequest, web::Data};
use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::Once,
};

const FORWARDED_FOR: &str = "x-forwarded-for";
/// One household or machine gets a network of IPv6 and can use any address of it.
const IPV6_PREFIX: u8 = 64;

/// An address, or a network as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    pub fn contains(&self, other: IpAddr) -> bool {
        let other = other.to_canonical();
        self.address.is_ipv4() == other.is_ipv4() && masked(self.address, self.prefix) == masked(other, self.prefix)
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.trim().parse().map_err(|_| format!("\"{address}\" is no IP address"))?;
        let address = address.to_canonical();
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().ok().filter(|prefix| *prefix <= most),
            None => Some(most),
        };
        let prefix = prefix.ok_or_else(|| format!("the part after the slash is a number up to {most}"))?;
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// What failures and requests are counted by: an IPv4 address, or the network of an IPv6 address.
pub fn address(request: &HttpRequest) -> String {
    let Some(peer) = request.peer_addr() else { return "unknown".to_owned() };
    let trusted = request.app_data::<Data<App>>().map(|app| app.proxies.as_slice()).unwrap_or_default();
    let said: Vec<&str> = request.headers().get_all(FORWARDED_FOR).filter_map(|value| value.to_str().ok()).collect();
    if !said.is_empty() && !trusted.iter().any(|network| network.contains(peer.ip())) {
        warn_of(peer.ip());
    }
    counted(forwarded(peer.ip(), &said.join(","), trusted))
}

/// Behind a proxy that is not named everybody shares one limit, and one count of failed sign-ins. Said once: anybody can
/// send the header.
fn warn_of(peer: IpAddr) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            %peer,
            "X-Forwarded-For came from an address that is not named as a proxy: if it is one, name it with \
             --trusted-proxy, or everybody behind it is counted as one"
        );
    });
}

/// Whoever stands nearest in the list without being a trusted proxy: what stands before them, they may have made up.
fn forwarded(peer: IpAddr, said: &str, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut nearest = peer.to_canonical();
    for hop in said.rsplit(',') {
        if !is_trusted(nearest) {
            break;
        }
        let Some(hop) = said_address(hop.trim()) else { break };
        nearest = hop.to_canonical();
    }
    nearest
}

/// Some proxies say the port as well.
fn said_address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(with_port)
}

fn counted(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(_) => Network { address: masked(address, IPV6_PREFIX), prefix: IPV6_PREFIX }.to_string(),
    }
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            IpAddr::from((u32::from(address) & mask).to_be_bytes())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(address) & mask))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn only_a_trusted_proxy_says_for_whom_it_asks() {
        let trusted: Vec<Network> = ["10.0.0.0/8", "::1"].map(|text| text.parse().expect("a network")).to_vec();
        for (peer, said, who) in [
            ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
            ("10.1.2.3", "203.0.113.9", "203.0.113.9"),
            ("10.1.2.3", "198.51.100.7, 203.0.113.9", "203.0.113.9"),
            ("10.1.2.3", "198.51.100.7, 203.0.113.9, 10.9.9.9", "203.0.113.9"),
            ("::1", "203.0.113.9", "203.0.113.9"),
            ("::ffff:10.1.2.3", "203.0.113.9", "203.0.113.9"),
            ("10.1.2.3", "", "10.1.2.3"),
            ("10.1.2.3", "203.0.113.9, nonsense", "10.1.2.3"),
            ("10.1.2.3", "203.0.113.9:51234", "203.0.113.9"),
            ("10.1.2.3", "[2001:db8::1]:443", "2001:db8::1"),
            ("10.1.2.3", "[2001:db8::1], 10.2.2.2:80", "2001:db8::1"),
            ("10.1.2.3", "203.0.113.9:port", "10.1.2.3"),
        ] {
            assert_eq!(forwarded(ip(peer), said, &trusted), ip(who), "{peer} says {said}");
        }
        assert_eq!(forwarded(ip("10.1.2.3"), "203.0.113.9", &[]), ip("10.1.2.3"));
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        assert_eq!(counted(ip("2001:db8:1:2:3::4")), counted(ip("2001:db8:1:2:ffff::9")));
        assert_ne!(counted(ip("2001:db8:1:2::4")), counted(ip("2001:db8:1:3::4")));
        assert_ne!(counted(ip("192.0.2.1")), counted(ip("192.0.2.2")));
    }

    #[test]
    fn a_network_is_an_address_and_a_length() {
        for bad in ["", "x", "10.0.0.0/33", "::1/129", "10.0.0.0/", "10.0.0.0/-1"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
        let all: Network = "0.0.0.0/0".parse().expect("everything");
        assert!(all.contains(ip("203.0.113.9")) && !all.contains(ip("2001:db8::1")));
    }
}
