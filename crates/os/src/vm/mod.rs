//! The runner of virtual machines: what `bin/run-NAME-vm` does.
//!
//! The script hands over a description of the machine (`base/nixos/modules/virtualisation/qemu-vm.nix` writes it), the folders to
//! share, and what the user wrote. The environment variables are those of nixpkgs' runner.

pub mod disk;
pub mod kvm;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{Error, files};

/// The description of a machine.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)] // the fields are the options of `virtualisation.*`
pub struct Spec {
    version: u32,
    pub name: String,
    pub memory_size: u32,
    pub cores: u32,
    pub disk_size: serde_json::Value,
    pub disk_image: Option<String>,
    pub format: bool,
    pub graphics: bool,
    pub restrict_network: bool,
    pub empty_disk_images: Vec<EmptyDisk>,
    pub forward_ports: Vec<Forward>,
    pub mount_host_nix_store: bool,
    #[serde(rename = "useEFIBoot")]
    pub use_efi_boot: bool,
    pub kernel: Option<String>,
    pub initrd: String,
    pub toplevel: PathBuf,
    pub registration: PathBuf,
    pub kernel_params: Vec<String>,
    pub options: Vec<String>,
    pub networking_options: Vec<String>,
    pub drives: Vec<Drive>,
    pub shares: Vec<Share>,
    pub tools: Tools,
}

/// A disk that is empty at every start.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct EmptyDisk {
    pub size: u32,
}

/// A port that is passed on.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Forward {
    pub from: String,
    pub proto: String,
    pub host: Address,
    pub guest: Address,
}

/// One end of it.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Address {
    pub address: String,
    pub port: u16,
}

/// A disk of `virtualisation.qemu.drives`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Drive {
    pub file: String,
    pub drive_extra_opts: BTreeMap<String, String>,
    pub device_extra_opts: BTreeMap<String, String>,
}

/// A shared folder; its place comes from the script.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Share {
    pub tag: String,
    pub security_model: String,
}

/// Programs of the base.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Tools {
    pub qemu: PathBuf,
    pub firmware: Vec<String>,
    pub img: PathBuf,
    pub mkfs: PathBuf,
    pub efi_firmware: PathBuf,
    pub efi_variables: PathBuf,
}

impl Spec {
    /// Reads a description.
    ///
    /// # Errors
    /// It cannot be read, or is of another version.
    pub fn read(path: &Path) -> Result<Spec, Error> {
        let wrong = |why: String| Error::Format { path: path.to_owned(), why };
        let spec: Spec = serde_json::from_str(&files::text(path)?).map_err(|e| wrong(e.to_string()))?;
        if spec.version == 1 {
            Ok(spec)
        } else {
            Err(wrong(format!("version {} is not known here", spec.version)))
        }
    }
}

/// What a start depends on beside the description.
#[derive(Debug, Default)]
pub struct Start {
    /// The environment's variables.
    pub env: BTreeMap<String, String>,
    /// The folders to share, in the order of the description.
    pub shared: Vec<String>,
    /// The processor's model under KVM; none if KVM does not work.
    pub kvm: Option<String>,
    /// The disk's file and format, if there is one.
    pub disk: Option<(PathBuf, &'static str)>,
    /// Files of the empty disks.
    pub empty: Vec<PathBuf>,
    /// More arguments of QEMU.
    pub args: Vec<String>,
}

/// QEMU's arguments. A pure function, so that tests see what is asked for.
///
/// # Errors
/// The number of shared folders is not that of the description.
pub fn arguments(spec: &Spec, start: &Start) -> Result<Vec<String>, Error> {
    if spec.shares.len() != start.shared.len() {
        return Err(Error::Other(format!(
            "{} folders to share were named, and the machine has {}",
            start.shared.len(),
            spec.shares.len()
        )));
    }
    let mut out = Vec::new();
    let mut add = |words: &[&str]| out.extend(words.iter().map(|w| (*w).to_owned()));
    let env = |name: &str| start.env.get(name).map_or("", String::as_str);
    add(&["-name", &spec.name, "-nodefaults", "-machine", "q35", "-m", &spec.memory_size.to_string()]);
    add(&["-smp", &spec.cores.to_string()]);
    match &start.kvm {
        Some(model) => add(&["-accel", "kvm", "-cpu", model]),
        None => add(&["-accel", "tcg,thread=multi", "-cpu", "max"]),
    }
    for folder in &spec.tools.firmware {
        add(&["-L", folder]);
    }
    add(&["-device", "virtio-rng-pci"]);
    if spec.networking_options.is_empty() {
        let mut net = "user,id=user.0".to_owned();
        for forward in &spec.forward_ports {
            net += &forwarding(forward);
        }
        if spec.restrict_network {
            net += ",restrict=on";
        }
        let more = env("QEMU_NET_OPTS");
        if !more.is_empty() {
            net = format!("{net},{more}");
        }
        add(&["-netdev", &net, "-device", "virtio-net-pci,netdev=user.0,romfile="]);
    } else {
        for option in &spec.networking_options {
            out.extend(words(option));
        }
    }
    let mut add = |words: &[&str]| out.extend(words.iter().map(|w| (*w).to_owned()));
    if spec.mount_host_nix_store {
        add(&[
            "-virtfs",
            "local,path=/nix/store,security_model=none,mount_tag=nix-store,readonly=on,multidevs=remap",
        ]);
    }
    for (share, folder) in spec.shares.iter().zip(&start.shared) {
        add(&[
            "-virtfs",
            &format!(
                "local,path={},security_model={},mount_tag={},multidevs=remap",
                folder.replace(',', ",,"),
                share.security_model,
                share.tag
            ),
        ]);
    }
    let disks = start.disk.iter().map(|(p, f)| (p, *f)).chain(start.empty.iter().map(|p| (p, "raw")));
    for (number, (file, format)) in disks.enumerate() {
        let file = file.display().to_string().replace(',', ",,");
        let id = format!("drive{number}");
        add(&["-drive", &format!("file={file},format={format},if=none,id={id},cache=unsafe,werror=report")]);
        add(&["-device", &format!("virtio-blk-pci,drive={id}")]);
    }
    for (number, drive) in spec.drives.iter().enumerate() {
        let extra =
            |o: &BTreeMap<String, String>| o.iter().map(|(k, v)| format!(",{k}={v}")).collect::<String>();
        let id = format!("extra{number}");
        add(&["-drive", &format!("file={},if=none,id={id}{}", drive.file, extra(&drive.drive_extra_opts))]);
        add(&["-device", &format!("virtio-blk-pci,drive={id}{}", extra(&drive.device_extra_opts))]);
    }
    if spec.use_efi_boot {
        add(&[
            "-drive",
            &format!("if=pflash,format=raw,unit=0,readonly=on,file={}", spec.tools.efi_firmware.display()),
        ]);
    }
    if let Some(kernel) = &spec.kernel {
        let top = spec.toplevel.display();
        let params = format!(
            "{} init={top}/init regInfo={} {}",
            spec.kernel_params.join(" "),
            spec.registration.display(),
            env("QEMU_KERNEL_PARAMS")
        );
        add(&["-kernel", kernel, "-initrd", &spec.initrd, "-append", params.trim_end()]);
    }
    if spec.graphics {
        add(&[
            "-device",
            "virtio-vga",
            "-usb",
            "-device",
            "usb-tablet,bus=usb-bus.0",
            "-serial",
            "none",
            "-monitor",
            "vc",
        ]);
    } else {
        add(&["-display", "none", "-serial", "mon:stdio"]);
    }
    for option in &spec.options {
        out.extend(words(option));
    }
    out.extend(words(env("QEMU_OPTS")));
    out.extend(start.args.iter().cloned());
    Ok(out)
}

fn forwarding(f: &Forward) -> String {
    if f.from == "host" {
        format!(
            ",hostfwd={}:{}:{}-{}:{}",
            f.proto, f.host.address, f.host.port, f.guest.address, f.guest.port
        )
    } else {
        format!(
            ",guestfwd={}:{}:{}-cmd:nc {} {}",
            f.proto, f.guest.address, f.guest.port, f.host.address, f.host.port
        )
    }
}

/// Splits at white space, as an unquoted variable of a shell is.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split_whitespace().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> Spec {
        serde_json::from_value(serde_json::json!({
            "version": 1, "name": "nixos", "memorySize": 512, "cores": 1, "diskSize": 1024, "diskImage": "./nixos.qcow2",
            "format": true, "graphics": false, "restrictNetwork": false, "emptyDiskImages": [], "mountHostNixStore": true,
            "forwardPorts": [{ "from": "host", "proto": "tcp", "host": { "address": "", "port": 8080 }, "guest": { "address": "", "port": 80 } }],
            "useEFIBoot": false, "kernel": "/k/vmlinux", "initrd": "/i/initrd", "toplevel": "/nix/store/t", "registration": "/r",
            "kernelParams": ["console=ttyS0"], "options": ["-vga none"], "networkingOptions": [], "drives": [],
            "shares": [{ "tag": "www", "securityModel": "mapped-xattr" }],
            "tools": { "qemu": "/q", "firmware": ["/f"], "img": "/g", "mkfs": "/m", "efiFirmware": "/e", "efiVariables": "/v" },
        }))
        .expect("a description")
    }

    fn start() -> Start {
        let env = [
            ("QEMU_NET_OPTS", "hostfwd=tcp::2222-:22"),
            ("QEMU_KERNEL_PARAMS", "a=b"),
            ("QEMU_OPTS", "-no-reboot -s"),
        ];
        Start {
            env: env.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            shared: vec!["/a,b".into()],
            kvm: None,
            disk: Some(("/d,e.qcow2".into(), "qcow2")),
            empty: vec!["/empty0".into()],
            args: vec!["-S".into()],
        }
    }

    #[test]
    fn the_environment_adds_to_what_the_machine_is() {
        let text = arguments(&spec(), &start()).expect("arguments").join(" ");
        for part in [
            "-netdev user,id=user.0,hostfwd=tcp::8080-:80,hostfwd=tcp::2222-:22 ",
            "-accel tcg,thread=multi -cpu max",
            "path=/a,,b,security_model=mapped-xattr,mount_tag=www",
            "file=/d,,e.qcow2,format=qcow2,",
            "-append console=ttyS0 init=/nix/store/t/init regInfo=/r a=b ",
            "-serial mon:stdio -vga none -no-reboot -s -S",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        let mut with = start();
        with.kvm = Some("max".into());
        assert!(arguments(&spec(), &with).expect("arguments").join(" ").contains("-accel kvm -cpu max "));
    }

    #[test]
    fn every_share_needs_a_folder() {
        let mut without = start();
        without.shared.clear();
        assert!(arguments(&spec(), &without).is_err());
    }
}
