//! Carries out orders, in the helper container: enters the namespaces of containers and does there what is told. Never
//! changes anything in the host's own.

use super::order::{Answer, Can, Deed, Order, Shaper};
use super::packets::Shape;
use super::{disk, net, packets};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd as _;

/// Does what is told. Must be called by the only thread of a process: a mount namespace can't be entered by one of several.
pub fn perform(order: &Order) -> Answer {
    let doors = match Doors::open(order) {
        Ok(doors) => doors,
        Err(reason) => {
            let left = order.undo.clone();
            return Answer::Failed { reason, left };
        }
    };
    let (mut failed, mut left) = doors.undo_all(&order.undo);
    let mut by: Vec<String> = Vec::new();
    // Two faults where one was planned are none that anybody planned.
    let deeds = if failed.is_empty() {
        &order.deeds[..]
    } else {
        &[]
    };
    for (at, deed) in deeds.iter().enumerate() {
        match doors.act(deed) {
            Ok(means) => by.push(means.to_owned()),
            Err(reason) => {
                // Nor is half a fault.
                let (again, still) = doors.undo_all(deeds.iter().take(at).rev());
                failed.push(reason);
                failed.extend(again);
                left.extend(still);
                break;
            }
        }
    }
    match failed.is_empty() {
        true => Answer::Done {
            by,
            can: order.probe.then(can),
        },
        false => Answer::Failed {
            reason: failed.join("; "),
            left,
        },
    }
}

/// What can be done here, tried in the helper's own namespaces.
fn can() -> Can {
    let own = File::open("/proc/self/ns/net").and_then(|own| hosts_own(&own, Space::Network));
    Can {
        enter: match own {
            Ok(false) => None,
            Ok(true) => Some("the helper container has the host's own network".to_owned()),
            Err(error) => Some(format!(
                "the helper container can't open the namespaces of others: {error}"
            )),
        },
        netem: packets::can(Shaper::Netem),
        nftables: packets::can(Shaper::Nftables),
    }
}

/// Which of a process's namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Space {
    Network,
    Mounts,
}

impl Space {
    const fn file(self) -> &'static str {
        match self {
            Self::Network => "net",
            Self::Mounts => "mnt",
        }
    }

    const fn kind(self) -> LinkNameSpaceType {
        match self {
            Self::Network => LinkNameSpaceType::Network,
            Self::Mounts => LinkNameSpaceType::Mount,
        }
    }
}

/// The namespaces an order needs, opened before any is entered: within another's mounts `/proc` is another's too.
struct Doors {
    home: BTreeMap<Space, File>,
    of: BTreeMap<(u32, Space), io::Result<File>>,
    /// Set once the way back was not found: nobody knows then where anything would be done.
    lost: Cell<bool>,
}

impl Doors {
    fn open(order: &Order) -> Result<Self, String> {
        let needs = order.undo.iter().chain(&order.deeds).flat_map(needs);
        let mut of = BTreeMap::new();
        for (pid, space) in needs {
            of.entry((pid, space)).or_insert_with(|| open(pid, space));
        }
        let mut home = BTreeMap::new();
        for space in [Space::Network, Space::Mounts] {
            let own = File::open(format!("/proc/self/ns/{}", space.file()));
            home.insert(
                space,
                own.map_err(|error| format!("failed to find the way back: {error}"))?,
            );
        }
        Ok(Self {
            home,
            of,
            lost: Cell::new(false),
        })
    }

    /// Does something in a namespace of a process's, and comes back.
    fn within<T>(
        &self,
        pid: u32,
        space: Space,
        act: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let there = match self.of.get(&(pid, space)) {
            Some(Ok(there)) => there,
            Some(Err(error)) => return Err(again(error)),
            None => return Err(io::ErrorKind::NotFound.into()),
        };
        let home = self.home.get(&space).ok_or(io::ErrorKind::NotFound)?;
        self.found()?;
        move_into_link_name_space(there.as_fd(), Some(space.kind()))?;
        let acted = act();
        let back = move_into_link_name_space(home.as_fd(), Some(space.kind()));
        self.lost.set(back.is_err());
        back?;
        acted
    }

    /// The same in a folder's mount namespace; without a process, in the helper's own.
    fn beside<T>(&self, pid: Option<u32>, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match pid {
            Some(pid) => self.within(pid, Space::Mounts, act),
            None => self.found().and_then(|()| act()),
        }
    }

    fn found(&self) -> io::Result<()> {
        match self.lost.get() {
            true => Err(io::Error::other("the way back was not found before")),
            false => Ok(()),
        }
    }

    /// Does it; says by what.
    fn act(&self, deed: &Deed) -> Result<&'static str, String> {
        let (failing, done) = match deed {
            Deed::Silence { pid, own, to } => {
                let cut = || net::neighbours(*own, to, true).map(|()| "neighbour entries");
                (
                    "cut the way to other containers",
                    self.within(*pid, Space::Network, cut),
                )
            }
            Deed::Packets {
                pid,
                own,
                loss,
                delay,
                jitter,
                with,
            } => {
                let shape = Shape {
                    loss: *loss,
                    delay: *delay,
                    jitter: *jitter,
                };
                let by = match with {
                    Shaper::Netem => "netem",
                    Shaper::Nftables => "nftables",
                };
                let act = || packets::shape(*own, shape, *with).map(|()| by);
                (
                    "lose or delay packets",
                    self.within(*pid, Space::Network, act),
                )
            }
            Deed::Deafen { pid } => ("cut the way to name servers", self.deafen(*pid)),
            Deed::Fill { pid, folder } => {
                let fill = || disk::fill(folder).map(|()| "a file that fills it");
                ("fill a volume", self.beside(*pid, fill))
            }
            Deed::Freeze { pid, folder } => {
                let by = |over| match over {
                    true => "a read-only mount over it (open files still take writes)",
                    false => "a read-only remount",
                };
                let freeze = || disk::freeze(folder).map(by);
                (
                    "make a folder read-only",
                    self.within(*pid, Space::Mounts, freeze),
                )
            }
        };
        done.map_err(|error| format!("failed to {failing}: {error}"))
    }

    fn deafen(&self, pid: u32) -> io::Result<&'static str> {
        let servers = self.servers(pid)?;
        if servers.is_empty() {
            return Err(io::Error::other("its /etc/resolv.conf names no server"));
        }
        let cut = || net::unreachable(&servers, true);
        self.within(pid, Space::Network, cut)?;
        Ok("unreachable routes to its name servers")
    }

    /// The name servers that a container asks.
    fn servers(&self, pid: u32) -> io::Result<Vec<IpAddr>> {
        let read = || std::fs::read_to_string("/etc/resolv.conf");
        Ok(servers(&self.within(pid, Space::Mounts, read)?))
    }

    /// Undoes deeds, as many as can be; why some can't, and which.
    fn undo_all<'a>(&self, deeds: impl IntoIterator<Item = &'a Deed>) -> (Vec<String>, Vec<Deed>) {
        let failed = deeds.into_iter().filter_map(|deed| {
            let reason = self.undo(deed).err()?;
            Some((reason, deed.clone()))
        });
        failed.unzip()
    }

    /// What is not there, or not any more, needs no undoing.
    fn undo(&self, deed: &Deed) -> Result<(), String> {
        let (failing, undone) = match deed {
            Deed::Silence { pid, own, to } => (
                "let it send to other containers again",
                self.within(*pid, Space::Network, || net::neighbours(*own, to, false)),
            ),
            Deed::Packets { pid, own, with, .. } => (
                "let its packets pass",
                self.within(*pid, Space::Network, || packets::pass(*own, *with)),
            ),
            Deed::Deafen { pid } => {
                let servers = self.servers(*pid);
                let hear = |servers: Vec<IpAddr>| {
                    let hear = || net::unreachable(&servers, false);
                    self.within(*pid, Space::Network, hear)
                };
                ("give it back its name servers", servers.and_then(hear))
            }
            Deed::Fill { pid, folder } => {
                ("empty a volume", self.beside(*pid, || disk::empty(folder)))
            }
            Deed::Freeze { pid, folder } => {
                // Read before its namespace is entered: what is `/proc` there shows its processes, and not this one.
                let mounts = std::fs::read_to_string(format!("/proc/{pid}/mountinfo"));
                let thaw = |mounts: String| {
                    let thaw = || disk::thaw(folder, &mounts);
                    self.within(*pid, Space::Mounts, thaw)
                };
                ("let a folder take writes again", mounts.and_then(thaw))
            }
        };
        match undone {
            Err(error) if !net::absent(&error) => Err(format!("failed to {failing}: {error}")),
            _ => Ok(()),
        }
    }
}

fn needs(deed: &Deed) -> Vec<(u32, Space)> {
    match deed {
        Deed::Silence { pid, .. } | Deed::Packets { pid, .. } => vec![(*pid, Space::Network)],
        Deed::Deafen { pid } => vec![(*pid, Space::Network), (*pid, Space::Mounts)],
        Deed::Fill { pid, .. } => pid.iter().map(|pid| (*pid, Space::Mounts)).collect(),
        Deed::Freeze { pid, .. } => vec![(*pid, Space::Mounts)],
    }
}

/// Opens a namespace of a process's, but none of the host's own.
fn open(pid: u32, space: Space) -> io::Result<File> {
    let there = File::open(format!("/proc/{pid}/ns/{}", space.file()))?;
    if hosts_own(&there, space)? {
        let what = match space {
            Space::Network => "network",
            Space::Mounts => "mounts",
        };
        return Err(io::Error::other(format!(
            "it has the host's own {what}, and nothing is changed there: give it its own"
        )));
    }
    Ok(there)
}

/// Whether a namespace is that of the host's first process, or, where nobody may look at that one, of its kernel's.
fn hosts_own(there: &File, space: Space) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let of = |pid: u32| std::fs::metadata(format!("/proc/{pid}/ns/{}", space.file()));
    let host = of(1).or_else(|error| of(2).map_err(|_| error));
    let host = host.map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("failed to tell it from the host's own: {error}"),
        )
    })?;
    let there = there.metadata()?;
    Ok((there.dev(), there.ino()) == (host.dev(), host.ino()))
}

/// The same error, for one who asks again.
fn again(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

/// The name servers of a `resolv.conf`.
fn servers(text: &str) -> Vec<IpAddr> {
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()? == "nameserver").then(|| words.next())?
    });
    lines.filter_map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_read() {
        let text = "# made by the engine\nsearch lan\nnameserver 127.0.0.11\n nameserver fe80::1\noptions ndots:0\nnameserver x\n";
        let expected: Vec<IpAddr> = vec![[127, 0, 0, 11].into(), "fe80::1".parse().expect("valid")];
        assert_eq!(servers(text), expected);
    }

    #[test]
    fn a_process_of_the_host_is_refused() {
        let order = Order {
            deeds: vec![Deed::Deafen { pid: 1 }],
            ..Order::default()
        };
        let Answer::Failed { reason, .. } = perform(&order) else {
            panic!("the host was changed");
        };
        // Whoever may not even look at it is refused by the kernel.
        let refused = ["the host's own", "Permission denied"];
        assert!(refused.iter().any(|word| reason.contains(word)), "{reason}");
    }

    #[test]
    fn nothing_is_done_where_something_could_not_be_undone_and_that_is_told() {
        let undo = vec![Deed::Deafen { pid: 1 }];
        let fill = Deed::Fill {
            pid: None,
            folder: "/no/such/folder".to_owned(),
        };
        let order = Order {
            undo: undo.clone(),
            deeds: vec![fill.clone()],
            probe: false,
        };
        let Answer::Failed { reason, left } = perform(&order) else {
            panic!("the host was changed");
        };
        assert!(!reason.contains("fill"), "{reason}");
        assert_eq!(left, undo);
        // What was never done is undone.
        let order = Order {
            undo: vec![fill],
            ..Order::default()
        };
        assert!(matches!(perform(&order), Answer::Done { .. }));
    }
}
