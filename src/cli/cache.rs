//! `.tenure/cache`: what a plan may keep between runs. Deleting it costs calls and nothing else.

use std::path::PathBuf;

use crate::seam::Cache;

pub struct FolderCache {
    pub folder: PathBuf,
}

impl Cache for FolderCache {
    fn read(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.folder.join(name)).ok()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        // Renamed into place, so that a run that is killed leaves the old file or the new one. A second run at the same
        // time has a file of its own to rename.
        let fresh = self.folder.join(format!("{name}.{}", std::process::id()));
        let written = std::fs::create_dir_all(&self.folder).and_then(|()| std::fs::write(&fresh, bytes));
        let kept = written.and_then(|()| std::fs::rename(&fresh, self.folder.join(name)));
        if kept.is_err() {
            // Half a file helps nobody; that this fails as well changes nothing.
            drop(std::fs::remove_file(&fresh));
        }
    }
}
