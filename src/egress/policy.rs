//! Where calls may go: schemes, ports, names and networks. Pure; nothing is resolved or dialled here.
//!
//! Only addresses routable on the public internet are open (the IANA special-purpose registries, RFC 6890), unless the
//! operator allows a network. The URL parser has already turned every spelling of a number into one address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use url::{Host, Url};

use super::Error;

/// IPv4 networks that are not the public internet.
const CLOSED_V4: [(Ipv4Addr, u8); 16] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The only part of IPv6 that is handed out for the public internet.
const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// What is closed within it: protocol assignments with Teredo, documentation.
const CLOSED_V6: [(Ipv6Addr, u8); 3] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Instance metadata of cloud providers: hands out credentials of the machine, so no setting opens it.
const METADATA: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254))];

/// Ports from 1024 on that belong to brokers, databases and caches.
const CLOSED_PORTS: [u16; 4] = [4222, 5432, 6379, 11211];

/// Endings of names that only mean something inside a network.
const INSIDE_NAMES: [&str; 7] = ["localhost", "local", "internal", "lan", "svc", "home.arpa", "intranet"];

/// How far a call may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Public addresses and those allowed.
    Public,
    /// Those allowed by the operator only: an inside name, or a port closed to the public.
    Allowed,
}

/// The operator's policy.
#[derive(Debug)]
pub(super) struct Policy {
    allow: Vec<IpNet>,
}

impl Policy {
    pub(super) fn new(allow: &[IpNet]) -> Self {
        Self { allow: allow.to_vec() }
    }

    /// Are there networks besides the public ones?
    pub(super) fn allows_any(&self) -> bool {
        !self.allow.is_empty()
    }

    /// Judges an address as written: an IP literal in full, a name as far as that goes without resolving it.
    pub(super) fn judge_url(&self, url: &Url) -> Result<Reach, Error> {
        let denied = |reason| Err(Error::Denied { host: url.host_str().unwrap_or_default().to_owned(), reason });
        if !matches!(url.scheme(), "http" | "https") {
            return denied("only http and https can be called");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return denied("a user name or password in the address is not accepted");
        }
        let port_reach = if is_open_port(url.port_or_known_default().unwrap_or(0)) { Reach::Public } else { Reach::Allowed };
        let (reach, address) = match url.host() {
            None => return denied("the address has no host"),
            Some(Host::Ipv4(address)) => (port_reach, Some(IpAddr::V4(address))),
            Some(Host::Ipv6(address)) => (port_reach, Some(IpAddr::V6(address))),
            Some(Host::Domain(name)) if is_inside_name(name) => (Reach::Allowed, None),
            Some(Host::Domain(_)) => (port_reach, None),
        };
        let open = match address {
            Some(address) => self.is_open(address, reach),
            None => reach == Reach::Public || self.allows_any(),
        };
        match (open, port_reach) {
            (true, _) => Ok(reach),
            (false, Reach::Public) => denied("it is not on the public internet"),
            (false, Reach::Allowed) => denied("its port is not one that can be called"),
        }
    }

    /// May this address be dialled?
    pub(super) fn is_open(&self, address: IpAddr, reach: Reach) -> bool {
        let address = carried(address);
        if METADATA.contains(&address) {
            return false;
        }
        self.allow.iter().any(|network| network.contains(&address)) || (reach == Reach::Public && is_public(address))
    }
}

/// Open to the public: 80, 443, and from 1024 on what is not a known service of the inside.
fn is_open_port(port: u16) -> bool {
    matches!(port, 80 | 443) || (port >= 1024 && !CLOSED_PORTS.contains(&port))
}

/// A name without a dot, or under an ending of the inside? A dot at the end changes nothing.
fn is_inside_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let under = |ending: &str| name.strip_suffix(ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    !name.contains('.') || INSIDE_NAMES.iter().any(|ending| under(ending))
}

/// The IPv4 address an IPv6 address carries (mapped, compatible, translated, NAT64, 6to4), else itself.
fn carried(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address else { return address };
    if six.is_loopback() || six.is_unspecified() {
        return address;
    }
    let four = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match six.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => four(high, low),
        _ => address,
    }
}

/// Routable on the public internet?
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => !CLOSED_V4.iter().any(|&(base, bits)| shares(u128::from(four.to_bits()), u128::from(base.to_bits()), bits, 32)),
        IpAddr::V6(six) => {
            let within = |(base, bits): (Ipv6Addr, u8)| shares(six.to_bits(), base.to_bits(), bits, 128);
            within(GLOBAL_V6) && !CLOSED_V6.into_iter().any(within)
        }
    }
}

/// Do two addresses of this width begin with the same bits?
fn shares(address: u128, base: u128, bits: u8, width: u8) -> bool {
    (address ^ base) >> (width - bits) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(policy: &Policy, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| policy.judge_url(&url).is_ok())
    }

    /// Hosts parted by white space.
    fn check(closed: &str, opened: &str) {
        let policy = Policy::new(&[]);
        for host in closed.split_whitespace() {
            assert!(!open(&policy, &format!("http://{host}/")), "{host} must be closed");
        }
        for host in opened.split_whitespace() {
            assert!(open(&policy, &format!("http://{host}/")), "{host} must be open");
        }
    }

    #[test]
    fn ssrf_1_special_ipv4_blocks() {
        check(
            "0.0.0.0 0.127.3.4 0.255.255.255 10.0.0.0 10.99.1.2 10.255.255.255 100.64.0.0 100.100.100.200 100.127.255.255 \
             127.0.0.0 127.0.0.1 127.255.255.255 168.63.129.16 169.254.0.0 169.254.169.254 169.254.255.255 172.16.0.0 \
             172.20.1.1 172.31.255.255 192.0.0.0 192.0.0.170 192.0.0.255 192.0.2.0 192.0.2.128 192.0.2.255 192.88.99.0 \
             192.88.99.1 192.88.99.255 192.168.0.0 192.168.1.1 192.168.255.255 198.18.0.0 198.19.0.1 198.19.255.255 \
             198.51.100.0 198.51.100.7 198.51.100.255 203.0.113.0 203.0.113.9 203.0.113.255 224.0.0.0 230.1.2.3 \
             239.255.255.255 240.0.0.0 250.0.0.1 255.255.255.254 255.255.255.255",
            "1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 168.63.129.15 \
             168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.1.255 \
             192.0.3.0 192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 \
             198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255 8.8.8.8",
        );
    }

    #[test]
    fn ssrf_2_special_ipv6_blocks_and_carried_ipv4() {
        check(
            "[::] [::1] [fe80::1] [febf::1] [fec0::1] [fc00::1] [fdff::1] [ff02::1] [2001:db8::1] [2001:db8:ffff::1] \
             [3fff::1] [3fff:fff::1] [100::1] [5f00::1] [4000::1] [1fff::1] [2001::1] \
             [2001:0:4136:e378:8000:63bf:3fff:fdd2] [2001:1ff::1] [64:ff9b:1::808:808] [fd00:ec2::254] [::ffff:127.0.0.1] \
             [::ffff:a9fe:a9fe] [::10.0.0.1] [::ffff:0:192.168.1.1] [64:ff9b::a9fe:a9fe] [64:ff9b::10.0.0.1] \
             [2002:7f00:1::] [2002:c0a8:101::1]",
            "[2606:4700:4700::1111] [2001:4860:4860::8888] [2001:200::1] [2001:db7::1] [2001:db9::1] [3ffe:ffff::1] \
             [3fff:1000::1] [::ffff:8.8.8.8] [64:ff9b::8.8.8.8] [2002:808:808::1]",
        );
    }

    #[test]
    fn ssrf_3_number_spellings() {
        check(
            "2130706433 0x7f000001 0x7f.1 0177.0.0.1 017700000001 127.1 127.0.1 0x7f.0.0.1 127.0.0.1. 0251.0376.0251.0376 \
             0xa9fea9fe 2852039166 10.1 0 0x0 127.0.0.0x1 4294967296 256.1.1.1 1.2.3.4.5 0x1ffffffff",
            "134744072 0x8.8.8.8 8.8.2056 8.8.8.8.",
        );
    }

    #[test]
    fn ssrf_4_unicode_and_escaped_spellings() {
        check(
            "①②⑦.⓪.⓪.① １２７.０.０.１ 127。0。0。1 127．0．0．1 12\u{ad}7.0.0.1 %31%32%37.0.0.1 127%2e0.0.1 ⓛⓞⓒⓐⓛⓗⓞⓢⓣ LOCALHOST \
             loc%61lhost local\u{ad}host ＬＯＣＡＬＨＯＳＴ xn--localhost- [::ⓕⓕⓕⓕ:7f00:1]",
            "８.８.８.８ bücher.example xn--bcher-kva.example",
        );
    }

    #[test]
    fn ssrf_7_the_origin_is_what_the_parser_says() {
        check(
            "good.example@127.0.0.1 127.0.0.1\\@good.example 127.0.0.1#@good.example 127.0.0.1?.good.example \
             a:b@good.example",
            "good.example/..//127.0.0.1 good.example/?u=http://127.0.0.1",
        );
        let policy = Policy::new(&[]);
        for url in
            ["ftp://good.example/", "file:///etc/passwd", "gopher://good.example/", "data:text/plain,x", "unix:/run/x", "javascript:1"]
        {
            assert!(!open(&policy, url), "{url}");
        }
    }

    #[test]
    fn ssrf_8_ports() {
        let closed = [0, 1, 22, 25, 53, 79, 81, 444, 1023, 4222, 5432, 6379, 11211];
        let (policy, inside) = (Policy::new(&[]), Policy::new(&["127.0.0.0/8".parse().unwrap()]));
        for port in closed {
            assert!(!open(&policy, &format!("http://good.example:{port}/")), "{port}");
            assert!(!open(&policy, &format!("https://8.8.8.8:{port}/")), "{port}");
            assert!(!open(&inside, &format!("https://8.8.8.8:{port}/")), "{port}");
            assert!(open(&inside, &format!("http://127.0.0.1:{port}/")), "{port} of an allowed address");
            let name = Url::parse(&format!("http://good.example:{port}/")).unwrap();
            assert_eq!(inside.judge_url(&name).unwrap(), Reach::Allowed, "{port} only where allowed");
        }
        for port in [80, 443, 1024, 4221, 8080, 8443, 65535] {
            assert!(open(&policy, &format!("http://good.example:{port}/")), "{port}");
        }
        assert!(!open(&policy, "http://good.example:65536/"));
    }

    #[test]
    fn ssrf_9_inside_names() {
        let inside = "localhost localhost. x.localhost printer.local metadata.google.internal db.svc.cluster.local db router.lan \
             x.home.arpa API.INTERNAL local com";
        check(inside, "mylocalhost.example internal.example local.example. notlocal.example");
        let allowed = Policy::new(&["10.0.0.0/8".parse().unwrap()]);
        for name in inside.split_whitespace() {
            let url = Url::parse(&format!("https://{name}/")).unwrap();
            assert_eq!(allowed.judge_url(&url).unwrap(), Reach::Allowed, "{name} depends on what it resolves to");
        }
    }

    #[test]
    fn metadata_stays_closed_whatever_is_allowed() {
        let everything = Policy::new(&["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()]);
        for host in
            ["169.254.169.254", "2852039166", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]"]
        {
            assert!(!open(&everything, &format!("http://{host}/")), "{host}");
        }
        for host in ["127.0.0.1", "10.0.0.1:22", "[::1]", "[fe80::1]", "[::ffff:10.0.0.1]"] {
            assert!(open(&everything, &format!("http://{host}/")), "{host}");
        }
    }

    #[test]
    fn an_allowed_network_opens_itself_only() {
        let policy = Policy::new(&["10.1.0.0/16".parse().unwrap()]);
        assert!(open(&policy, "http://10.1.2.3/") && open(&policy, "http://[::ffff:10.1.2.3]/") && open(&policy, "http://8.8.8.8/"));
        assert!(!open(&policy, "http://10.2.0.1/") && !open(&policy, "http://127.0.0.1/"));
    }
}
