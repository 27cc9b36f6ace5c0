//! What the hands are told and what they answer: orders as JSON, from the harness to `harness hands` in the helper
//! container. Knows neither plans nor the engine.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;

/// What is to be done, in this order: first what is undone, then, unless some of that could not be, what is done. Of what is
/// to be done, all is or nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Deeds to be undone. One that was never done, or went with the container it was in, is undone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undo: Vec<Deed>,
    /// To be done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deeds: Vec<Deed>,
    /// Whether it is also to be tried what can be done here at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probe: bool,
}

/// Something done to a container; `pid` is any process of it, as the engine's host counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// It sends nothing more to some addresses.
    Silence {
        /// Whose network.
        pid: u32,
        /// Its own address on the network that is meant: tells the interface.
        own: IpAddr,
        /// To whom nothing is sent; on that network.
        to: Vec<IpAddr>,
    },
    /// Packets it sends are lost or late.
    Packets {
        /// Whose network.
        pid: u32,
        /// Its own address on the network that is meant.
        own: IpAddr,
        /// Share of packets that are lost, 0 to 1.
        loss: f64,
        /// How much later they are sent.
        delay: Duration,
        /// Half the width of the draw around it.
        jitter: Duration,
        /// Who does it.
        with: Shaper,
    },
    /// It can ask no name server.
    Deafen {
        /// Whose network, and whose `/etc/resolv.conf`.
        pid: u32,
    },
    /// A folder's file system, which must be in memory, is filled.
    Fill {
        /// Whose folder; `None`: one that the helper itself mounts.
        pid: Option<u32>,
        /// The folder.
        folder: String,
    },
    /// A folder takes no writes.
    Freeze {
        /// Whose.
        pid: u32,
        /// The folder.
        folder: String,
    },
}

/// Who loses and delays packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shaper {
    /// The queueing discipline of that name: loss and delay.
    Netem,
    /// A rule on the interface's way out, which knows loss only.
    Nftables,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// All of it is done.
    Done {
        /// By what, a deed each, in their order.
        by: Vec<String>,
        /// What can be done here, if that was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        can: Option<Can>,
    },
    /// It could not be done.
    Failed {
        /// Why.
        reason: String,
        /// What could not be undone either, of the order's undoing and of its deeds: nothing else of them is left.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left: Vec<Deed>,
    },
}

/// What can be done here; where something can't, why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Can {
    /// Why other containers' namespaces can't be entered.
    pub enter: Option<String>,
    /// Why netem can't be used.
    pub netem: Option<String>,
    /// Why nftables can't be used on an interface's way out.
    pub nftables: Option<String>,
}
