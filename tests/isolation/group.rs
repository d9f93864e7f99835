//! A control group with little memory, where this user may make one.

use std::fs;
use std::path::{Path, PathBuf};

/// Enough for a worker, and soon eaten.
const LIMIT: &str = "67108864";

/// A group of our own; removed when dropped.
pub struct Group(PathBuf);

impl Group {
    /// Makes one of version 1 or 2, whichever holds the memory controller.
    ///
    /// # Errors
    /// Why there is none: not root, no such controller.
    pub fn with_little_memory() -> Result<Self, String> {
        let name = format!("pagewise-test-{}", std::process::id());
        let places = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        let (parent, limit) = places
            .into_iter()
            .find(|(parent, limit)| has_memory(Path::new(parent), limit))
            .ok_or("no memory controller of control groups to be seen")?;
        let group = Self(Path::new(parent).join(name));
        fs::create_dir(&group.0).map_err(|error| format!("{}: {error}", group.0.display()))?;
        fs::write(group.0.join(limit), LIMIT).map_err(|error| format!("{limit}: {error}"))?;
        // Without it the group swaps before it kills; a machine without swap has no such file.
        let _ = fs::write(group.0.join("memory.swap.max"), "0");
        let _ = fs::write(group.0.join("memory.swappiness"), "0");
        Ok(group)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// The root group of version 2 has no limit of its own: what it hands down to others tells.
fn has_memory(parent: &Path, limit: &str) -> bool {
    let handed_down = fs::read_to_string(parent.join("cgroup.subtree_control")).unwrap_or_default();
    parent.join(limit).exists() || handed_down.split_whitespace().any(|controller| controller == "memory")
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}
