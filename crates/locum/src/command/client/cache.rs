//! Sessions that are still good, kept for the next command: one file each, for its owner only.

use super::assume::Issued;
use super::variable;
use locum_identity::sealing::Secret;
use rustix::fs::OFlags;
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The longest file that is read, in bytes.
const LONGEST: u64 = 512 * 1024;

/// The directory of kept sessions.
#[derive(Clone, Debug)]
pub(super) struct Cache(PathBuf);

/// What a file holds.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    /// Seconds since 1970.
    issued: i64,
    expiration: i64,
}

impl Cache {
    /// `$XDG_CACHE_HOME/locum`, or `~/.cache/locum`; none without a home.
    pub(super) fn of_user() -> Option<Self> {
        let base = variable("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".cache")))?;
        Some(Self(base.join("locum")))
    }

    /// The session kept under a key, good or not; none if anyone else could have put it there or
    /// read it.
    pub(super) fn get(&self, key: &str) -> Option<Issued> {
        if !is_private(&self.0.symlink_metadata().ok()?) {
            return None;
        }
        read(&self.file(key))
    }

    /// Keeps a session, and forgets those that ended before `now`.
    ///
    /// # Errors
    /// When it cannot be kept, or not so that nobody else can read it.
    pub(super) fn put(&self, key: &str, issued: &Issued, now: i64) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)?;
        if !is_private(&self.0.symlink_metadata()?) {
            return Err(io::Error::other("others may look into it"));
        }
        self.forget_ended(now);
        let kept = Kept {
            access_key_id: issued.access_key_id.clone(),
            secret_access_key: issued.secret_access_key.expose().to_owned(),
            session_token: issued.session_token.expose().to_owned(),
            issued: issued.issued,
            expiration: issued.expiration,
        };
        let json = Zeroizing::new(serde_json::to_vec(&kept)?);
        // Made with mode 0600, and under its name only when it is whole.
        let mut file = tempfile::Builder::new()
            .prefix(".new-")
            .tempfile_in(&self.0)?;
        file.write_all(&json)?;
        file.persist(self.file(key))?;
        Ok(())
    }

    /// What cannot be removed keeps nothing else from being kept; it may have gone already.
    fn forget_ended(&self, now: i64) {
        let Ok(entries) = std::fs::read_dir(&self.0) else {
            return;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            let ours = path
                .extension()
                .is_some_and(|extension| extension == "json");
            if ours && read(&path).is_none_or(|kept| kept.expiration <= now) {
                let _ = std::fs::remove_file(&path);
            }
        }
    }

    fn file(&self, key: &str) -> PathBuf {
        self.0.join(format!("{key}.json"))
    }
}

/// What a file holds; none if it is not the owner's alone, or nothing that is understood.
fn read(path: &Path) -> Option<Issued> {
    // Neither through a link nor waiting for a pipe.
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).ok()?;
    let file: File = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || !is_private(&metadata) {
        return None;
    }
    let mut json = Zeroizing::new(Vec::new());
    file.take(LONGEST).read_to_end(&mut json).ok()?;
    let kept: Kept = serde_json::from_slice(&json).ok()?;
    Some(Issued {
        access_key_id: kept.access_key_id,
        secret_access_key: Secret::new(kept.secret_access_key),
        session_token: Secret::new(kept.session_token),
        issued: kept.issued,
        expiration: kept.expiration,
    })
}

/// Whether something belongs to this user and is nobody else's to read or change.
fn is_private(metadata: &Metadata) -> bool {
    metadata.uid() == geteuid().as_raw()
        && metadata.mode() & 0o077 == 0
        && !metadata.file_type().is_symlink()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn issued(expiration: i64) -> Issued {
        Issued {
            access_key_id: "ASIA".into(),
            secret_access_key: Secret::new("secret".into()),
            session_token: Secret::new("token".into()),
            issued: 1,
            expiration,
        }
    }

    fn fresh() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache(folder.path().join("deep/locum"));
        (folder, cache)
    }

    #[test]
    fn what_is_kept_is_found_by_its_key() {
        let (_folder, cache) = fresh();
        assert!(cache.get("a").is_none());
        cache.put("a", &issued(100), 50).unwrap();
        let found = cache.get("a").unwrap();
        assert_eq!(found.session_token.expose(), "token");
        assert_eq!((found.issued, found.expiration), (1, 100));
        assert!(cache.get("b").is_none());
        let mode = |path: &Path| path.metadata().unwrap().mode() & 0o777;
        assert_eq!(mode(&cache.0), 0o700);
        assert_eq!(mode(&cache.file("a")), 0o600);
    }

    #[test]
    fn what_has_ended_is_removed() {
        let (_folder, cache) = fresh();
        cache.put("a", &issued(100), 50).unwrap();
        cache.put("b", &issued(200), 99).unwrap();
        assert!(cache.get("a").is_some());
        cache.put("c", &issued(300), 100).unwrap();
        assert!(!cache.file("a").exists());
        assert!(cache.get("b").is_some() && cache.get("c").is_some());
    }

    #[test]
    fn what_others_could_have_read_or_written_is_not_used() {
        let (_folder, cache) = fresh();
        cache.put("a", &issued(100), 50).unwrap();
        for mode in [0o640, 0o604, 0o660] {
            set_permissions(cache.file("a"), Permissions::from_mode(mode)).unwrap();
            assert!(cache.get("a").is_none(), "{mode:o}");
        }
        set_permissions(cache.file("a"), Permissions::from_mode(0o600)).unwrap();
        assert!(cache.get("a").is_some());
        set_permissions(&cache.0, Permissions::from_mode(0o755)).unwrap();
        assert!(cache.get("a").is_none());
        assert!(cache.put("a", &issued(100), 50).is_err());
    }

    #[test]
    fn links_pipes_and_rubbish_are_not_used() {
        let (folder, cache) = fresh();
        cache.put("a", &issued(100), 50).unwrap();
        symlink(cache.file("a"), cache.file("link")).unwrap();
        assert!(cache.get("link").is_none());
        let mut rubbish = OpenOptions::new();
        rubbish.write(true).create(true).mode(0o600);
        let mut file = rubbish.open(cache.file("rubbish")).unwrap();
        file.write_all(b"{\"access_key_id\":").unwrap();
        assert!(cache.get("rubbish").is_none());
        let elsewhere = Cache(folder.path().join("link-to-it"));
        symlink(&cache.0, &elsewhere.0).unwrap();
        assert!(elsewhere.get("a").is_none());
    }
}
