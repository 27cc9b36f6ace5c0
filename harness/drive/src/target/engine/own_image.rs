//! An image of this very program, for what has to run beside the containers: the proxy of the links, the hands of faults. Made
//! of the running executable, the interpreter it names and the libraries it is linked to, so that it needs no registry, no
//! compiler and no second binary to be kept in step. Its tag is what it holds.

use super::context::{Item, What};
use super::elf::{self, Elf};
use super::{ANSWER, Engine, EngineError, WORK};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use testcontainers::bollard::models::ImageSummary;
use testcontainers::bollard::query_parameters::{ListImagesOptionsBuilder, RemoveImageOptions};

/// The image's name, without its tag.
const NAME: &str = "harness-self";
/// The running program, also where its file was replaced since.
const THIS: &str = "/proc/self/exe";
/// Older glibc opens these by name when a name is looked up; newer has them within.
const OPENED: [&str; 3] = ["libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2"];
/// Seconds an image is kept that no container uses: that of another run which is about to use it must not go.
const KEPT: i64 = 3600;
/// What an image is known by that has lost its tag: two runs made it at once, and the second took the tag.
const LABEL: &str = "harness.self";
const DOCKERFILE: &str = "FROM scratch\nLABEL harness.self=program\nCOPY root /\nENV LD_LIBRARY_PATH=/harness/lib\nENTRYPOINT [\"/harness/harness\"]\n";

impl Engine {
    /// The name of the image of this program, which is made unless it is there. Its entry point is the program.
    pub async fn own_image(&self) -> Result<String, EngineError> {
        let here = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let there = self.architecture();
        if !cfg!(target_os = "linux") || here != there {
            let reason = format!(
                "it runs on {} {here}, and containers on linux {there}",
                std::env::consts::OS
            );
            return Err(EngineError::OwnImage(reason));
        }
        let parts = tokio::task::spawn_blocking(|| {
            let parts = parts().map_err(EngineError::OwnImage)?;
            let digest = digest(&parts).map_err(EngineError::OwnImage)?;
            Ok::<_, EngineError>((parts, digest))
        });
        let (parts, digest) = parts
            .await
            .map_err(|error| EngineError::OwnImage(error.to_string()))??;
        let image = format!("{NAME}:{digest}");
        if !self.has_image(&image).await? {
            let file = Item {
                path: "Dockerfile".to_owned(),
                what: What::Text(DOCKERFILE.to_owned()),
            };
            let folder = Item {
                path: "root/tmp".to_owned(),
                what: What::Folder,
            };
            let parts = parts.into_iter().map(|part| Item {
                path: format!("root{}", part.to),
                what: What::File(part.from),
            });
            let items = [file, folder].into_iter().chain(parts).collect();
            let args = BTreeMap::new();
            self.build_of(items, "Dockerfile", &args, &image, |_| {})
                .await?;
            self.remove_older(&image).await;
        }
        Ok(image)
    }

    /// Whether an image is one of this program, by its name.
    pub(super) fn is_own_image(image: &str) -> bool {
        image
            .strip_prefix(NAME)
            .is_some_and(|rest| rest.starts_with(':'))
    }

    /// Removes images of older programs that no container uses. What can't be removed stays: it is a cache.
    async fn remove_older(&self, image: &str) {
        self.remove_old(NAME, LABEL, image, KEPT).await;
    }

    /// Removes images but one that are called `name` or are called nothing and have `label`, if they are older than the newest
    /// by more than `kept` seconds and no container uses them.
    pub(super) async fn remove_old(&self, name: &str, label: &str, image: &str, kept: i64) {
        let called = self.images(("reference", name), None).await;
        let nameless = self.images(("label", label), Some("true")).await;
        let all = || called.iter().chain(&nameless);
        let newest = all().map(|image| image.created).max().unwrap_or(0);
        let old = |image: &&ImageSummary| image.created < newest - kept;
        let tags = called.iter().filter(old).flat_map(|old| &old.repo_tags);
        let tags = tags.filter(|tag| tag.as_str() != image);
        let ids = nameless.iter().filter(old).map(|old| &old.id);
        for one in tags.chain(ids) {
            // Without force: one that a container uses is refused, and so is one that another was built from.
            let work = self
                .docker
                .remove_image(one, None::<RemoveImageOptions>, None);
            let _ = self
                .ask("remove an image of an older harness", WORK, work)
                .await;
        }
    }

    /// The images that a filter lets pass; none where the engine does not say.
    async fn images(&self, filter: (&str, &str), dangling: Option<&str>) -> Vec<ImageSummary> {
        let mut filters = HashMap::from([(filter.0, vec![filter.1])]);
        filters.extend(dangling.map(|dangling| ("dangling", vec![dangling])));
        let options = ListImagesOptionsBuilder::new().filters(&filters).build();
        let doing = "list the harness's own images";
        let listed = self.ask(doing, ANSWER, self.docker.list_images(Some(options)));
        listed.await.unwrap_or_default()
    }
}

/// A file of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    from: PathBuf,
    /// Absolute path in the image.
    to: String,
}

/// The program and what it needs.
fn parts() -> Result<Vec<Part>, String> {
    let program = elf_of(Path::new(THIS))?;
    let mut parts = vec![Part {
        from: THIS.into(),
        to: "/harness/harness".to_owned(),
    }];
    let Some(interpreter) = &program.interpreter else {
        return Ok(parts);
    };
    parts.push(Part {
        from: interpreter.into(),
        to: interpreter.clone(),
    });
    let maps = std::fs::read_to_string("/proc/self/maps")
        .map_err(|error| format!("failed to read /proc/self/maps: {error}"))?;
    let mut libraries = BTreeMap::new();
    for path in mapped(&maps) {
        // What is mapped and is no library says nothing of itself.
        let Ok(elf) = elf_of(&path) else { continue };
        let file = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        if let Some(name) = elf.name.clone().or(file) {
            libraries.insert(name, (path, elf));
        }
    }
    let mut found = needed(&program, &libraries)?;
    if let Some((libc, _)) = libraries.get("libc.so.6") {
        let beside = OPENED
            .iter()
            .map(|name| ((*name).to_owned(), libc.with_file_name(name)));
        found.extend(beside.filter(|(_, path)| path.exists()));
    }
    parts.extend(found.into_iter().map(|(name, from)| Part {
        from,
        to: format!("/harness/lib/{name}"),
    }));
    Ok(parts)
}

fn elf_of(path: &Path) -> Result<Elf, String> {
    let read = File::open(path).and_then(|file| elf::read(&file));
    read.map_err(|error| format!("failed to read {}: {error}", path.display()))
}

/// The files that are mapped to be executed, by `/proc/PID/maps`.
fn mapped(maps: &str) -> BTreeSet<PathBuf> {
    let lines = maps.lines().filter_map(|line| {
        let path = line.find('/').map(|at| &line[at..])?;
        let executed = line.split_whitespace().nth(1)?.contains('x');
        (executed && !path.ends_with(" (deleted)")).then(|| path.into())
    });
    lines.collect()
}

/// The libraries that a program is linked to, and those that they are.
fn needed(
    program: &Elf,
    libraries: &BTreeMap<String, (PathBuf, Elf)>,
) -> Result<BTreeMap<String, PathBuf>, String> {
    let mut found = BTreeMap::new();
    let mut open = program.needed.clone();
    while let Some(name) = open.pop() {
        if found.contains_key(&name) {
            continue;
        }
        let (path, elf) = libraries
            .get(&name)
            .ok_or_else(|| format!("the library {name} that it is linked to was not found"))?;
        open.extend(elf.needed.iter().cloned());
        found.insert(name, path.clone());
    }
    Ok(found)
}

/// What the image holds, in sixteen digits.
fn digest(parts: &[Part]) -> Result<String, String> {
    let mut hash = Sha256::new();
    hash.update(DOCKERFILE);
    let mut chunk = vec![0; 1 << 20];
    for part in parts {
        hash.update(&part.to);
        let unread = |error| format!("failed to read {}: {error}", part.from.display());
        let mut file = File::open(&part.from).map_err(unread)?;
        loop {
            let read = file.read(&mut chunk).map_err(unread)?;
            if read == 0 {
                break;
            }
            hash.update(&chunk[..read]);
        }
    }
    let digits = hash
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_executed_and_still_there_counts_as_mapped() {
        let maps = "\
00-10 r--p 00000000 08:01 1    /usr/lib/libc.so.6
10-20 r-xp 00000000 08:01 1    /usr/lib/libc.so.6
20-30 r--p 00000000 08:01 2    /usr/share/locale/x
30-40 r-xp 00000000 08:01 3    /usr/lib/with a space.so
40-50 r-xp 00000000 08:01 4    /tmp/gone (deleted)
50-60 r-xp 00000000 00:00 0    [vdso]
";
        let paths = ["/usr/lib/libc.so.6", "/usr/lib/with a space.so"];
        assert_eq!(mapped(maps), paths.iter().map(PathBuf::from).collect());
    }

    #[test]
    fn libraries_of_libraries_are_found_and_one_that_is_not_is_named() {
        let elf = |needed: &[&str]| Elf {
            needed: needed.iter().map(|name| (*name).to_owned()).collect(),
            ..Elf::default()
        };
        let libraries = BTreeMap::from([
            ("a".to_owned(), ("/a.1".into(), elf(&["b"]))),
            ("b".to_owned(), ("/b.1".into(), elf(&["a"]))),
            ("c".to_owned(), ("/c.1".into(), elf(&[]))),
        ]);
        let found = needed(&elf(&["a"]), &libraries).unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert!(
            needed(&elf(&["d"]), &libraries)
                .unwrap_err()
                .contains("library d")
        );
    }
}
