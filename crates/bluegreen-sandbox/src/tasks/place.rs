//! Where tasks listen: an address of its own for each awsvpc task, a port of its own for each port of the others.
//!
//! All of 127.0.0.0/8 is local on Linux, so that a task in awsvpc mode has the port that its definition names on an
//! address that nobody else has. Where only 127.0.0.1 is local (macOS), and for ports that may not be bound (below 1024
//! without privileges), the task listens on another port and a note says so.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::seed;

/// So many addresses or ports are looked at before giving up.
const TRIES: u32 = 64;
/// Dynamic ports are taken from below the ports that Linux and macOS give to outgoing connections, which would
/// otherwise take one between its choice and the moment the task binds it.
const DYNAMIC: std::ops::Range<u32> = 20_000..32_000;

/// How a task's containers are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// An own loopback address (`127.x.y.z`) and the containers' own ports.
    Awsvpc,
    /// 127.0.0.1 and a free port for each port of a container: `bridge` and `host`. A fixed host port of a definition is
    /// not honoured, because all tasks share one machine here.
    Bridge,
}

/// A container's port and where it was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The container's name.
    pub container: String,
    /// The port that the definition names.
    pub container_port: u16,
    /// Where the container was told to listen.
    pub address: SocketAddr,
}

/// The places for a task's ports, in the order asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) host: IpAddr,
    pub(super) ports: Vec<u16>,
    pub(super) notes: Vec<String>,
}

/// Finds places for `ports` on `network`.
pub(super) fn place(network: Network, ports: &[u16]) -> io::Result<Placed> {
    place_with(network, ports, &|address| TcpListener::bind(address).map(drop))
}

type Bind<'a> = &'a dyn Fn(SocketAddr) -> io::Result<()>;

fn place_with(network: Network, ports: &[u16], bind: Bind<'_>) -> io::Result<Placed> {
    let shared = IpAddr::V4(Ipv4Addr::LOCALHOST);
    if network == Network::Bridge {
        return dynamic(shared, ports, Vec::new(), bind);
    }
    for _ in 0..TRIES {
        let host = own_address();
        match bind(SocketAddr::new(host, 0)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                let note = "this system has no loopback address but 127.0.0.1: the task shares it, on other ports";
                return dynamic(shared, ports, vec![note.to_owned()], bind);
            }
            Err(error) => return Err(error),
        }
        if let Some(placed) = as_defined(host, ports, bind)? {
            return Ok(placed);
        }
    }
    let note = format!(
        "a port of {ports:?} is taken on every loopback address, as by a program that listens on 0.0.0.0: the task \
         listens on other ports (see PORT in its environment)"
    );
    dynamic(own_address(), ports, vec![note], bind)
}

/// The ports on `host` as the definition names them, where nobody else has one.
fn as_defined(host: IpAddr, ports: &[u16], bind: Bind<'_>) -> io::Result<Option<Placed>> {
    let mut placed = Placed { host, ports: Vec::new(), notes: Vec::new() };
    for port in ports {
        match bind(SocketAddr::new(host, *port)) {
            Ok(()) => placed.ports.push(*port),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let other = free_port(host, bind)?;
                placed.notes.push(format!("port {port} needs privileges: {other} takes its place"));
                placed.ports.push(other);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Some(placed))
}

fn dynamic(host: IpAddr, ports: &[u16], notes: Vec<String>, bind: Bind<'_>) -> io::Result<Placed> {
    let ports = ports.iter().map(|_| free_port(host, bind)).collect::<io::Result<_>>()?;
    Ok(Placed { host, ports, notes })
}

fn free_port(host: IpAddr, bind: Bind<'_>) -> io::Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..TRIES {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let width = DYNAMIC.end - DYNAMIC.start;
        let port = DYNAMIC.start + (offset() % width).wrapping_add(step) % width;
        let port = u16::try_from(port).unwrap_or(u16::MAX);
        match bind(SocketAddr::new(host, port)) {
            Ok(()) => return Ok(port),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The next loopback address of this process, away from 127.0.0.1 and from where other sandboxes on this machine begin.
fn own_address() -> IpAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let step = NEXT.fetch_add(1, Ordering::Relaxed);
    let index = (offset() % (200 * 256) * 250).wrapping_add(step) % (200 * 256 * 250);
    let byte = |value: u32| u8::try_from(value).unwrap_or(u8::MAX);
    // No address ends in 0 or 255, which look like a network's own and its broadcast address.
    let (second, third, fourth) = (16 + index / (256 * 250), index / 250 % 256, 1 + index % 250);
    IpAddr::V4(Ipv4Addr::new(127, byte(second), byte(third), byte(fourth)))
}

/// Different for each process on the machine, so that sandboxes side by side seldom look at the same place.
fn offset() -> u32 {
    let [a, b, c, ..] = seed::mix(u64::from(std::process::id())).to_be_bytes();
    u32::from_be_bytes([0, a, b, c])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusing(kind: io::ErrorKind, refused: impl Fn(SocketAddr) -> bool) -> impl Fn(SocketAddr) -> io::Result<()> {
        move |address| if refused(address) { Err(io::Error::from(kind)) } else { Ok(()) }
    }

    #[test]
    fn an_awsvpc_task_has_its_own_address_and_the_ports_of_its_definition() {
        let bind = refusing(io::ErrorKind::AddrInUse, |_| false);
        let places: Vec<Placed> =
            (0..300).map(|_| place_with(Network::Awsvpc, &[8080, 9090], &bind).unwrap()).collect();
        let hosts: std::collections::BTreeSet<IpAddr> = places.iter().map(|placed| placed.host).collect();
        assert_eq!(hosts.len(), places.len(), "an address was given twice");
        assert!(places.iter().all(|placed| placed.ports == [8080, 9090] && placed.notes.is_empty()));
        assert!(hosts.iter().all(|host| host.is_loopback() && *host != IpAddr::V4(Ipv4Addr::LOCALHOST)));
    }

    #[test]
    fn an_address_where_a_port_is_taken_is_passed_over() {
        let asked = std::cell::Cell::new(0);
        let bind = |address: SocketAddr| {
            asked.set(asked.get() + u32::from(address.port() == 80));
            if address.port() == 80 && asked.get() == 1 { Err(io::ErrorKind::AddrInUse.into()) } else { Ok(()) }
        };
        assert_eq!(place_with(Network::Awsvpc, &[80], &bind).unwrap().ports, [80]);
        assert_eq!(asked.get(), 2);
    }

    #[test]
    fn a_port_that_is_taken_everywhere_is_replaced_and_a_note_says_so() {
        let bind = refusing(io::ErrorKind::AddrInUse, |address| address.port() == 8080);
        let placed = place_with(Network::Awsvpc, &[8080], &bind).unwrap();
        assert_ne!(placed.ports, [8080]);
        assert!(placed.notes[0].contains("port of [8080] is taken on every loopback address"), "{:?}", placed.notes);
    }

    #[test]
    fn a_privileged_port_is_replaced_and_a_note_says_so() {
        let bind = refusing(io::ErrorKind::PermissionDenied, |address| (1..1024).contains(&address.port()));
        let placed = place_with(Network::Awsvpc, &[8080, 80], &bind).unwrap();
        assert_eq!(placed.ports[0], 8080);
        assert!(DYNAMIC.contains(&u32::from(placed.ports[1])));
        assert_eq!(placed.notes, [format!("port 80 needs privileges: {} takes its place", placed.ports[1])]);
    }

    #[test]
    fn without_other_loopback_addresses_tasks_share_one_on_other_ports() {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let bind = refusing(io::ErrorKind::AddrNotAvailable, move |address| address.ip() != local);
        let placed = place_with(Network::Awsvpc, &[80], &bind).unwrap();
        assert_eq!(placed.host, local);
        assert_ne!(placed.ports, [80]);
        assert!(placed.notes[0].contains("no loopback address but 127.0.0.1"));
    }

    #[test]
    fn bridge_tasks_get_different_free_ports() {
        let taken = std::cell::Cell::new(None);
        let bind = |address: SocketAddr| match taken.get() {
            None => {
                taken.set(Some(address));
                Err(io::ErrorKind::AddrInUse.into())
            }
            Some(taken) if taken == address => Err(io::ErrorKind::AddrInUse.into()),
            Some(_) => Ok(()),
        };
        let placed = place_with(Network::Bridge, &[80, 80], &bind).unwrap();
        assert_ne!(placed.ports[0], placed.ports[1]);
        assert!(!placed.ports.contains(&taken.get().unwrap().port()));
        let full = refusing(io::ErrorKind::AddrInUse, |_| true);
        assert_eq!(place_with(Network::Bridge, &[80], &full).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
