//! The table G11 to G29: unit files before and after, what runs, and what a switch then does. A fake systemd records it.

use std::collections::BTreeMap;

use super::*;

/// A machine in a folder: what runs, and what it was asked to do.
struct Fake {
    active: Active,
    log: Vec<String>,
    /// States that units get when systemd has read its units again.
    later: BTreeMap<String, String>,
    activation: bool,
    /// What activation leaves in `/run/nixos`.
    leaves: Vec<(PathBuf, String)>,
    process_one: Option<PathBuf>,
    passes: bool,
}

impl World for Fake {
    fn active_units(&mut self) -> Result<Active, Error> {
        Ok(self.active.clone())
    }
    fn restarting_units(&mut self) -> Result<BTreeSet<String>, Error> {
        Ok(BTreeSet::new())
    }
    fn systemctl(&mut self, args: &[&str]) -> Result<bool, Error> {
        self.log.push(args.join(" "));
        match args[0] {
            "stop" => args[2..].iter().for_each(|u| drop(self.active.remove(*u))),
            "start" | "restart" if args[1] == "--" => {
                args[2..].iter().for_each(|u| drop(self.active.insert((*u).to_owned(), "active".to_owned())));
                self.active.append(&mut self.later);
            }
            _ => {}
        }
        Ok(true)
    }
    fn activate(&mut self, _: &Path, dry: bool) -> Result<bool, Error> {
        self.log.push(if dry { "dry-activate" } else { "activate" }.to_owned());
        for (path, text) in &self.leaves {
            std::fs::write(path, text).expect("a list");
        }
        Ok(self.activation)
    }
    fn run(&mut self, program: &str, args: &[&str]) -> Result<bool, Error> {
        self.log.push(format!("{program} {}", args.join(" ")));
        Ok(self.passes)
    }
    fn process_one(&self) -> Option<PathBuf> {
        self.process_one.clone()
    }
    fn users(&mut self) -> Vec<(String, u32)> {
        vec![("ann".to_owned(), 1000)]
    }
    fn reload_user(&mut self, uid: u32) -> Result<bool, Error> {
        self.log.push(format!("reload-user {uid}"));
        Ok(true)
    }
    fn sync(&mut self) {
        self.log.push("sync".to_owned());
    }
}

/// A machine before its switch.
struct Machine {
    dir: tempfile::TempDir,
    fake: Fake,
    said: Vec<String>,
}

impl Machine {
    /// With units of the running and of the new configuration.
    fn new(old: &[(&str, &str)], new: &[(&str, &str)], active: &[&str]) -> Machine {
        let dir = tempfile::tempdir().expect("a folder");
        let machine = Machine {
            fake: Fake {
                active: active.iter().map(|n| ((*n).to_owned(), "active".to_owned())).collect(),
                log: Vec::new(),
                later: BTreeMap::new(),
                activation: true,
                leaves: Vec::new(),
                process_one: None,
                passes: true,
            },
            dir,
            said: Vec::new(),
        };
        machine.file("root/etc/NIXOS", "");
        for (place, units) in [("root/etc/systemd/system", old), ("top/etc/systemd/system", new)] {
            std::fs::create_dir_all(machine.dir.path().join(place)).expect("a folder");
            for (name, text) in units {
                let path = format!("{place}/{name}");
                if *text == "/dev/null" {
                    std::os::unix::fs::symlink("/dev/null", machine.dir.path().join(path)).expect("a mask");
                } else {
                    machine.file(&path, text);
                }
            }
        }
        machine
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    fn configuration(&self) -> Configuration {
        Configuration { toplevel: self.dir.path().join("top"), ..Configuration::default() }
    }

    fn run(&mut self, action: Action) -> u8 {
        self.run_with(action, &self.configuration()).expect("a switch")
    }

    fn run_with(&mut self, action: Action, configuration: &Configuration) -> Result<u8, Error> {
        let said = &mut self.said;
        run(&self.dir.path().join("root"), action, configuration, &mut self.fake, &mut |l: &str| {
            said.push(l.to_owned())
        })
    }

    /// What systemd was asked to do with units.
    fn asked(&self) -> Vec<&str> {
        let verbs = ["stop --", "start --", "restart --", "reload --"];
        self.fake
            .log
            .iter()
            .map(String::as_str)
            .filter(|l| verbs.iter().any(|v| l.starts_with(v)) || *l == "activate")
            .collect()
    }
}

/// A service with a command and more lines of `[Service]` and `[Unit]`.
fn service(command: &str, service: &str, unit: &str) -> String {
    format!("[Unit]\n{unit}\n[Service]\nExecStart={command}\n{service}\n")
}

/// Switches from one state of `a.service` to another; what systemd was asked, and what was said.
fn one(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
    let mut machine = Machine::new(&[("a.service", old)], &[("a.service", new)], &["a.service"]);
    assert_eq!(machine.run(Action::Switch), 0);
    (machine.asked().into_iter().map(str::to_owned).collect(), machine.said)
}

#[test]
fn g11_a_new_unit_is_started_through_its_target() {
    let target = [("multi-user.target", "[Unit]\n")];
    let mut machine = Machine::new(
        &target,
        &[target[0], ("new.service", "[Service]\nExecStart=x\n")],
        &["multi-user.target"],
    );
    machine.fake.later.insert("new.service".into(), "active".into());
    assert_eq!(machine.run(Action::Test), 0);
    assert_eq!(machine.asked(), ["activate", "start -- multi-user.target"]);
    assert!(
        machine.said.contains(&"the following new units were started: new.service".to_owned()),
        "{:?}",
        machine.said
    );
    assert!(!machine.said.iter().any(|l| l.contains("multi-user.target")), "{:?}", machine.said);
}

#[test]
fn g12_a_unit_that_is_gone_is_stopped_unless_it_stays() {
    let mut machine = Machine::new(
        &[
            ("a.service", "[Service]\n"),
            ("b.service", "[Unit]\nX-StopOnRemoval=false\n"),
            ("c.service", "[Service]\n"),
        ],
        &[("c.service", "/dev/null")],
        &["a.service", "b.service", "c.service", "foreign.service"],
    );
    assert_eq!(machine.run(Action::Switch), 0);
    assert_eq!(machine.asked(), ["stop -- a.service c.service", "activate"]);
    assert_eq!(machine.said[0], "stopping the following units: a.service, c.service");
}

#[test]
fn g13_a_changed_service_is_stopped_before_and_started_after_activation() {
    let (asked, said) = one(&service("old", "", ""), &service("new", "", ""));
    assert_eq!(asked, ["stop -- a.service", "activate", "start -- a.service"]);
    assert_eq!(said[..2], ["stopping the following units: a.service", "activating the configuration..."]);
    assert!(said.contains(&"starting the following units: a.service".to_owned()), "{said:?}");
}

#[test]
fn g14_without_stop_if_changed_it_is_restarted() {
    let (asked, said) = one(&service("old", "", ""), &service("new", "X-StopIfChanged=false", ""));
    assert_eq!(asked, ["activate", "restart -- a.service"]);
    assert!(said.contains(&"restarting the following units: a.service".to_owned()), "{said:?}");
}

#[test]
fn g15_with_reload_if_changed_it_is_reloaded() {
    let (asked, said) = one(&service("old", "", ""), &service("new", "X-ReloadIfChanged=true", ""));
    assert_eq!(asked, ["activate", "reload -- a.service"]);
    assert!(said.contains(&"reloading the following units: a.service".to_owned()), "{said:?}");
}

#[test]
fn g16_without_restart_if_changed_it_is_left() {
    let (asked, said) = one(&service("old", "", ""), &service("new", "X-RestartIfChanged=false", ""));
    assert_eq!(asked, ["activate"]);
    assert_eq!(said[0], "NOT restarting the following changed units: a.service");
}

#[test]
fn g17_a_new_description_or_install_section_changes_nothing() {
    let new = service("x", "", "Description=new") + "[Install]\nWantedBy=b.target\n";
    assert_eq!(one(&service("x", "", "Description=old"), &new).0, ["activate"]);
}

#[test]
fn g18_reload_triggers_reload() {
    let text = |t: &str| service("x", "", &format!("X-Reload-Triggers={t}"));
    assert_eq!(one(&text("1"), &text("2")).0, ["activate", "reload -- a.service"]);
    let restart = |t: &str| service("x", "", &format!("X-Restart-Triggers={t}"));
    assert_eq!(one(&restart("1"), &restart("2")).0, ["stop -- a.service", "activate", "start -- a.service"]);
}

#[test]
fn g19_a_service_that_a_socket_starts_is_stopped_with_it_and_only_the_socket_is_started() {
    let socket = ("a.socket", "[Socket]\nListenStream=/run/a\n");
    let (old, new) = (service("old", "", ""), service("new", "", ""));
    let mut machine = Machine::new(
        &[("a.service", &old), socket],
        &[("a.service", &new), socket],
        &["a.service", "a.socket"],
    );
    assert_eq!(machine.run(Action::Switch), 0);
    assert_eq!(machine.asked(), ["stop -- a.service a.socket", "activate", "start -- a.socket"]);
    let not = service("new", "X-NotSocketActivated=true", "");
    let mut machine = Machine::new(
        &[("a.service", &old), socket],
        &[("a.service", &not), socket],
        &["a.service", "a.socket"],
    );
    assert_eq!(machine.run(Action::Switch), 0);
    assert_eq!(machine.asked(), ["stop -- a.service", "activate", "start -- a.service"]);
}

#[test]
fn g20_mounts_and_swaps_follow_fstab() {
    let mut machine = Machine::new(&[], &[], &[]);
    machine
        .file("root/etc/fstab", "/dev/a /a ext4 ro\n/dev/b /b ext4 x\n/dev/c /c ext4 x\n/dev/s none swap\n");
    machine.file("top/etc/fstab", "/dev/a /a ext4 rw\n/dev/z /b ext4 x\n");
    assert_eq!(machine.run(Action::Switch), 0);
    assert_eq!(machine.asked(), ["stop -- c.mount", "activate", "reload -- a.mount", "restart -- b.mount"]);
    assert_eq!(machine.said[0], "stopping swap device: /dev/s");
    assert!(machine.fake.log.iter().any(|l| l.ends_with("swapoff /dev/s")), "{:?}", machine.fake.log);
}

#[test]
fn g21_an_instance_is_compared_through_its_template() {
    let (old, new) = (service("old", "", ""), service("new", "", ""));
    let active = ["foo@bar.service", "same@x.service"];
    let same = ("same@.service", "[Service]\nExecStart=s\n");
    let mut machine = Machine::new(&[("foo@.service", &old), same], &[("foo@.service", &new), same], &active);
    assert_eq!(machine.run(Action::Switch), 0);
    assert_eq!(machine.asked(), ["stop -- foo@bar.service", "activate", "start -- foo@bar.service"]);
    let drop_in = ("same@x.service.d/overrides.conf", "[Service]\nUser=u\n");
    let mut machine = Machine::new(&[same], &[same, drop_in], &active);
    assert_eq!(machine.run(Action::Switch), 0);
    assert_eq!(machine.asked(), ["stop -- same@x.service", "activate", "start -- same@x.service"]);
}

#[test]
fn g22_targets_that_are_not_started_by_hand() {
    let targets = [
        ("manual.target", "[Unit]\nX-OnlyManualStart=true\n"),
        ("refuse.target", "[Unit]\nRefuseManualStart=true\n"),
        ("suspend.target", "[Unit]\n"),
        ("hibernate.target", "[Unit]\n"),
        ("hybrid-sleep.target", "[Unit]\n"),
        ("plain.target", "[Unit]\n"),
    ];
    let names: Vec<&str> = targets.iter().map(|t| t.0).collect();
    let mut machine = Machine::new(&targets, &targets, &names);
    assert_eq!(machine.run(Action::Switch), 0);
    assert_eq!(machine.asked(), ["activate", "start -- plain.target"]);
    let (asked, said) = one(&service("old", "", ""), &service("new", "", "RefuseManualStop=true"));
    assert_eq!(asked, ["activate"]);
    assert!(said[0].starts_with("NOT restarting"), "{said:?}");
}

#[test]
fn g23_another_systemd_is_started_in_place() {
    let mut machine = Machine::new(&[], &[], &[]);
    machine.file("top/systemd/lib/systemd/systemd", "new");
    machine.file("old-systemd", "old");
    machine.fake.process_one = Some(machine.dir.path().join("old-systemd"));
    assert_eq!(machine.run(Action::Switch), 0);
    let log = &machine.fake.log;
    let at = |what: &str| log.iter().position(|l| l == what).expect("it is asked");
    assert!(at("activate") < at("daemon-reexec") && at("daemon-reexec") < at("daemon-reload"));
    assert!(machine.said.contains(&"restarting systemd...".to_owned()));
    machine.fake.process_one =
        std::fs::canonicalize(machine.dir.path().join("top/systemd/lib/systemd/systemd")).ok();
    machine.fake.log.clear();
    assert_eq!(machine.run(Action::Switch), 0);
    assert!(!machine.fake.log.contains(&"daemon-reexec".to_owned()));
}

#[test]
fn g24_a_unit_that_fails_is_shown_and_gives_status_4() {
    let (old, new) = (service("old", "", ""), service("new", "", ""));
    let mut machine = Machine::new(&[("a.service", &old)], &[("a.service", &new)], &["a.service"]);
    machine.fake.later.insert("a.service".into(), "failed".into());
    assert_eq!(machine.run(Action::Switch), status::UNITS_FAILED);
    assert!(
        machine.said.contains(&"warning: the following units failed: a.service".to_owned()),
        "{:?}",
        machine.said
    );
    assert!(machine.fake.log.contains(&"status --no-pager --full a.service".to_owned()));
}

#[test]
fn g25_a_failing_activation_gives_status_2_and_the_rest_is_done() {
    let (old, new) = (service("old", "", ""), service("new", "", ""));
    let mut machine = Machine::new(&[("a.service", &old)], &[("a.service", &new)], &["a.service"]);
    machine.fake.activation = false;
    assert_eq!(machine.run(Action::Switch), status::ACTIVATION_FAILED);
    assert_eq!(machine.asked(), ["stop -- a.service", "activate", "start -- a.service"]);
}

#[test]
fn g26_a_rehearsal_changes_nothing_and_says_everything_in_order() {
    let units = |c: &str| {
        [
            ("a.service", service(c, "", "")),
            ("r.service", service(c, "X-StopIfChanged=false", "")),
            ("l.service", service(c, "X-ReloadIfChanged=true", "")),
            ("n.service", service(c, "X-RestartIfChanged=false", "")),
        ]
    };
    let (old, new) = (units("old"), units("new"));
    let plain = |u: &[(&'static str, String)]| u.iter().map(|(n, t)| (*n, t.clone())).collect::<Vec<_>>();
    let (old, new) = (plain(&old), plain(&new));
    fn refs<'a>(u: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
        u.iter().map(|(n, t)| (*n, t.as_str())).collect()
    }
    let mut machine =
        Machine::new(&refs(&old), &refs(&new), &["a.service", "r.service", "l.service", "n.service"]);
    machine.file("root/etc/fstab", "/dev/s none swap\n");
    machine.file("top/etc/systemd/system.conf", "[Manager]\n");
    assert_eq!(machine.run(Action::DryActivate), 0);
    assert_eq!(
        machine.said,
        [
            "would stop swap device: /dev/s",
            "would stop the following units: a.service",
            "would NOT stop the following changed units: n.service",
            "would activate the configuration...",
            "would restart systemd",
            "would reload the following units: l.service",
            "would restart the following units: r.service",
            "would start the following units: a.service",
        ]
    );
    assert_eq!(machine.fake.log, ["dry-activate"]);
    assert!(!machine.dir.path().join("root/run/nixos/start-list").exists());
}

#[test]
fn g27_what_a_killed_run_had_begun_is_completed() {
    let text = service("x", "", "");
    let mut machine = Machine::new(&[("a.service", &text)], &[("a.service", &text)], &["l.service"]);
    for (list, unit) in
        [("start-list", "a.service"), ("restart-list", "r.service"), ("reload-list", "l.service")]
    {
        machine.file(&format!("root/run/nixos/{list}"), &format!("{unit}\n"));
    }
    assert_eq!(machine.run(Action::Switch), 0);
    assert_eq!(
        machine.asked(),
        ["activate", "reload -- l.service", "restart -- r.service", "start -- a.service"]
    );
    for list in LISTS {
        assert!(!machine.dir.path().join("root/run/nixos").join(list).exists(), "{list}");
    }
}

#[test]
fn g27_lists_are_written_before_anything_is_stopped() {
    let (old, new) = (service("old", "", ""), service("new", "", ""));
    let mut machine = Machine::new(&[("a.service", &old)], &[("a.service", &new)], &["a.service"]);
    let state = machine.dir.path().join("root/run/nixos");
    let plan = Plan { start: ["a.service".to_owned()].into(), ..Plan::default() };
    std::fs::create_dir_all(&state).expect("a folder");
    let top = machine.dir.path().join("top");
    let root = machine.dir.path().join("root");
    let switch = Switch {
        root: &root,
        state: state.clone(),
        top: &top,
        world: &mut machine.fake,
        say: &mut |_: &str| (),
        dry: false,
    };
    switch.record(&plan).expect("lists");
    assert_eq!(std::fs::read_to_string(state.join("start-list")).expect("a list"), "a.service\n");
}

#[test]
fn activation_may_ask_for_restarts_and_reloads() {
    let text = service("x", "", "");
    let units = [("a.service", text.as_str()), ("b.service", text.as_str())];
    let mut machine = Machine::new(&units, &units, &["a.service", "b.service"]);
    let state = machine.dir.path().join("root/run/nixos");
    machine.fake.leaves = vec![
        (state.join("activation-restart-list"), "a.service\n".into()),
        (state.join("activation-reload-list"), "b.service\n".into()),
    ];
    assert_eq!(machine.run(Action::Switch), 0);
    assert_eq!(machine.asked(), ["activate", "reload -- b.service", "restart -- a.service"]);
}

#[test]
fn g28_a_second_run_at_the_same_time_is_refused() {
    let mut machine = Machine::new(&[], &[], &[]);
    machine.file("root/run/nixos/switch-to-configuration.lock", "");
    let held =
        lock(&machine.dir.path().join("root/run/nixos/switch-to-configuration.lock")).expect("the first");
    let error = machine.run_with(Action::Switch, &machine.configuration()).expect_err("the second");
    assert_eq!(error.to_string(), "Could not acquire lock");
    drop(held);
    assert_eq!(machine.run(Action::Switch), 0);
}

#[test]
fn g29_another_interface_of_init_needs_a_reboot() {
    let mut machine = Machine::new(&[], &[], &[]);
    machine.file("root/run/current-system/init-interface-version", "systemd 1\n");
    machine.file("top/init-interface-version", "systemd 2\n");
    assert_eq!(machine.run(Action::Switch), status::REBOOT);
    assert!(machine.asked().is_empty());
    assert!(machine.said[0].contains("until you reboot"), "{:?}", machine.said);
}

#[test]
fn g33_the_loader_s_program_gets_the_path_and_boot_changes_nothing_else() {
    let mut machine = Machine::new(&[("a.service", "[Service]\n")], &[], &["a.service"]);
    let configuration = Configuration { install_boot_loader: "/hook".into(), ..machine.configuration() };
    assert_eq!(machine.run_with(Action::Boot, &configuration).expect("boot"), 0);
    assert_eq!(machine.fake.log, [format!("/hook {}", configuration.toplevel.display()), "sync".to_owned()]);
    machine.fake.log.clear();
    assert_eq!(machine.run_with(Action::Test, &configuration).expect("test"), 0);
    assert!(!machine.fake.log.iter().any(|l| l.starts_with("/hook")));
    machine.fake.passes = false;
    assert!(machine.run_with(Action::Switch, &configuration).is_err());
}

#[test]
fn a_check_may_forbid_a_switch_and_other_systems_are_refused() {
    let mut machine = Machine::new(&[("a.service", "[Service]\n")], &[], &["a.service"]);
    let configuration = Configuration {
        pre_switch_check: "/check".into(),
        distro_id: "nixos".into(),
        ..machine.configuration()
    };
    machine.fake.passes = false;
    assert!(machine.run_with(Action::Switch, &configuration).is_err());
    assert!(machine.asked().is_empty());
    machine.fake.passes = true;
    assert_eq!(machine.run_with(Action::Check, &configuration).expect("a check"), 0);
    assert!(machine.asked().is_empty());
    std::fs::remove_file(machine.dir.path().join("root/etc/NIXOS")).expect("a file");
    let error = machine.run_with(Action::Switch, &configuration).expect_err("another system");
    assert_eq!(error.to_string(), "This is not a NixOS installation!");
    machine.file("root/etc/os-release", "NAME=x\nID=\"nixos\"\n");
    assert_eq!(machine.run_with(Action::Test, &configuration).expect("a switch"), 0);
}
