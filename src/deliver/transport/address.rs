//! Decides which addresses an endpoint may be reached at, after its name was resolved.
//!
//! Otherwise, whoever can write a webhook address could make the daemon, which runs inside a
//! network, talk to what can only be reached from inside, such as a cloud's metadata service. The
//! rule is applied to every address that a name resolves to, each time it is resolved.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Where an endpoint may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRule {
    /// Networks that the operator named. Anything in them is allowed except a cloud's metadata
    /// service, which must be named by its own address.
    pub named: Vec<IpNet>,
    /// The rule for every other address.
    pub others: Others,
}

/// The rule for addresses outside the named networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// Those of the public internet are allowed.
    PublicOnly,
    /// None are: events would cross the internet unencrypted.
    Refused,
}

/// An address that the endpoint may not be reached at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {range}")]
pub struct RefusedAddress {
    /// The address, as it was resolved.
    pub address: IpAddr,
    /// Why it is refused.
    pub range: Range,
}

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// Stands for no address, or for this host.
    Unspecified,
    /// This host.
    Loopback,
    /// A private network.
    Private,
    /// Shared by a provider's customers (carrier-grade NAT).
    Shared,
    /// The local link.
    LinkLocal,
    /// A cloud's metadata service, which hands out credentials to whoever asks from here.
    Metadata,
    /// Many receivers at once.
    Multicast,
    /// For documentation, tests, tunnels or future use.
    Reserved,
    /// Public, which is refused without TLS.
    PublicWithoutTls,
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "an unspecified address",
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::Shared => "a shared address (carrier-grade NAT)",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a cloud's metadata address",
            Self::Multicast => "a multicast address",
            Self::Reserved => "a reserved address",
            Self::PublicWithoutTls => {
                "a public address, and plain http goes to named networks only"
            }
        })
    }
}

impl AddressRule {
    /// Checks whether the endpoint may be reached at an address.
    pub fn check(&self, address: IpAddr) -> Result<(), RefusedAddress> {
        let inner = innermost(address);
        let special = special(inner);
        let named = |network: &IpNet| {
            // A network that is wide enough for receivers contains a metadata service only by
            // accident: `fd00::/8` contains that of AWS, 100.64.0.0/10 that of Alibaba.
            let alone = network.prefix_len() == network.max_prefix_len();
            let meant = alone || special != Some(Range::Metadata);
            meant && (network.contains(&address) || network.contains(&inner))
        };
        if self.named.iter().any(named) {
            return Ok(());
        }
        let range = match (special, self.others) {
            (Some(range), Others::PublicOnly | Others::Refused) => range,
            (None, Others::Refused) => Range::PublicWithoutTls,
            (None, Others::PublicOnly) => return Ok(()),
        };
        Err(RefusedAddress { address, range })
    }
}

/// Returns the IPv4 address in the IPv6 forms that a host or its NAT64 gateway turns back into it:
/// `::ffff:10.0.0.1` and `64:ff9b::10.0.0.1` both lead to 10.0.0.1.
fn innermost(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => address,
    }
}

/// Returns what the address is for, unless it is an ordinary public one.
fn special(address: IpAddr) -> Option<Range> {
    match address {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => {
            let mut tunnelled = tunnelled(v6).into_iter();
            match tunnelled.any(|v4| special_v4(v4) == Some(Range::Metadata)) {
                true => Some(Range::Metadata),
                false => special_v6(v6),
            }
        }
    }
}

/// Returns the IPv4 addresses to which this IPv6 address may lead through a tunnel or translator of
/// the network. All of these forms are special anyway, but if somebody names a network that
/// contains them, they must still not lead to a metadata service.
fn tunnelled(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let words = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        // 6to4; IPv4 in its compatible and its translated form; ISATAP.
        [0x2002, high, low, ..]
        | [0, 0, 0, 0, 0 | 0xffff, 0, high, low]
        | [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => vec![words(high, low)],
        // Teredo: the server, and the client, whose bits are inverted.
        [0x2001, 0, high, low, _, _, first, second] => {
            vec![words(high, low), words(!first, !second)]
        }
        // A network's own NAT64: RFC 6052 puts the address after a prefix of 48, 56, 64 or 96 bits,
        // and skips the bits 64 to 71.
        [0x64, 0xff9b, 1, _, _, _, high, low] => {
            let mut octets = address.octets().to_vec();
            octets.remove(8);
            let fours = octets.windows(4).skip(6).take(3);
            let fours = fours.filter_map(|four| <[u8; 4]>::try_from(four).ok());
            fours
                .map(Ipv4Addr::from)
                .chain([words(high, low)])
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Returns what an IPv4 address is for, by IANA's registry of special-purpose addresses and by what
/// clouds use for special purposes, or `None` for an ordinary public address.
fn special_v4(address: Ipv4Addr) -> Option<Range> {
    let range = match address.octets() {
        // Most clouds, AWS for containers (ECS and EKS), Scaleway, Tencent, Alibaba, Azure,
        // Oracle.
        [169, 254, 169, 254]
        | [169, 254, 170, 2 | 23]
        | [169, 254, 42, 42]
        | [169, 254, 0, 23]
        | [100, 100, 100, 200]
        | [168, 63, 129, 16]
        | [192, 0, 0, 192] => Range::Metadata,
        [0, ..] => Range::Unspecified,
        [127, ..] => Range::Loopback,
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] => Range::Private,
        [100, 64..=127, ..] => Range::Shared,
        [169, 254, ..] => Range::LinkLocal,
        [224..=239, ..] => Range::Multicast,
        [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [240..=255, ..] => Range::Reserved,
        _ => return None,
    };
    Some(range)
}

/// Returns what an IPv6 address is for, or `None` for an ordinary public one. Only `2000::/3` is
/// allocated for the internet; the rest is special or not yet in use.
fn special_v6(address: Ipv6Addr) -> Option<Range> {
    let range = match address.segments() {
        // AWS (instances, and pods of EKS), Google, Scaleway, OpenStack.
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254 | 0x23]
        | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254]
        | [0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42]
        | [0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe] => Range::Metadata,
        [0, 0, 0, 0, 0, 0, 0, 0] => Range::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Range::Loopback,
        // Unique local addresses; site-local ones, deprecated and still private wherever they work;
        // and a network's own NAT64 prefix, which leads wherever that network decides.
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] | [0x64, 0xff9b, 1, ..] => Range::Private,
        [0xfe80..=0xfebf, ..] => Range::LinkLocal,
        [0xff00..=0xffff, ..] => Range::Multicast,
        // Teredo and other protocol assignments, documentation, 6to4; and ISATAP, whose
        // tunnel ends at the IPv4 address in the last two words, whatever the network.
        [0x2001, 0..=0x1ff | 0xdb8, ..]
        | [0x2002, ..]
        | [0x3fff, 0..=0xfff, ..]
        | [_, _, _, _, 0 | 0x200, 0x5efe, ..] => Range::Reserved,
        [0x2000..=0x3fff, ..] => return None,
        _ => Range::Reserved,
    };
    Some(range)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(rule: &AddressRule, address: &str) -> Result<(), Range> {
        rule.check(address.parse().unwrap())
            .map_err(|refused| refused.range)
    }

    fn rule(named: &[&str], others: Others) -> AddressRule {
        AddressRule {
            named: named.iter().map(|net| net.parse().unwrap()).collect(),
            others,
        }
    }

    #[test]
    fn only_public_addresses_are_allowed_unasked() {
        let rule = rule(&[], Others::PublicOnly);

        for (address, expected) in [
            ("0.0.0.0", Some(Range::Unspecified)),
            ("0.1.2.3", Some(Range::Unspecified)),
            ("127.0.0.1", Some(Range::Loopback)),
            ("127.255.255.254", Some(Range::Loopback)),
            ("10.0.0.1", Some(Range::Private)),
            ("172.15.255.255", None),
            ("172.16.0.0", Some(Range::Private)),
            ("172.31.255.255", Some(Range::Private)),
            ("172.32.0.0", None),
            ("192.168.1.1", Some(Range::Private)),
            ("100.63.255.255", None),
            ("100.64.0.0", Some(Range::Shared)),
            ("100.100.100.200", Some(Range::Metadata)),
            ("100.127.255.255", Some(Range::Shared)),
            ("100.128.0.0", None),
            ("169.254.169.254", Some(Range::Metadata)),
            ("169.254.170.23", Some(Range::Metadata)),
            ("169.254.1.1", Some(Range::LinkLocal)),
            ("169.254.170.2", Some(Range::Metadata)),
            ("169.254.42.42", Some(Range::Metadata)),
            ("169.254.0.23", Some(Range::Metadata)),
            ("168.63.129.16", Some(Range::Metadata)),
            ("192.0.0.192", Some(Range::Metadata)),
            ("192.0.0.1", Some(Range::Reserved)),
            ("192.0.2.1", Some(Range::Reserved)),
            ("192.88.99.1", Some(Range::Reserved)),
            ("198.18.0.1", Some(Range::Reserved)),
            ("198.51.100.7", Some(Range::Reserved)),
            ("203.0.113.7", Some(Range::Reserved)),
            ("224.0.0.1", Some(Range::Multicast)),
            ("239.255.255.255", Some(Range::Multicast)),
            ("240.0.0.1", Some(Range::Reserved)),
            ("255.255.255.255", Some(Range::Reserved)),
            ("8.8.8.8", None),
            ("::", Some(Range::Unspecified)),
            ("::1", Some(Range::Loopback)),
            ("::10.0.0.1", Some(Range::Reserved)),
            ("::ffff:10.0.0.1", Some(Range::Private)),
            ("::ffff:127.0.0.1", Some(Range::Loopback)),
            ("::ffff:169.254.169.254", Some(Range::Metadata)),
            ("::ffff:0:10.0.0.1", Some(Range::Reserved)),
            ("::ffff:8.8.8.8", None),
            ("64:ff9b::10.0.0.1", Some(Range::Private)),
            ("64:ff9b::169.254.169.254", Some(Range::Metadata)),
            ("64:ff9b::8.8.8.8", None),
            ("64:ff9b:1::8.8.8.8", Some(Range::Private)),
            ("100::1", Some(Range::Reserved)),
            ("2001::1", Some(Range::Reserved)),
            ("2001:db8::1", Some(Range::Reserved)),
            ("2002:a00:1::1", Some(Range::Reserved)),
            ("2002:808:808::1", Some(Range::Reserved)),
            ("3fff:fff::1", Some(Range::Reserved)),
            ("2606:4700::1111", None),
            ("2606:4700::5efe:10.0.0.1", Some(Range::Reserved)),
            ("2606:4700::200:5efe:10.0.0.1", Some(Range::Reserved)),
            ("2a00:1450::1", None),
            ("4000::1", Some(Range::Reserved)),
            ("fc00::1", Some(Range::Private)),
            ("fd00::1", Some(Range::Private)),
            ("fd00:ec2::254", Some(Range::Metadata)),
            ("fd00:ec2::23", Some(Range::Metadata)),
            ("fd20:ce::254", Some(Range::Metadata)),
            ("fd00:42::42", Some(Range::Metadata)),
            ("fe80::a9fe:a9fe", Some(Range::Metadata)),
            ("fe80::1", Some(Range::LinkLocal)),
            ("fec0::1", Some(Range::Private)),
            ("ff02::1", Some(Range::Multicast)),
        ] {
            assert_eq!(check(&rule, address).err(), expected, "{address}");
        }
    }

    #[test]
    fn named_networks_open_themselves_and_nothing_else() {
        let rule = rule(&["10.1.0.0/16", "fd12::/16"], Others::PublicOnly);

        for (address, expected) in [
            ("10.1.2.3", Ok(())),
            ("::ffff:10.1.2.3", Ok(())),
            ("64:ff9b::10.1.2.3", Ok(())),
            ("fd12::7", Ok(())),
            ("10.2.0.1", Err(Range::Private)),
            ("fd13::7", Err(Range::Private)),
            ("127.0.0.1", Err(Range::Loopback)),
            ("8.8.8.8", Ok(())),
        ] {
            assert_eq!(check(&rule, address), expected, "{address}");
        }
    }

    #[test]
    fn a_metadata_service_is_reached_only_where_it_is_named_alone() {
        let wide = [
            "0.0.0.0/0",
            "::/0",
            "169.254.0.0/16",
            "100.64.0.0/10",
            "fd00::/8",
            "169.254.169.254/31",
            "2000::/3",
            "64:ff9b:1::/48",
        ];
        let addresses = [
            "169.254.169.254",
            "169.254.170.2",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::254",
            "fe80::a9fe:a9fe",
            "::ffff:169.254.169.254",
            "fd00:42::42",
            "169.254.42.42",
            "169.254.0.23",
            // 6to4, Teredo (server, client), IPv4 in its compatible and translated form, ISATAP.
            "2002:a9fe:a9fe::1",
            "2001:0:a9fe:a9fe::1",
            "2001::5601:5601",
            "::169.254.169.254",
            "::ffff:0:169.254.169.254",
            "2606:4700::5efe:169.254.169.254",
            "fe80::200:5efe:169.254.169.254",
            // A network's own NAT64, by prefixes of 48, 56, 64 and 96 bits.
            "64:ff9b:1:a9fe:a9:fe00::",
            "64:ff9b:1:a9:fe:a9fe::",
            "64:ff9b:1:0:a9:fea9:fe00::",
            "64:ff9b:1::169.254.169.254",
        ];
        for address in addresses {
            let refused = check(&rule(&wide, Others::PublicOnly), address);
            let alone = [
                address,
                "/",
                if address.contains(':') { "128" } else { "32" },
            ]
            .concat();
            let named = check(&rule(&[&alone], Others::PublicOnly), address);

            assert_eq!(refused, Err(Range::Metadata), "{address}");
            assert_eq!(named, Ok(()), "{address}");
        }
    }

    #[test]
    fn without_tls_only_named_networks_are_reached() {
        let rule = rule(&["127.0.0.0/8"], Others::Refused);

        for (address, expected) in [
            ("127.0.0.1", Ok(())),
            ("10.0.0.1", Err(Range::Private)),
            ("8.8.8.8", Err(Range::PublicWithoutTls)),
            ("2606:4700::1111", Err(Range::PublicWithoutTls)),
        ] {
            assert_eq!(check(&rule, address), expected, "{address}");
        }
    }

    proptest! {
        #[test]
        fn an_address_in_disguise_is_judged_as_itself(bits: u32) {
            let rule = rule(&[], Others::PublicOnly);
            let plain = Ipv4Addr::from_bits(bits);
            let mapped = plain.to_ipv6_mapped();
            let translated = Ipv6Addr::from_bits((0x64_ff9b_u128 << 96) | u128::from(bits));

            let judge = |address: IpAddr| rule.check(address).map_err(|refused| refused.range);

            prop_assert_eq!(judge(mapped.into()), judge(plain.into()));
            prop_assert_eq!(judge(translated.into()), judge(plain.into()));
        }
    }
}
