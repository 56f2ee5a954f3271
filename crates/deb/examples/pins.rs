//! Makes a lock from a seed list by hand, with `curl` for the transfers: `pins SEEDS KEYRING LOCK`.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use firn_deb::{Fetch, Keyring, Lock, Seeds, changes, update_pins};

struct Curl;

impl Fetch for Curl {
    fn fetch(&self, url: &str, limit: u64) -> Result<Vec<u8>, String> {
        let output = std::process::Command::new("curl")
            .args(["-sSfL", "--max-filesize", &limit.to_string(), url])
            .output();
        let output = output.map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [seeds, keyring, path] = &arguments[..] else { panic!("usage: pins SEEDS KEYRING LOCK") };
    let list = Seeds::parse(&std::fs::read_to_string(seeds).unwrap(), seeds).unwrap();
    let keyring = Keyring::parse(&std::fs::read(keyring).unwrap(), keyring).unwrap();
    let new = update_pins(&list, &keyring, &Curl).unwrap_or_else(|error| panic!("{error}"));
    if let Ok(old) = std::fs::read_to_string(path) {
        for change in changes(&Lock::parse(&old, path).unwrap(), &new) {
            println!("{change}");
        }
    }
    let size: u64 = new.packages.values().map(|package| package.size).sum();
    println!("{} packages ({} MB) in {} units", new.packages.len(), size / 1_000_000, new.units.len());
    std::fs::write(path, new.render()).unwrap();
}
