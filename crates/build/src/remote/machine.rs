//! Machines as they are written down: `uri systems ssh-key max-jobs speed-factor features mandatory-features host-key`, a
//! line (or a part between semicolons) each; `-` is the default; `@file` stands for the lines of a file.

use std::collections::BTreeSet;

/// A machine that builds.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    /// The address of its store.
    pub uri: String,
    /// What it builds for.
    pub systems: BTreeSet<String>,
    /// The file of the private key that opens it.
    pub ssh_key: Option<String>,
    /// How many builds it takes at a time.
    pub max_jobs: u64,
    /// How fast it is, compared with others.
    pub speed: f64,
    /// What it can.
    pub features: BTreeSet<String>,
    /// What has to be asked of it.
    pub mandatory: BTreeSet<String>,
    /// Its public key, in base 64.
    pub host_key: Option<String>,
}

impl Machine {
    /// Whether it builds for a system, and builds what needs these features.
    pub fn fits(&self, system: &str, features: &BTreeSet<String>) -> bool {
        (system == "builtin" || self.systems.contains(system))
            && features.iter().all(|f| self.features.contains(f) || self.mandatory.contains(f))
            && self.mandatory.iter().all(|f| features.contains(f))
    }

    /// The address with the keys as parameters.
    pub fn address(&self) -> String {
        let mut address = self.uri.clone();
        let mut add = |name: &str, value: &str| {
            address.push(if address.contains('?') { '&' } else { '?' });
            address.push_str(name);
            address.push('=');
            for b in value.bytes() {
                if b.is_ascii_alphanumeric() || b"-._~/".contains(&b) {
                    address.push(char::from(b));
                } else {
                    address.push_str(&format!("%{b:02X}"));
                }
            }
        };
        if let Some(key) = &self.ssh_key {
            add("ssh-key", key);
        }
        if let Some(key) = &self.host_key {
            add("base64-ssh-public-host-key", key);
        }
        address
    }
}

/// Parses machines; files are read through `read`, and those that are not there are passed over. `system` is what machines
/// build for that name no system.
///
/// # Errors
/// A line that makes no sense.
pub fn parse_machines(
    text: &str,
    system: &str,
    read: &dyn Fn(&str) -> std::io::Result<String>,
) -> Result<Vec<Machine>, String> {
    let mut machines = Vec::new();
    collect(text, system, read, 0, &mut machines)?;
    Ok(machines)
}

fn collect(
    text: &str,
    system: &str,
    read: &dyn Fn(&str) -> std::io::Result<String>,
    depth: usize,
    machines: &mut Vec<Machine>,
) -> Result<(), String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    for entry in lines.flat_map(|line| line.split(';')).map(str::trim).filter(|e| !e.is_empty()) {
        match entry.strip_prefix('@') {
            None => machines.push(parse(entry, system)?),
            Some(file) if depth < 16 => match read(file.trim()) {
                Ok(text) => collect(&text, system, read, depth + 1, machines)?,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(format!("reading the machines file \"{}\": {e}", file.trim())),
            },
            Some(file) => return Err(format!("the machines file \"{file}\" includes itself")),
        }
    }
    Ok(())
}

fn parse(entry: &str, system: &str) -> Result<Machine, String> {
    let fields: Vec<&str> = entry.split_ascii_whitespace().collect();
    let get = |i: usize| fields.get(i).copied().filter(|f| !f.is_empty() && *f != "-");
    let bad = |what: &str, i: usize| {
        let line = fields.join(" ");
        format!("bad machine specification: failed to convert column #{i} in a row: '{line}' to {what}")
    };
    let set = |i: usize| -> BTreeSet<String> {
        get(i).unwrap_or_default().split(',').filter(|f| !f.is_empty()).map(str::to_owned).collect()
    };
    let uri = get(0)
        .ok_or_else(|| "bad machine specification: store URL was not found at the first column".to_owned())?;
    let uri = if uri.contains("://") || uri.contains('/') || matches!(uri, "auto" | "daemon" | "local") {
        uri.to_owned()
    } else {
        format!("ssh://{uri}")
    };
    let mut systems = set(1);
    if systems.is_empty() {
        systems.insert(system.to_owned());
    }
    let max_jobs = match get(3) {
        None => 1,
        Some(text) => text.parse().map_err(|_| bad("'unsigned int'", 3))?,
    };
    let speed = match get(4) {
        None => 1.0,
        Some(text) => text
            .parse::<f64>()
            .ok()
            .filter(|s| s.is_finite() && *s >= 0.0)
            .ok_or_else(|| bad("'float'", 4))?,
    };
    let host_key = match get(7) {
        None => None,
        Some(text) => {
            firn_hash::base64::decode(text).map_err(|_| bad("a base64 string", 7))?;
            Some(text.to_owned())
        }
    };
    Ok(Machine {
        uri,
        systems,
        ssh_key: get(2).map(str::to_owned),
        max_jobs,
        speed,
        features: set(5),
        mandatory: set(6),
        host_key,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_all(text: &str) -> Result<Vec<Machine>, String> {
        parse_machines(text, "x86_64-linux", &|name| match name {
            "/m" => Ok("one\n# none\ntwo i686-linux,x86_64-linux - 4 2.5 kvm,big kvm  \n".to_owned()),
            "/loop" => Ok("@/loop".to_owned()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        })
    }

    #[test]
    fn lines_and_files() {
        let machines = parse_all("@/m; @/absent ;ssh-ng://three - /key").expect("machines");
        assert_eq!(machines.len(), 3);
        assert_eq!(machines[0].uri, "ssh://one");
        assert_eq!(machines[0].systems, ["x86_64-linux".to_owned()].into());
        assert_eq!((machines[1].max_jobs, machines[1].speed), (4, 2.5));
        assert_eq!(machines[2].address(), "ssh-ng://three?ssh-key=/key");
    }

    #[test]
    fn what_fits() {
        let two = &parse_all("@/m").expect("machines")[1];
        let needs = |list: &[&str]| list.iter().map(|f| (*f).to_owned()).collect::<BTreeSet<_>>();
        assert!(two.fits("i686-linux", &needs(&["kvm"])));
        assert!(!two.fits("i686-linux", &needs(&[])), "kvm has to be asked of it");
        assert!(!two.fits("aarch64-linux", &needs(&["kvm"])));
        assert!(!two.fits("i686-linux", &needs(&["kvm", "other"])));
    }

    #[test]
    fn mistakes() {
        assert!(parse_all("host - - x").expect_err("bad").contains("column #3"));
        assert!(parse_all("host - - 1 -1").expect_err("bad").contains("column #4"));
        assert!(parse_all("host - - 1 1 - - !!").expect_err("bad").contains("column #7"));
        assert!(parse_all("@/loop").expect_err("bad").contains("includes itself"));
    }
}
