//! The tree of a commit, read from the object database through `git cat-file --batch`.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader, Cursor, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::Mutex;

use firn_source::{Accessor, CanonPath, DirEntry, Kind, OpenFile, SourceError, Stat};

use super::Repository;
use super::attributes::with_attribute;
use super::command::start_error;
use crate::error::FetchError;

/// The largest file that is read from an object database.
const MAX_FILE: u64 = 8 << 30;

/// What a node of a tree is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Directory,
    File {
        executable: bool,
        id: String,
    },
    Symlink {
        id: String,
    },
    /// A submodule, at a commit of its own: an empty folder, as the reference has it.
    Submodule {
        rev: String,
    },
}

/// The tree of one commit.
pub struct GitTree {
    nodes: BTreeMap<CanonPath, Node>,
    shown: String,
    fingerprint: String,
    time: u64,
    reader: Mutex<Option<Reader>>,
    repository: Repository,
}

/// A running `git cat-file --batch`.
struct Reader {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        // It ends by itself when its input closes; waiting only keeps it from being a zombie.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl GitTree {
    /// Reads the list of files of a commit; contents are read when they are asked for.
    ///
    /// # Errors
    /// The repository does not have the commit.
    pub fn open(repository: Repository, rev: &str, time: u64) -> Result<GitTree, FetchError> {
        let list = repository.run(["ls-tree", "-r", "-t", "-z", "--full-tree", "--end-of-options", rev])?;
        let mut nodes = BTreeMap::from([(CanonPath::root(), Node::Directory)]);
        for entry in list.split(|b| *b == 0).filter(|e| !e.is_empty()) {
            // "<mode> <type> <id>\t<path>"
            let wrong =
                || FetchError::new(format!("git ls-tree of commit {rev} prints a line that makes no sense"));
            let tab = entry.iter().position(|b| *b == b'\t').ok_or_else(wrong)?;
            let head = std::str::from_utf8(&entry[..tab]).map_err(|_| wrong())?;
            let mut words = head.split(' ');
            let (mode, kind, id) =
                (words.next().unwrap_or(""), words.next().unwrap_or(""), words.next().unwrap_or(""));
            let path = CanonPath::new(&entry[tab + 1..]).map_err(|e| FetchError::new(e.to_string()))?;
            let node = match (kind, mode) {
                ("tree", _) => Node::Directory,
                ("blob", "120000") => Node::Symlink { id: id.to_owned() },
                ("blob", mode) => Node::File { executable: mode == "100755", id: id.to_owned() },
                ("commit", _) => Node::Submodule { rev: id.to_owned() },
                _ => return Err(wrong()),
            };
            nodes.insert(path, node);
        }
        let shown = format!("«git+file://{}?rev={rev}»", repository.path().display());
        Ok(GitTree {
            nodes,
            shown,
            fingerprint: format!("git:{rev}"),
            time,
            reader: Mutex::new(None),
            repository,
        })
    }

    /// Leaves out what `.gitattributes` keep out of exports.
    ///
    /// # Errors
    /// Git refuses.
    pub fn without_export_ignored(mut self, rev: &str) -> Result<GitTree, FetchError> {
        self.fingerprint.push_str(";e");
        if !self.has_attributes() {
            return Ok(self);
        }
        let paths = self.nodes.iter().map(|(path, node)| (path, *node == Node::Directory));
        let ignored = with_attribute(&self.repository, ("export-ignore", "set"), Some(rev), paths)?;
        self.nodes.retain(|path, _| {
            let mut at = path.clone();
            loop {
                if ignored.contains(&at) {
                    return false;
                }
                if !at.pop() {
                    return true;
                }
            }
        });
        Ok(self)
    }

    /// The files that are kept as large files elsewhere.
    ///
    /// # Errors
    /// Git refuses.
    pub(super) fn large_files(&self, rev: &str) -> Result<HashSet<CanonPath>, FetchError> {
        if !self.has_attributes() {
            return Ok(HashSet::new());
        }
        let files = self.nodes.iter().filter(|(_, node)| matches!(node, Node::File { .. }));
        with_attribute(&self.repository, ("filter", "lfs"), Some(rev), files.map(|(path, _)| (path, false)))
    }

    fn has_attributes(&self) -> bool {
        self.nodes.keys().any(|path| path.base_name() == Some(b".gitattributes"))
    }

    /// Shows paths behind `prefix`.
    #[must_use]
    pub fn shown_as(mut self, prefix: impl Into<String>) -> GitTree {
        self.shown = prefix.into();
        self
    }

    /// The commit of the submodule at `path`, if there is one.
    pub(super) fn submodule(&self, path: &CanonPath) -> Option<&str> {
        match self.nodes.get(path) {
            Some(Node::Submodule { rev }) => Some(rev),
            _ => None,
        }
    }

    fn node(&self, path: &CanonPath) -> Result<&Node, SourceError> {
        let missing = || SourceError::NotAllowed(format!("'{}' does not exist", self.show_path(path)));
        self.nodes.get(path).ok_or_else(missing)
    }

    fn failed(&self, path: &CanonPath, what: &str) -> SourceError {
        SourceError::system("reading file", self.show_path(path), std::io::Error::other(what.to_owned()))
    }

    fn blob(&self, path: &CanonPath, id: &str) -> Result<Vec<u8>, SourceError> {
        let mut guard = self.reader.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if guard.is_none() {
            *guard = Some(self.start().map_err(|e| self.failed(path, &e.to_string()))?);
        }
        let result = guard.as_mut().ok_or_else(|| self.failed(path, "git does not run")).and_then(|r| {
            r.blob(id).map_err(|e| SourceError::system("reading file", self.show_path(path), e))
        });
        if result.is_err() {
            *guard = None;
        }
        result
    }

    fn start(&self) -> Result<Reader, FetchError> {
        let mut command = self.repository.command();
        command
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().map_err(start_error)?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => Ok(Reader { child, input, output: BufReader::new(output) }),
            _ => Err(FetchError::new("git cat-file has no pipes")),
        }
    }
}

impl Reader {
    /// Asks for an object: the answer is "<id> <type> <size>\n<contents>\n".
    fn blob(&mut self, id: &str) -> std::io::Result<Vec<u8>> {
        let wrong = |line: &str| std::io::Error::other(format!("git cat-file answers '{}'", line.trim_end()));
        writeln!(self.input, "{id}")?;
        self.input.flush()?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let mut words = line.trim_end().split(' ');
        let (Some(_), Some("blob"), Some(size)) = (words.next(), words.next(), words.next()) else {
            return Err(wrong(&line));
        };
        let size: u64 = size.parse().map_err(|_| wrong(&line))?;
        if size > MAX_FILE {
            return Err(std::io::Error::other(format!(
                "the file has {size} bytes, more than the {MAX_FILE} that are read"
            )));
        }
        let mut contents = Vec::new();
        (&mut self.output).take(size).read_to_end(&mut contents)?;
        let mut end = [0];
        self.output.read_exact(&mut end)?;
        if contents.len() as u64 != size || end != *b"\n" {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
        }
        Ok(contents)
    }
}

impl Accessor for GitTree {
    fn stat(&self, path: &CanonPath) -> Result<Option<Stat>, SourceError> {
        Ok(self.nodes.get(path).map(|node| match node {
            Node::Directory | Node::Submodule { .. } => {
                Stat { kind: Kind::Directory, executable: false, size: None }
            }
            Node::File { executable, .. } => {
                Stat { kind: Kind::Regular, executable: *executable, size: None }
            }
            Node::Symlink { .. } => Stat { kind: Kind::Symlink, executable: false, size: None },
        }))
    }

    fn read_dir(&self, path: &CanonPath) -> Result<Vec<DirEntry>, SourceError> {
        match self.node(path)? {
            Node::Submodule { .. } => return Ok(Vec::new()),
            Node::Directory => {}
            _ => return Err(self.failed(path, "Not a directory")),
        }
        let mut entries = Vec::new();
        // Below a folder, paths follow it directly; of each only the first level counts.
        for (below, node) in self.nodes.range(path.clone()..).skip(1) {
            let Some(rest) = below.strip_prefix(path) else { break };
            let mut components = rest.components();
            if let (Some(name), None) = (components.next(), components.next()) {
                let kind = match node {
                    Node::Directory | Node::Submodule { .. } => Kind::Directory,
                    Node::File { .. } => Kind::Regular,
                    Node::Symlink { .. } => Kind::Symlink,
                };
                entries.push(DirEntry { name: name.to_vec(), kind: Some(kind) });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn open(&self, path: &CanonPath) -> Result<OpenFile<'_>, SourceError> {
        let Node::File { id, .. } = self.node(path)? else {
            return Err(self.failed(path, "Not a regular file"));
        };
        let contents = self.blob(path, id)?;
        Ok(OpenFile { size: contents.len() as u64, reader: Box::new(Cursor::new(contents)) })
    }

    fn read_link(&self, path: &CanonPath) -> Result<Vec<u8>, SourceError> {
        match self.node(path)? {
            Node::Symlink { id } => self.blob(path, id),
            _ => Err(self.failed(path, "Not a symbolic link")),
        }
    }

    fn show_path(&self, path: &CanonPath) -> String {
        format!("{}{path}", self.shown)
    }

    fn fingerprint(&self) -> Option<String> {
        Some(self.fingerprint.clone())
    }

    fn last_modified(&self) -> Option<i64> {
        i64::try_from(self.time).ok()
    }
}
