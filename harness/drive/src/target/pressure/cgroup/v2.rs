//! What a control group of the newer interface is told. Knows folders and nothing of who is in them.

use super::put;
use std::io::Result;
use std::path::Path;

/// Sets a quota of microseconds in each period; says who does it.
pub(super) fn hold(folder: &Path, quota: u128, period: u128) -> Result<String> {
    put(&folder.join("cpu.max"), &format!("{quota} {period}"))?;
    Ok("cgroup v2 (cpu.max)".to_owned())
}

/// Takes the quota off.
pub(super) fn let_run(folder: &Path) -> Result<()> {
    put(&folder.join("cpu.max"), "max")
}

/// Limits what a group has of memory, without swap. Of one that has more, and can't give it up, the kernel ends a process.
/// Says who does it.
pub(super) fn limit(folder: &Path, bytes: u64) -> Result<String> {
    // Not every kernel counts swap.
    let _ = put(&folder.join("memory.swap.max"), "0");
    put(&folder.join("memory.max"), &bytes.to_string())?;
    Ok("cgroup v2 (memory.max)".to_owned())
}

/// Takes the limits off.
pub(super) fn let_grow(folder: &Path) -> Result<()> {
    let _ = put(&folder.join("memory.swap.max"), "max");
    put(&folder.join("memory.max"), "max")
}
