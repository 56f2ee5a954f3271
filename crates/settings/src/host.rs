//! What defaults depend on: the environment variables and a few facts about the machine, gathered by the caller.

use std::collections::BTreeMap;

/// Environment variables as a value. Non-UTF-8 names are left out, values are decoded lossily.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process.
    pub fn from_process() -> Self {
        Environment(
            std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.to_string_lossy().into_owned())))
                .collect(),
        )
    }

    /// The value of a variable, which may be empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a variable; an empty one counts as unset.
    pub fn non_empty(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|v| !v.is_empty())
    }

    /// Sets a variable of this value (the process's own is left alone).
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// Forgets a variable.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// All variables, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(items: I) -> Self {
        Environment(items.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

/// Facts about the machine and the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The environment variables.
    pub environment: Environment,
    /// The user's home folder (`HOME` if it is the user's own, else that of the user data base).
    pub home: String,
    /// The user id is 0.
    pub root: bool,
    /// The system type: `x86_64-linux`.
    pub system: String,
    /// How many processors this process may use (affinity and control group limits counted), at least 1.
    pub cpus: u64,
    /// `/dev/kvm` may be read and written.
    pub kvm: bool,
    /// The first CA bundle that exists among the usual places.
    pub ca_bundle: Option<String>,
}

impl Host {
    /// A machine of which nothing is known but the environment: for tests, and as a start for those who detect the rest.
    pub fn plain(environment: Environment) -> Self {
        let home = environment.non_empty("HOME").unwrap_or("/homeless-shelter").to_owned();
        Host {
            environment,
            home,
            root: false,
            system: format!("{}-linux", std::env::consts::ARCH),
            cpus: 1,
            kvm: false,
            ca_bundle: None,
        }
    }

    /// Systems whose programs this machine runs beside its own: `i686-linux` and the micro-architecture levels of x86-64.
    pub fn extra_platforms(&self) -> Vec<String> {
        if self.system != "x86_64-linux" {
            return Vec::new();
        }
        let mut platforms = vec!["i686-linux".to_owned()];
        platforms.extend((1..=x86_64_level()).map(|level| format!("x86_64-v{level}-linux")));
        platforms
    }
}

/// The highest micro-architecture level of x86-64 that the processor has, or 0 on other machines.
fn x86_64_level() -> u32 {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        let v2 = has!("cmpxchg16b")
            && has!("popcnt")
            && has!("sse3")
            && has!("sse4.1")
            && has!("sse4.2")
            && has!("ssse3");
        let v3 = has!("avx")
            && has!("avx2")
            && has!("bmi1")
            && has!("bmi2")
            && has!("f16c")
            && has!("fma")
            && has!("lzcnt")
            && has!("movbe");
        let v4 =
            has!("avx512f") && has!("avx512bw") && has!("avx512cd") && has!("avx512dq") && has!("avx512vl");
        match (v2, v3, v4) {
            (true, true, true) => 4,
            (true, true, false) => 3,
            (true, false, _) => 2,
            _ => 1,
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    0
}
