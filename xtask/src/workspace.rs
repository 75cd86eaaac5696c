//! Where things are.

use crate::command::{cargo, output};
use std::path::{Path, PathBuf};

/// The workspace and the folder its builds go to.
pub(crate) struct Workspace {
    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Cargo's target folder, which holds the tools and the Python environment as well.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Asks cargo.
    ///
    /// # Errors
    /// When the workspace does not load with the lock file as it is.
    pub(crate) fn locate() -> Result<Self, String> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let metadata = output(cargo(here).args([
            "metadata",
            "--locked",
            "--no-deps",
            "--format-version",
            "1",
        ]))?;
        let metadata: serde_json::Value =
            serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
        let folder = |key: &str| {
            let path = metadata.get(key).and_then(serde_json::Value::as_str);
            path.map(PathBuf::from)
                .ok_or_else(|| format!("cargo metadata has no `{key}`"))
        };
        Ok(Self {
            root: folder("workspace_root")?,
            target: folder("target_directory")?,
        })
    }

    /// The folder of programs that are built for the chores.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }
}
