//! How many ephemeral ports are in use, from /proc/net. Cheap: the kernel's own sums as long as they show that there are
//! plenty, and the list of sockets, read to a limit, once they don't. Linux only; elsewhere nothing is known.

use harness_core::event::Ports;
use std::collections::HashMap;
use std::fs::{File, read_to_string};
use std::io::{BufRead as _, BufReader, Read as _};
use std::ops::RangeInclusive;

/// Bytes read of each list of sockets: some 100 000 of them.
const LIST: u64 = 16 << 20;

/// The figures now; unknown where they can't be read.
pub(crate) fn now() -> Ports {
    let read = |path| read_to_string(path).unwrap_or_default();
    let Some(range) = range(&read("/proc/sys/net/ipv4/ip_local_port_range")) else {
        return Ports::default();
    };
    let available = u64::from(range.end() - range.start()) + 1;
    let Some((sockets, time_wait)) = sums(&read("/proc/net/sockstat")) else {
        return Ports::default();
    };
    let six = field(&read("/proc/net/sockstat6"), "TCP6:", "inuse").unwrap_or(0);
    let at_most = sockets + six + time_wait;
    let used = if at_most < available / 2 {
        at_most
    } else {
        towards_one(&range).unwrap_or(at_most)
    };
    Ports {
        used: used.min(available),
        available,
        time_wait,
    }
}

/// Reads `32768 60999`.
fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let mut ends = text.split_whitespace().map(str::parse);
    let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
    (first <= last).then_some(first..=last)
}

/// TCP sockets open, and those in TIME_WAIT, which the first leaves out.
fn sums(text: &str) -> Option<(u64, u64)> {
    Some((field(text, "TCP:", "inuse")?, field(text, "TCP:", "tw")?))
}

/// The number after a word in a line.
fn field(text: &str, line: &str, word: &str) -> Option<u64> {
    let words = text.lines().find_map(|l| l.strip_prefix(line))?;
    let mut words = words.split_whitespace();
    words.find(|w| *w == word)?;
    words.next()?.parse().ok()
}

/// Ports of the range towards the one address that most go to: a port can be used once for each address, so that is
/// what runs out.
fn towards_one(range: &RangeInclusive<u16>) -> Option<u64> {
    let mut to = HashMap::new();
    let mut read = false;
    for list in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let Ok(file) = File::open(list) else { continue };
        read = true;
        for line in BufReader::new(file.take(LIST))
            .lines()
            .map_while(Result::ok)
        {
            if let Some(remote) = remote_of(&line, range) {
                *to.entry(remote.to_owned()).or_insert(0u64) += 1;
            }
        }
    }
    read.then(|| to.into_values().max().unwrap_or(0))
}

/// The far end of a socket whose own port is in the range: `0100007F:1F90` in
/// `  0: 0100007F:9C40 0100007F:1F90 06 …`. None for one that listens.
fn remote_of<'l>(line: &'l str, range: &RangeInclusive<u16>) -> Option<&'l str> {
    let mut words = line.split_whitespace().skip(1);
    let (local, remote) = (words.next()?, words.next()?);
    let (_, port) = local.rsplit_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    (range.contains(&port) && !remote.ends_with(":0000")).then_some(remote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_sums_are_read() {
        assert_eq!(range("32768\t60999\n"), Some(32768..=60999));
        assert_eq!(range("60999 32768"), None);
        let text =
            "sockets: used 63\nTCP: inuse 4 orphan 0 tw 17 alloc 4 mem 420\nUDP: inuse 9 mem 0\n";
        assert_eq!(sums(text), Some((4, 17)));
        assert_eq!(sums("TCP: inuse 4"), None);
        assert_eq!(field("TCP6: inuse 3\n", "TCP6:", "inuse"), Some(3));
    }

    #[test]
    fn only_who_dials_from_the_range_uses_a_port_of_it() {
        let range = 32768..=60999;
        let line =
            |local: &str, remote: &str| format!("   0: {local} {remote} 06 00000000:00000000");
        let dials = line("0100007F:9C40", "0100007F:1F90");
        assert_eq!(remote_of(&dials, &range), Some("0100007F:1F90"));
        assert_eq!(
            remote_of(&line("0100007F:1F90", "0100007F:9C40"), &range),
            None
        );
        assert_eq!(
            remote_of(&line("0100007F:9C40", "00000000:0000"), &range),
            None
        );
        assert_eq!(
            remote_of("  sl  local_address rem_address   st", &range),
            None
        );
    }

    #[test]
    fn connections_to_one_address_are_counted_as_they_are() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap();
        let _open: Vec<_> = (0..20)
            .map(|_| std::net::TcpStream::connect(to).unwrap())
            .collect();
        let ports = now();
        if ports.unknown() {
            return;
        }
        assert!((20..=ports.available).contains(&ports.used), "{ports:?}");
        assert!(towards_one(&(1..=u16::MAX)).unwrap() >= 20);
    }
}
