//! Faults on containers that the engine's API can't do: a helper container of the run's own enters their namespaces, told
//! by `harness hands` in it. Nothing of the host is changed; what is done goes with the container it was done in.

#[cfg(target_os = "linux")]
mod apart;
#[cfg(target_os = "linux")]
mod disk;
mod driver;
mod means;
#[cfg(target_os = "linux")]
mod net;
#[cfg(target_os = "linux")]
mod netlink;
pub mod order;
#[cfg(target_os = "linux")]
mod packets;
#[cfg(target_os = "linux")]
mod perform;

#[cfg(target_os = "linux")]
pub(crate) use apart::tried;
pub use driver::{Hands, HandsError, Lookup, Outfit};
pub use means::OnLink;
#[cfg(target_os = "linux")]
pub use perform::perform;

/// Tries what the kernel does to packets, which only Linux can.
#[cfg(not(target_os = "linux"))]
pub(crate) fn tried(_: &[order::Shaper]) -> std::io::Result<Vec<Option<String>>> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Carries out an order, which only Linux can.
#[cfg(not(target_os = "linux"))]
pub fn perform(_: &order::Order) -> order::Answer {
    order::Answer::Failed("namespaces of containers are entered on Linux only".to_owned())
}
