//! Computing store paths, as the manual's "store path specification" defines it.
//!
//! Every path is the SHA-256 of `<type>:<inner digest>:<store directory>:<name>`, folded to 160 bits. The type carries
//! what else counts: references (`text:…`, `source:…`) or the output's name (`output:out`).

use firn_hash::{Algo, Hash, Hasher, base16, compress};

use crate::{ContentAddress, ContentMethod, FileMethod, PathError, StoreDir, StorePath, StorePathSet};

/// What a store object refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Other store objects.
    pub others: StorePathSet,
    /// Whether it refers to itself; its own path is not among [`References::others`].
    pub self_ref: bool,
}

impl References {
    /// Tells whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.others.is_empty() && !self.self_ref
    }

    /// The number of references.
    #[must_use]
    pub fn len(&self) -> usize {
        self.others.len() + usize::from(self.self_ref)
    }

    /// Splits `all` into those to others and that to `own`.
    #[must_use]
    pub fn split(mut all: StorePathSet, own: &StorePath) -> References {
        let self_ref = all.remove(own);
        References { others: all, self_ref }
    }
}

impl From<StorePathSet> for References {
    fn from(others: StorePathSet) -> References {
        References { others, self_ref: false }
    }
}

/// The name of an output's path: the derivation's name, with `-<output>` unless the output is `out`.
#[must_use]
pub fn output_path_name(drv_name: &str, output: &str) -> String {
    if output == "out" { drv_name.to_owned() } else { format!("{drv_name}-{output}") }
}

impl StoreDir {
    /// The path of a text object: `hash` is the SHA-256 of its bytes, `references` come in ascending order.
    ///
    /// # Errors
    /// Another algorithm, or a wrong name.
    pub fn make_text_path<'a>(
        &self,
        name: &str,
        hash: &Hash,
        references: impl IntoIterator<Item = &'a StorePath>,
    ) -> Result<StorePath, PathError> {
        if hash.algo() != Algo::Sha256 {
            return Err(PathError::TextAlgo(hash.algo()));
        }
        let mut hasher = self.start("text", references.into_iter(), false);
        hasher.update(b":");
        self.end(hasher, hash, name)
    }

    /// The path of an object addressed by its content as files.
    ///
    /// # Errors
    /// References with anything but a SHA-256 of the NAR, an algorithm that git does not have, or a wrong name.
    pub fn make_fixed_output_path(
        &self,
        name: &str,
        method: FileMethod,
        hash: &Hash,
        references: &References,
    ) -> Result<StorePath, PathError> {
        if method == FileMethod::Git && !matches!(hash.algo(), Algo::Sha1 | Algo::Sha256) {
            return Err(PathError::GitAlgo(hash.algo()));
        }
        if method == FileMethod::NixArchive && hash.algo() == Algo::Sha256 {
            let mut hasher = self.start("source", references.others.iter(), references.self_ref);
            hasher.update(b":");
            return self.end(hasher, hash, name);
        }
        if !references.is_empty() {
            return Err(PathError::FixedWithReferences(name.to_owned()));
        }
        let mut inner = Hasher::new(Algo::Sha256);
        inner.update(b"fixed:out:");
        inner.update(method.prefix().as_bytes());
        update_prefixed(&mut inner, hash);
        inner.update(b":");
        let mut hasher = Hasher::new(Algo::Sha256);
        hasher.update(b"output:out:");
        self.end(hasher, &inner.finish(), name)
    }

    /// The path of an object with content address `ca` and these references.
    ///
    /// # Errors
    /// As [`StoreDir::make_text_path`] and [`StoreDir::make_fixed_output_path`]; a text that refers to itself.
    pub fn make_content_addressed_path(
        &self,
        name: &str,
        ca: &ContentAddress,
        references: &References,
    ) -> Result<StorePath, PathError> {
        match ca.method {
            ContentMethod::Text if references.self_ref => Err(PathError::TextSelfReference),
            ContentMethod::Text => self.make_text_path(name, &ca.hash, &references.others),
            method => self.make_fixed_output_path(name, method.file_method(), &ca.hash, references),
        }
    }

    /// The path of the input-addressed output `output` of the derivation named `drv_name`, whose hash modulo is
    /// `modulo`.
    ///
    /// # Errors
    /// A wrong name.
    pub fn make_output_path(
        &self,
        output: &str,
        modulo: &Hash,
        drv_name: &str,
    ) -> Result<StorePath, PathError> {
        let mut hasher = Hasher::new(Algo::Sha256);
        hasher.update(b"output:");
        hasher.update(output.as_bytes());
        hasher.update(b":");
        self.end(hasher, modulo, &output_path_name(drv_name, output))
    }

    /// The path of `<kind>:<inner>`, for kinds that have no function of their own here.
    ///
    /// # Errors
    /// A wrong name.
    pub fn make_store_path(&self, kind: &str, inner: &Hash, name: &str) -> Result<StorePath, PathError> {
        let mut hasher = Hasher::new(Algo::Sha256);
        hasher.update(kind.as_bytes());
        hasher.update(b":");
        self.end(hasher, inner, name)
    }

    fn start<'a>(
        &self,
        kind: &str,
        references: impl Iterator<Item = &'a StorePath>,
        self_ref: bool,
    ) -> Hasher {
        let mut hasher = Hasher::new(Algo::Sha256);
        hasher.update(kind.as_bytes());
        for reference in references {
            hasher.update(b":");
            hasher.update(self.as_str().as_bytes());
            hasher.update(b"/");
            hasher.update(reference.base_name().as_bytes());
        }
        if self_ref {
            hasher.update(b":self");
        }
        hasher
    }

    fn end(&self, mut hasher: Hasher, inner: &Hash, name: &str) -> Result<StorePath, PathError> {
        update_prefixed(&mut hasher, inner);
        hasher.update(b":");
        hasher.update(self.as_str().as_bytes());
        hasher.update(b":");
        hasher.update(name.as_bytes());
        StorePath::from_hash(&compress(hasher.finish().as_bytes()), name)
    }
}

fn update_prefixed(hasher: &mut Hasher, hash: &Hash) {
    let mut text = Vec::with_capacity(140);
    text.extend_from_slice(hash.algo().name().as_bytes());
    text.push(b':');
    base16::encode_to(hash.as_bytes(), &mut text);
    hasher.update(&text);
}
