//! Ports on loopback for nodes that may be killed and must find their ports free when they are back.

use std::collections::BTreeSet;
use std::io::{Error, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// The first port that is given: below are well-known services.
const FIRST: u16 = 10_240;

/// Where Linux says which ports it gives to outgoing connections.
const OUTGOING: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// The first port of outgoing connections where the system does not say, or leaves no room below: Linux's own default.
const OUTGOING_FIRST: u16 = 32_768;

/// How many ports there must be to choose from: enough for several corridors at once.
const ROOM: u16 = 1_000;

/// How many ports are tried before the machine counts as full.
const TRIES: u32 = 1_000;

/// Gives ports that are free, each once.
///
/// They lie below the range from which the system takes the ports of outgoing connections. A port of that range may be
/// taken by any connection while its node is down, and the node could not come back.
pub struct Ports {
    state: u64,
    end: u16,
    given: BTreeSet<u16>,
}

impl Ports {
    /// Ports in an order that follows from `seed`, so that two runs at the same time rarely try the same.
    pub fn new(seed: i64) -> Self {
        let said = std::fs::read_to_string(OUTGOING).unwrap_or_default();
        let first = said.split_whitespace().next().and_then(|port| port.parse().ok());
        let end = first.filter(|first| *first > FIRST + ROOM).unwrap_or(OUTGOING_FIRST);
        Self { state: seed.unsigned_abs(), end, given: BTreeSet::new() }
    }

    /// The next free address.
    ///
    /// # Errors
    /// When no port is free.
    pub fn next(&mut self) -> Result<SocketAddr, Error> {
        let span = u64::from(self.end.saturating_sub(FIRST));
        for _ in 0..TRIES {
            // The steps of a linear congruential generator (Knuth's MMIX); its high bits are spread well enough.
            self.state =
                self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let offset = (self.state >> 33).checked_rem(span).unwrap_or(0);
            let port = FIRST.saturating_add(u16::try_from(offset).unwrap_or(0));
            if self.given.insert(port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
            }
        }
        Err(Error::new(ErrorKind::AddrInUse, "no free port found"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_port_is_free_and_given_once() {
        let mut ports = Ports::new(1);
        let given: Vec<SocketAddr> = (0..50).map(|_| ports.next().unwrap()).collect();
        let different: BTreeSet<_> = given.iter().collect();
        assert_eq!(different.len(), given.len());
        assert!(given.iter().all(|address| TcpListener::bind(address).is_ok()));
    }
}
