//! Where webhooks may be sent: by default to public addresses only, so that nobody who may
//! subscribe can reach what only this host can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use reqwest::Url;

/// Addresses that webhooks may be sent to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    /// Every address, private ones too.
    pub allow_private: bool,
    /// These networks besides the public addresses.
    pub allowed: Vec<IpNet>,
}

impl Networks {
    /// Whether a connection to an address is allowed.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        let meant = meant(address);
        let is_listed = |network: &IpNet| network.contains(&address) || network.contains(&meant);
        self.allow_private || self.allowed.iter().any(is_listed) || is_public(meant)
    }

    /// What is wrong with an address, as far as it says so itself.
    pub(super) fn objection(&self, url: &str) -> Option<&'static str> {
        let Ok(url) = Url::parse(url) else { return Some("the address cannot be read") };
        let host = url.host_str().unwrap_or_default();
        let is_local = || {
            let name = host.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        };
        let refused = match literal(&url) {
            Some(address) => !self.allows(address),
            None => is_local() && !self.allows(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        };
        refused.then_some(
            "the address is not public, and webhooks.allow_private and webhooks.allowed_networks \
             of the configuration do not allow it",
        )
    }
}

/// The address that a URL names outright, in whatever spelling.
pub(super) fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// The IPv4 address that an IPv6 address leads to, if it does, else the address itself.
fn meant(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [a, b, ..] = v6.segments();
    let octets = v6.octets();
    let at = |first: usize| {
        Ipv4Addr::new(octets[first], octets[first + 1], octets[first + 2], octets[first + 3])
    };
    let is_nat64 = (a, b) == (0x64, 0xff9b) && v6.segments()[2..6] == [0; 4];
    match v6.to_ipv4_mapped() {
        Some(v4) => v4.into(),
        None if is_nat64 => at(12).into(),
        None if a == 0x2002 => at(2).into(),
        None => address,
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    // One cloud keeps its metadata service at a public address.
    const METADATA: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
    !(matches!(a, 0 | 10 | 127 | 224..)
        || (a == 100 && (64..128).contains(&b))
        || (a, b) == (169, 254)
        || (a == 172 && (16..32).contains(&b))
        || (a, b) == (192, 168)
        || matches!((a, b, c), (192, 0, 0 | 2) | (192, 88, 99) | (198, 51, 100) | (203, 0, 113))
        || (a == 198 && matches!(b, 18 | 19))
        || address == METADATA)
}

/// Only what is given out as global unicast, without what is reserved in it.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let is_global = a & 0xe000 == 0x2000;
    let is_special = (a == 0x2001 && (b < 0x0200 || b == 0x0db8)) || (a == 0x3fff && b < 0x1000);
    is_global && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSIDE: [&str; 40] = [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::1",
        "2002:a9fe:a9fe::",
        "2001::1",
        "2001:db8::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ];
    const OUTSIDE: [&str; 10] = [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "2606:4700::1111",
        "2a00:1450::1",
        "64:ff9b::808:808",
        "2002:808:808::1",
    ];

    #[test]
    fn only_public_addresses_are_reached() {
        let networks = Networks::default();
        for text in INSIDE {
            assert!(!networks.allows(text.parse().unwrap()), "{text}");
        }
        for text in OUTSIDE {
            assert!(networks.allows(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn a_listed_network_is_reached_however_it_is_written() {
        let allowed = vec!["10.1.0.0/16".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let networks = Networks { allowed, ..Networks::default() };
        for text in ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "fd00::1"] {
            assert!(networks.allows(text.parse().unwrap()), "{text}");
        }
        for text in ["10.2.0.1", "127.0.0.1", "fc00::1"] {
            assert!(!networks.allows(text.parse().unwrap()), "{text}");
        }
        let all = Networks { allow_private: true, ..Networks::default() };
        assert!(INSIDE.iter().all(|text| all.allows(text.parse().unwrap())));
    }

    #[test]
    fn a_literal_is_refused_in_every_spelling() {
        let networks = Networks::default();
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1:8080/x",
            "http://[::1]/",
            "http://[::ffff:7f00:1]/",
            "https://169.254.169.254/latest/meta-data",
            "http://localhost/",
            "http://LOCALHOST.:80/",
            "http://a.localhost/",
        ] {
            assert!(networks.objection(url).is_some(), "{url}");
        }
        for url in ["https://receiver.example/x", "http://8.8.8.8/", "https://[2606:4700::1111]/"] {
            assert_eq!(networks.objection(url), None, "{url}");
        }
    }
}
