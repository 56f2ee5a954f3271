//! The seed list: what is wanted from the archive, in `base/debian.seeds`.
//!
//! Lines of a directive and words; `#` begins a comment, also after words. Directives may be repeated and add up:
//!
//! ```text
//! suite URL SUITE COMPONENT     an index to take packages from; of two that have a package the first counts
//! mirror URL                    where files are fetched from, in order
//! essential NAME…               what packages use without saying so, in an order in which each only needs earlier ones
//! seed NAME…                    packages that are wanted, with all that they depend on
//! skip NAME…                    dependencies that count as fulfilled
//! depend NAME: OTHER…           dependencies that a package should have named (libraries that it loads by name)
//! undepend NAME: OTHER…         dependencies that one package does not need here
//! group MAIN: OTHER…            packages that must share a prefix; members that nobody wants are left out
//! source NAME…                  source packages
//! ```

use std::collections::{BTreeMap, BTreeSet};

use crate::DebError;
use crate::relation::is_package_name;

/// An index of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuiteAddress {
    /// The archive's base, ending in `/`.
    pub url: String,
    /// The suite below `dists/`.
    pub suite: String,
    /// The component.
    pub component: String,
}

/// A seed list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seeds {
    /// Where packages come from, in the order of preference.
    pub suites: Vec<SuiteAddress>,
    /// Where files are fetched from, each ending in `/`.
    pub mirrors: Vec<String>,
    /// Implicit packages, in order.
    pub essential: Vec<String>,
    /// Wanted packages.
    pub seeds: BTreeSet<String>,
    /// Dependencies that count as fulfilled.
    pub skip: BTreeSet<String>,
    /// Dependencies to add.
    pub depend: BTreeMap<String, BTreeSet<String>>,
    /// Dependencies to leave out.
    pub undepend: BTreeMap<String, BTreeSet<String>>,
    /// Members by main package, in order.
    pub groups: BTreeMap<String, Vec<String>>,
    /// Wanted source packages.
    pub sources: Vec<String>,
}

impl Seeds {
    /// Reads a seed list; `what` names it in errors.
    pub fn parse(text: &str, what: &str) -> Result<Seeds, DebError> {
        let mut seeds = Seeds::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            let Some(directive) = words.next() else { continue };
            let words: Vec<&str> = words.collect();
            seeds.directive(directive, &words).map_err(|reason| DebError::Syntax {
                what: what.to_owned(),
                line: number + 1,
                reason,
            })?;
        }
        seeds.sources.sort_unstable();
        seeds.sources.dedup();
        let member_twice = seeds.member_twice();
        match member_twice {
            _ if seeds.suites.is_empty() => Err("it names no 'suite'".to_owned()),
            Some(member) => Err(format!("'{member}' is in two groups")),
            None => Ok(seeds),
        }
        .map_err(|reason| DebError::Syntax {
            what: what.to_owned(),
            line: text.lines().count(),
            reason,
        })
    }

    fn member_twice(&self) -> Option<&String> {
        let mut seen = BTreeSet::new();
        self.groups
            .iter()
            .flat_map(|(main, members)| std::iter::once(main).chain(members))
            .find(|name| !seen.insert(*name))
    }

    fn directive(&mut self, directive: &str, words: &[&str]) -> Result<(), String> {
        match directive {
            "suite" => {
                let [url, suite, component] = words else {
                    return Err("'suite' needs URL SUITE COMPONENT".to_owned());
                };
                let (suite, component) = ((*suite).to_owned(), (*component).to_owned());
                self.suites.push(SuiteAddress { url: base(url)?, suite, component });
            }
            "mirror" => {
                for url in words {
                    self.mirrors.push(base(url)?);
                }
            }
            "essential" => self.essential.extend(names(words)?),
            "seed" => self.seeds.extend(names(words)?),
            "skip" => self.skip.extend(names(words)?),
            "source" => self.sources.extend(names(words)?),
            "depend" => {
                let (name, others) = keyed(words)?;
                self.depend.entry(name).or_default().extend(others);
            }
            "undepend" => {
                let (name, others) = keyed(words)?;
                self.undepend.entry(name).or_default().extend(others);
            }
            "group" => {
                let (name, others) = keyed(words)?;
                self.groups.entry(name).or_default().extend(others);
            }
            _ => return Err(format!("unknown directive '{directive}'")),
        }
        Ok(())
    }
}

fn base(url: &str) -> Result<String, String> {
    let known = ["http://", "https://", "file:///"].iter().any(|scheme| url.starts_with(scheme));
    if known && url.ends_with('/') {
        Ok(url.to_owned())
    } else {
        Err(format!("'{url}' is not an address that ends in '/'"))
    }
}

fn names(words: &[&str]) -> Result<Vec<String>, String> {
    match words.iter().find(|word| !is_package_name(word)) {
        Some(word) => Err(format!("'{word}' is not a package name")),
        None => Ok(words.iter().map(|word| (*word).to_owned()).collect()),
    }
}

fn keyed(words: &[&str]) -> Result<(String, Vec<String>), String> {
    let Some((Some(name), others)) =
        words.split_first().map(|(name, others)| (name.strip_suffix(':'), others))
    else {
        return Err("the first word must be a package name and a colon".to_owned());
    };
    Ok((names(&[name])?.remove(0), names(others)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_every_directive() {
        let text = "suite http://a/ trixie main # comment\nmirror http://a/ http://b/\n\nseed hello bash\nseed vim\nskip dpkg\nessential dash\ndepend vim: libx\nundepend vim: liby\ngroup vim: vim-common vim-runtime\nsource hello hello\n";
        let seeds = Seeds::parse(text, "seeds").unwrap();
        assert_eq!(seeds.seeds.len(), 3);
        assert_eq!(seeds.mirrors, ["http://a/", "http://b/"]);
        assert_eq!(seeds.groups["vim"], ["vim-common", "vim-runtime"]);
        assert_eq!(seeds.sources, ["hello"]);
    }

    #[test]
    fn mistakes_are_named() {
        let suite = "suite http://a/ trixie main\n";
        for (text, message) in [
            ("seed hello\n".to_owned(), "it names no 'suite'"),
            (format!("{suite}want x1\n"), "unknown directive 'want'"),
            (format!("{suite}seed Hello\n"), "'Hello' is not a package name"),
            (format!("{suite}group vim vim-common\n"), "the first word must be a package name and a colon"),
            (format!("{suite}group aa: cc\ngroup bb: cc\n"), "'cc' is in two groups"),
            ("suite ftp://x/ a b\n".to_owned(), "'ftp://x/' is not an address that ends in '/'"),
        ] {
            let error = Seeds::parse(&text, "seeds").unwrap_err().to_string();
            assert!(error.ends_with(message), "{error}");
        }
    }
}
