//! What a control group of the older interface is told. Knows folders and nothing of who is in them.

use super::put;
use std::io::{ErrorKind, Result};
use std::path::Path;

/// Sets a quota of microseconds in each period; says who does it.
pub(super) fn hold(folder: &Path, quota: u128, period: u128) -> Result<String> {
    put(&folder.join("cpu.cfs_period_us"), &period.to_string())?;
    put(&folder.join("cpu.cfs_quota_us"), &quota.to_string())?;
    Ok("cgroup v1 (cpu.cfs_quota_us)".to_owned())
}

/// Takes the quota off.
pub(super) fn let_run(folder: &Path) -> Result<()> {
    put(&folder.join("cpu.cfs_quota_us"), "-1")
}

/// Times that what a group has is read and made its limit, until it does not grow in between.
const TRIES: usize = 20;

/// Limits what a group has of memory, swap included where the kernel counts it. One that has more, and can't give it up, gets
/// no more than it has. Says who does it.
pub(super) fn limit(folder: &Path, bytes: u64) -> Result<String> {
    let (file, used) = (
        folder.join("memory.limit_in_bytes"),
        folder.join("memory.usage_in_bytes"),
    );
    let mut limit = bytes;
    let mut said = put(&file, &limit.to_string());
    for _ in 0..TRIES {
        if !matches!(&said, Err(error) if error.kind() == ErrorKind::ResourceBusy) {
            break;
        }
        let has = std::fs::read_to_string(&used)?;
        limit = has.trim().parse().unwrap_or(bytes).max(bytes);
        said = put(&file, &limit.to_string());
    }
    said?;
    // Not every kernel counts swap.
    let _ = put(
        &folder.join("memory.memsw.limit_in_bytes"),
        &limit.to_string(),
    );
    Ok(match limit {
        limit if limit == bytes => "cgroup v1 (memory.limit_in_bytes)".to_owned(),
        has => format!(
            "cgroup v1 (memory.limit_in_bytes, at the {} MB it had)",
            has / 1_000_000
        ),
    })
}

/// Takes the limits off.
pub(super) fn let_grow(folder: &Path) -> Result<()> {
    let _ = put(&folder.join("memory.memsw.limit_in_bytes"), "-1");
    put(&folder.join("memory.limit_in_bytes"), "-1")
}
