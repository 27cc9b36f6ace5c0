//! What is sent to the builder: a folder without what its `.dockerignore` leaves out, as an archive that is made while it is
//! sent and never held whole.

use super::EngineError;
use super::ignore::Ignored;
use bytes::Bytes;
use futures::Stream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt as _, DuplexStream};
use tokio_tar::{Builder, EntryType, Header};
use tokio_util::io::ReaderStream;

/// Bytes between the archive's making and its sending.
const UNDER_WAY: usize = 256 << 10;

/// Something to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// Its path in the archive.
    pub(super) path: String,
    /// What it is.
    pub(super) what: What,
}

/// What something to be sent is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// A file of this machine.
    File(PathBuf),
    /// A text made here.
    Text(String),
    /// An empty folder.
    Folder,
    /// A link, and what it says.
    Link(PathBuf),
}

/// Where a Dockerfile that lies elsewhere goes.
const ELSEWHERE: &str = ".harness.Dockerfile";

/// Lists what of a folder is sent, and the Dockerfile's path in it. Blocks.
pub(super) fn list(folder: &Path, dockerfile: &Path) -> Result<(Vec<Item>, String), EngineError> {
    let unread = |path: &Path, error: &std::io::Error| EngineError::File {
        path: path.display().to_string(),
        reason: error.to_string(),
    };
    std::fs::metadata(dockerfile).map_err(|error| unread(dockerfile, &error))?;
    let real = |path: &Path| path.canonicalize().map_err(|error| unread(path, &error));
    let (folder, dockerfile) = (real(folder)?, real(dockerfile)?);
    let ignore = folder.join(".dockerignore");
    let ignored = match std::fs::read_to_string(&ignore) {
        Ok(text) => Ignored::parse(&text).map_err(|line| EngineError::File {
            path: ignore.display().to_string(),
            reason: format!("`{line}` is no pattern"),
        })?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ignored::default(),
        Err(error) => return Err(unread(&ignore, &error)),
    };
    let mut items = Vec::new();
    walk(&folder, "", &ignored, &mut items).map_err(|(path, error)| unread(&path, &error))?;
    let within = dockerfile.strip_prefix(&folder).ok().and_then(Path::to_str);
    let name = within.unwrap_or(ELSEWHERE).to_owned();
    // The builder needs it whatever the patterns say.
    if !items.iter().any(|item| item.path == name) {
        items.push(Item {
            path: name.clone(),
            what: What::File(dockerfile),
        });
    }
    Ok((items, name))
}

fn walk(
    folder: &Path,
    within: &str,
    ignored: &Ignored,
    items: &mut Vec<Item>,
) -> Result<(), (PathBuf, std::io::Error)> {
    let told = |error| (folder.to_owned(), error);
    let entries = std::fs::read_dir(folder).map_err(told)?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(told)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let at = entry.path();
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            let reason = std::io::Error::other("its name is not UTF-8");
            return Err((at, reason));
        };
        let path = if within.is_empty() {
            name.to_owned()
        } else {
            format!("{within}/{name}")
        };
        let kind = entry.file_type().map_err(|error| (at.clone(), error))?;
        let excluded = ignored.excludes(&path);
        if kind.is_dir() {
            if !excluded {
                let what = What::Folder;
                items.push(Item {
                    path: path.clone(),
                    what,
                });
            }
            if !excluded || ignored.takes_back_within(&path) {
                walk(&at, &path, ignored, items)?;
            }
        } else if !excluded {
            let what = if kind.is_symlink() {
                What::Link(std::fs::read_link(&at).map_err(|error| (at.clone(), error))?)
            } else if kind.is_file() {
                What::File(at)
            } else {
                // A socket or a pipe: nothing that could be sent.
                continue;
            };
            items.push(Item { path, what });
        }
    }
    Ok(())
}

/// The archive as a stream of its bytes, made as they are taken. A file that can't be read ends it with an error, and is told
/// by the handle.
pub(super) fn stream(
    items: Vec<Item>,
) -> (
    impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    tokio::task::JoinHandle<Result<(), EngineError>>,
) {
    let (here, there) = tokio::io::duplex(UNDER_WAY);
    let making = tokio::spawn(write(items, there));
    (ReaderStream::with_capacity(here, UNDER_WAY), making)
}

async fn write(items: Vec<Item>, to: DuplexStream) -> Result<(), EngineError> {
    let mut archive = Builder::new(to);
    for item in items {
        let done = add(&mut archive, &item).await;
        done.map_err(|error| EngineError::File {
            path: match &item.what {
                What::File(path) => path.display().to_string(),
                _ => item.path.clone(),
            },
            reason: error.to_string(),
        })?;
    }
    let ended = archive.into_inner().await.map(drop);
    ended.map_err(|error| EngineError::Other {
        doing: "send the folder to the builder".to_owned(),
        reason: error.to_string(),
    })
}

async fn add(archive: &mut Builder<DuplexStream>, item: &Item) -> std::io::Result<()> {
    // Owner and times say nothing to the builder's cache, and would differ from checkout to checkout.
    let mut header = Header::new_gnu();
    header.set_mtime(0);
    header.set_mode(0o755);
    header.set_size(0);
    match &item.what {
        What::File(path) => {
            let file = tokio::fs::File::open(path).await?;
            let about = file.metadata().await?;
            header.set_mode(about.permissions().mode() & 0o7777);
            header.set_size(about.len());
            // One that grows meanwhile must not run into what comes after it.
            let reader = file.take(about.len());
            archive.append_data(&mut header, &item.path, reader).await
        }
        What::Text(text) => {
            header.set_mode(0o644);
            header.set_size(text.len() as u64);
            archive
                .append_data(&mut header, &item.path, text.as_bytes())
                .await
        }
        What::Folder => {
            header.set_entry_type(EntryType::Directory);
            let path = format!("{}/", item.path);
            archive
                .append_data(&mut header, path, tokio::io::empty())
                .await
        }
        What::Link(to) => {
            header.set_entry_type(EntryType::Symlink);
            header.set_link_name(to)?;
            archive
                .append_data(&mut header, &item.path, tokio::io::empty())
                .await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt as _;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("Dockerfile", "FROM scratch");
        put("src/main", "words");
        put("target/big", "much");
        put("target/kept", "little");
        put(".dockerignore", "target\n!target/kept\nDockerfile\n");
        std::os::unix::fs::symlink("src", folder.path().join("link")).unwrap();
        folder
    }

    #[test]
    fn what_is_ignored_is_not_listed_and_the_dockerfile_always_is() {
        let folder = folder();
        let paths = |dockerfile: &Path| {
            let (items, name) = list(folder.path(), dockerfile).unwrap();
            let paths = items.into_iter().map(|item| item.path);
            (paths.collect::<Vec<_>>().join(" "), name)
        };
        let own = paths(&folder.path().join("Dockerfile"));
        let listed = ".dockerignore link src src/main target/kept";
        assert_eq!(
            own,
            (format!("{listed} Dockerfile"), "Dockerfile".to_owned())
        );
        let elsewhere = tempfile::NamedTempFile::new().unwrap();
        let (with, name) = paths(elsewhere.path());
        assert_eq!(with, format!("{listed} {ELSEWHERE}"));
        assert_eq!(name, ELSEWHERE);
        let none = list(folder.path(), Path::new("/none/Dockerfile")).unwrap_err();
        assert!(none.to_string().contains("/none/Dockerfile"), "{none}");
    }

    #[tokio::test]
    async fn an_archive_holds_what_was_listed() {
        let folder = folder();
        let (items, _) = list(folder.path(), &folder.path().join("Dockerfile")).unwrap();
        let (stream, making) = stream(items);
        let bytes = stream.try_collect::<Vec<_>>().await.unwrap().concat();
        making.await.unwrap().unwrap();
        let mut archive = tokio_tar::Archive::new(&bytes[..]);
        let into = tempfile::tempdir().unwrap();
        archive.unpack(into.path()).await.unwrap();
        let read = |path: &str| std::fs::read_to_string(into.path().join(path)).unwrap();
        assert_eq!(read("link/main"), "words");
        assert_eq!(read("target/kept"), "little");
        assert!(!into.path().join("target/big").exists());
    }

    #[tokio::test]
    async fn a_file_that_is_gone_is_named() {
        let items = vec![Item {
            path: "x".into(),
            what: What::File("/none/x".into()),
        }];
        let (stream, making) = stream(items);
        let _ = stream.try_collect::<Vec<_>>().await;
        let error = making.await.unwrap().unwrap_err().to_string();
        assert!(error.contains("/none/x"), "{error}");
    }
}
