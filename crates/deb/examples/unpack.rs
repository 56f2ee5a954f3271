//! Builds units of a lock by hand: `unpack LOCK DEBS STORE LOGICAL-STORE THREADS [UNIT…]`.
//!
//! Packages are read from `DEBS/NAME.deb`. Units are put below `STORE` as `<hash>-NAME-VERSION`, where the hash is only
//! one of the name, and refer to each other below `LOGICAL-STORE`. `WRAP_<unit>`, `LINKS_<unit>` give the builder's variables of a unit.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex};
use std::time::Instant;

use firn_deb::{Lock, UnpackDeb, unpack_deb};

fn store_name(lock: &Lock, unit: &str) -> String {
    let version = &lock.packages[unit].version;
    let name = format!("{unit}-{version}").replace(['~', ':'], "_");
    let mut hash = firn_hash_of(&name);
    hash.truncate(32);
    format!("{hash}-{name}")
}

fn firn_hash_of(text: &str) -> String {
    // Letters of store paths only, so that reference scanners would find it.
    let digits = b"0123456789abcdfghijklmnpqrsvwxyz";
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    (0..32)
        .map(|round: u64| {
            for byte in text.bytes().chain([round as u8]) {
                state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
            digits[(state >> 40) as usize % 32] as char
        })
        .collect()
}

fn build(lock: &Lock, unit: &str, debs: &Path, store: &Path, logical: &str) -> Result<(), String> {
    let entry = &lock.units[unit];
    let path = |unit: &String| {
        let name = store_name(lock, unit);
        (format!("{logical}/{name}"), store.join(name))
    };
    let mut env = BTreeMap::from([("relocation".to_owned(), firn_deb::RELOCATION.to_string())]);
    for name in ["wrap", "links", "remove", "replace"] {
        if let Ok(value) = std::env::var(format!("{}_{unit}", name.to_uppercase())) {
            env.insert(name.to_owned(), value);
        }
    }
    let name = store_name(lock, unit);
    let out_real = store.join(&name);
    let _ = std::fs::remove_dir_all(&out_real);
    let mut log = |line: &str| println!("{unit}: {line}");
    let mut job = UnpackDeb {
        debs: entry.packages.iter().map(|package| debs.join(format!("{package}.deb"))).collect(),
        deps: entry.depends.iter().map(path).collect(),
        essential: entry.essential.as_ref().unwrap_or(&lock.essential).iter().map(path).collect(),
        out_logical: &format!("{logical}/{name}"),
        out_real: &out_real,
        env: &env,
        log: &mut log,
    };
    unpack_deb(&mut job).map_err(|error| format!("{unit}: {error}"))
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [lock, debs, store, logical, threads, wanted @ ..] = &arguments[..] else {
        panic!("see the source for usage")
    };
    let lock = Lock::parse(&std::fs::read_to_string(lock).unwrap(), lock).unwrap();
    let mut closure = BTreeSet::new();
    let mut queue: Vec<&String> = wanted.iter().collect();
    while let Some(unit) = queue.pop() {
        if closure.insert(unit.clone()) {
            let entry = lock.units.get(unit).unwrap_or_else(|| panic!("no unit '{unit}'"));
            queue.extend(entry.depends.iter().chain(entry.essential.as_ref().unwrap_or(&lock.essential)));
        }
    }
    let (debs, store) = (PathBuf::from(debs), PathBuf::from(store));
    std::fs::create_dir_all(&store).unwrap();
    let begin = Instant::now();
    let state = Mutex::new((closure.clone(), BTreeSet::<String>::new()));
    let done = Condvar::new();
    std::thread::scope(|scope| {
        for _ in 0..threads.parse().unwrap() {
            scope.spawn(|| {
                loop {
                    let mut guard = state.lock().unwrap();
                    let unit = loop {
                        let (todo, built) = &*guard;
                        if todo.is_empty() {
                            return;
                        }
                        let ready = todo.iter().find(|unit| {
                            let entry = &lock.units[*unit];
                            let needed = entry.essential.as_ref().unwrap_or(&lock.essential);
                            entry.depends.iter().chain(needed).all(|other| built.contains(other))
                        });
                        if let Some(unit) = ready.cloned() {
                            guard.0.remove(&unit);
                            break unit;
                        }
                        guard = done.wait(guard).unwrap();
                    };
                    drop(guard);
                    if let Err(error) = build(&lock, &unit, &debs, &store, logical) {
                        println!("FAILED {error}");
                    }
                    state.lock().unwrap().1.insert(unit);
                    done.notify_all();
                }
            });
        }
    });
    println!("{} units in {:.1} s", closure.len(), begin.elapsed().as_secs_f32());
    for unit in wanted {
        println!("{unit} {logical}/{}", store_name(&lock, unit));
    }
}
