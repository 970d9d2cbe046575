//! A proxy between nodes that refuses, delays and cuts connections. What is cut after the partner has committed comes
//! again as a repeat, so that messages are lost, doubled and late, under TLS that hides them from the proxy.

use super::Random;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// Starts a proxy in front of `target` and gives its address. It lives as long as the test.
pub fn in_front_of(target: SocketAddr, seed: u64) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut random = Random::seeded(seed);
        for client in listener.incoming().flatten() {
            let (fate, budget, delay) = (random.below(100), random.below(120_000), random.below(80));
            std::thread::spawn(move || carry(client, target, fate, budget, delay));
        }
    });
    address
}

fn carry(client: TcpStream, target: SocketAddr, fate: u64, budget: u64, delay: u64) {
    if fate < 8 {
        return;
    }
    if fate < 25 {
        super::processes::pause(Duration::from_millis(delay));
    }
    let Ok(node) = TcpStream::connect(target) else { return };
    // Most connections end somewhere: in the handshake, in a request, or in an answer.
    let budget = if fate < 80 { budget } else { u64::MAX };
    let (from, to) = (client.try_clone().unwrap(), node.try_clone().unwrap());
    let there = std::thread::spawn(move || copy(from, to, budget));
    copy(node, client, budget / 2);
    let _ = there.join();
}

fn copy(mut from: TcpStream, mut to: TcpStream, budget: u64) {
    let (mut left, mut buffer) = (budget, [0u8; 4096]);
    while let Ok(read) = from.read(&mut buffer) {
        let part = read.min(usize::try_from(left).unwrap_or(usize::MAX));
        if read == 0 || to.write_all(&buffer[..part]).is_err() || part < read {
            break;
        }
        left -= part as u64;
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
