//! Units made of hand-made packages.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use common::{Deb, Elf, Packing, Store, ar, nar_hash};

/// Store names as long as real ones, so that lengths in the output are real, too.
const LIBC: &str = "00000000000000000000000000000000-libc6-2.41";
const DASH: &str = "11111111111111111111111111111111-dash-0.5";
const LIB: &str = "22222222222222222222222222222222-libtool-1";
const APP: &str = "33333333333333333333333333333333-tool-1.0";

fn libc() -> Deb {
    Deb::new()
        .folder("./usr/")
        .program(
            "./usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
            Elf { needed: vec![], ..Elf::default() }.build(),
        )
        .file(
            "./usr/lib/x86_64-linux-gnu/libc.so.6",
            Elf { needed: vec!["ld-linux-x86-64.so.2"], ..Elf::default() }.build(),
        )
        .link("./usr/lib64/ld-linux-x86-64.so.2", "../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")
        .file("./etc/ld.so.conf.d/x.conf", "/lib\n")
}

fn dash() -> Deb {
    Deb::new()
        .program("./usr/bin/dash", "shell")
        .link("./usr/bin/sh", "dash")
        .program("./usr/bin/bash", "shell")
}

fn library() -> Deb {
    let library = Elf { interpreter: false, ..Elf::default() };
    Deb::new()
        .file("./usr/lib/x86_64-linux-gnu/libtool.so.1.0", library.build())
        .link("./usr/lib/x86_64-linux-gnu/libtool.so.1", "libtool.so.1.0")
        .file("./usr/lib/x86_64-linux-gnu/private/libhidden.so.2", library.build())
        .file("./usr/share/perl5/Tool.pm", "package Tool; 1;\n")
        .file("./usr/lib/python3/dist-packages/tool.py", "x = 1\n")
}

fn app() -> Deb {
    let program = Elf {
        needed: vec!["libtool.so.1", "libown.so", "libc.so.6", "libmissing.so.3"],
        run_path: Some("$ORIGIN/../x:/usr/lib/tool"),
        loads: Some(r#"[{"feature":"hidden","soname":["libhidden.so.2"]}]"#),
        ..Elf::default()
    };
    Deb::new()
        .postinst("update-alternatives --install /usr/bin/editor editor /usr/bin/tool 30 \\\n --slave /usr/bin/ex ex /usr/bin/tool\n")
        .folder("./usr/")
        .folder("./usr/share/empty/")
        .program("./usr/bin/tool", program.build())
        .hard_link("./usr/bin/tool-hard", "./usr/bin/tool")
        .file("./usr/lib/tool/libown.so", Elf { interpreter: false, needed: vec![], ..Elf::default() }.build())
        .program("./usr/sbin/toold", "#!/bin/sh -e\nexec /usr/bin/tool /usr/bin/other /usr/share/tool/data\n")
        .program("./usr/games/play", "#!/usr/bin/perl\nuse Tool;\n")
        .program("./usr/bin/script", "#!/usr/bin/env python3\n\"\"\"A tool.\"\"\"\nimport tool\n")
        .program("./usr/bin/unknown", "#!/usr/bin/env lua\n")
        .file("./usr/share/tool/data", "see /usr/bin/tool\n")
        .file("./usr/share/doc/tool/copyright", "free\n")
        .file("./usr/share/doc/tool/README", "dropped\n")
        .file("./usr/share/man/man1/tool.1.gz", "dropped\n")
        .file("./usr/lib/systemd/system/toold.service", "[Service]\nExecStart=-/usr/sbin/toold\nExecStop=/bin/kill\n")
        .file("./usr/lib/x86_64-linux-gnu/pkgconfig/tool.pc", "prefix=/usr\nLibs: -L/usr/lib/tool -ltool\n")
        .file("./usr/lib/x86_64-linux-gnu/libscript.so", "GROUP ( /lib/x86_64-linux-gnu/libc.so.6 /usr/lib/tool/libown.so )\n")
        .link("./usr/lib/x86_64-linux-gnu/libtool.so", "libtool.so.1")
        .link("./usr/bin/absolute", "/usr/share/tool/data")
        .link("./usr/bin/sh-link", "/bin/sh")
        .link("./usr/lib/tool/config", "../../../etc/tool.conf")
        .link("./usr/lib/tool/gone", "../../../run/gone")
        .link("./usr/lib/tool/alternative", "/etc/alternatives/tool")
        .file("./etc/tool.conf", "path=/usr/bin/tool\n")
        .link("./bin", "usr/bin")
        .link("./usr/sbin/tool", "/usr/bin/tool")
}

const KNOBS: [(&str, &str); 5] = [
    ("wrap", "bin/tool PATH+=@out@/libexec HOME?=/x' LANG=C\n"),
    ("links", "share/more=share/tool/data lib/libabsolute.so=/nix/store/x/lib.so"),
    ("remove", "bin/unk*"),
    ("replace", "share/tool/data\tsee \tlook at @out@ \n"),
    ("extraRpath", "lib/extra /run/x"),
];

fn build_all(store: &mut Store) -> std::path::PathBuf {
    store.build(LIBC, &[libc()], &[], &[], &[]).unwrap();
    store.build(DASH, &[dash()], &["00000000000000000000000000000000-libc6-2.41"], &[], &[]).unwrap();
    store.build(LIB, &[library()], &[LIBC], &[], &[]).unwrap();
    store.build(APP, &[app()], &[LIB], &[DASH], &KNOBS).unwrap()
}

fn text(out: &Path, path: &str) -> String {
    fs::read_to_string(out.join(path)).unwrap()
}

fn target(out: &Path, path: &str) -> String {
    fs::read_link(out.join(path)).unwrap().to_str().unwrap().to_owned()
}

/// If this fails because an output byte has changed on purpose, raise `RELOCATION` and record the new hashes.
#[test]
fn outputs_of_relocation_1_stay_the_same() {
    assert_eq!(firn_deb::RELOCATION, 1);
    let mut store = Store::new();
    build_all(&mut store);
    let hashes: Vec<String> = [LIBC, DASH, LIB, APP].iter().map(|name| nar_hash(&store.real(name))).collect();
    assert_eq!(
        hashes,
        [
            "1nrcs7113zkihliivi7hblsala96gbm73my314l0qm9lccfhh8ww",
            "1bpv4lvrfk0cmm5422399dp0k55x6xqjw7gy23rhxzx7l2y015w5",
            "07zdkkp5wzvhswhr2jn1458j812ydha8kmxjbzx9ahvwiwi0bx12",
            "0dgz495j9cv0kqy8550m6ff693jnmhvg3ay2a3i1gmpasiid6sxp",
        ]
    );
}

#[test]
fn all_compressions_give_the_same() {
    let mut hashes = Vec::new();
    for packing in [Packing::None, Packing::Gzip, Packing::Xz, Packing::Zstd] {
        let mut store = Store::new();
        let out = store.build_bytes(LIBC, &[libc().build(packing)], &[], &[], &[], "/nix/store").unwrap();
        hashes.push(nar_hash(&out));
    }
    hashes.dedup();
    assert_eq!(hashes.len(), 1);
}

#[test]
fn layout_links_and_alternatives() {
    let mut store = Store::new();
    let out = build_all(&mut store);
    assert!(out.join("share/empty").is_dir());
    assert_eq!(text(&out, "share/doc/tool/copyright"), "free\n");
    for gone in ["usr", "share/doc/tool/README", "share/man", "bin/unknown"] {
        assert!(!out.join(gone).exists(), "{gone}");
    }
    assert!(out.join("bin").is_dir(), "the link of a merged /usr is not taken");
    assert_eq!(target(&out, "bin/toold"), "../sbin/toold");
    assert_eq!(target(&out, "bin/play"), "../games/play");
    assert_eq!(target(&out, "bin/editor"), "tool");
    assert_eq!(target(&out, "bin/ex"), "tool");
    assert_eq!(target(&out, "bin/absolute"), "../share/tool/data");
    assert_eq!(target(&out, "bin/sh-link"), "/bin/sh", "essential units are for shebangs only");
    assert_eq!(target(&out, "lib/tool/config"), "../../etc/tool.conf");
    assert_eq!(target(&out, "lib/tool/gone"), "/run/gone");
    assert_eq!(target(&out, "lib/tool/alternative"), "/etc/alternatives/tool");
    assert_eq!(target(&out, "sbin/tool"), "../bin/tool");
    assert_eq!(
        target(&out, "lib/x86_64-linux-gnu/libtool.so"),
        format!("/nix/store/{LIB}/lib/x86_64-linux-gnu/libtool.so.1")
    );
    assert_eq!(target(&out, "share/more"), "tool/data");
    assert_eq!(target(&out, "lib/libabsolute.so"), "/nix/store/x/lib.so");
    assert_eq!(text(&out, "nix-support/depends"), format!("/nix/store/{LIB}\n"));
}

#[test]
fn texts_name_store_paths() {
    let mut store = Store::new();
    let out = build_all(&mut store);
    let own = format!("/nix/store/{APP}");
    assert_eq!(
        text(&out, "sbin/toold"),
        format!("#!/nix/store/{DASH}/bin/sh -e\nexec {own}/bin/tool /usr/bin/other {own}/share/tool/data\n")
    );
    assert_eq!(
        text(&out, "games/play"),
        format!("#!/usr/bin/perl\nuse lib qw(/nix/store/{LIB}/share/perl5);\nuse Tool;\n")
    );
    assert_eq!(
        text(&out, "bin/script"),
        format!(
            "#!/usr/bin/env python3\n\"\"\"A tool.\"\"\"\nimport sys; sys.path.extend(['/nix/store/{LIB}/lib/python3/dist-packages'])\nimport tool\n"
        )
    );
    assert_eq!(text(&out, "share/tool/data"), format!("look at {own} /usr/bin/tool\n"));
    assert_eq!(text(&out, "etc/tool.conf"), "path=/usr/bin/tool\n", "configuration stays as it is");
    assert_eq!(
        text(&out, "lib/systemd/system/toold.service"),
        format!("[Service]\nExecStart=-{own}/sbin/toold\nExecStop=/bin/kill\n")
    );
    assert_eq!(
        text(&out, "lib/x86_64-linux-gnu/pkgconfig/tool.pc"),
        format!("prefix={own}\nLibs: -L{own}/lib/tool -ltool\n")
    );
    assert_eq!(
        text(&out, "lib/x86_64-linux-gnu/libscript.so"),
        format!("GROUP ( /nix/store/{LIBC}/lib/x86_64-linux-gnu/libc.so.6 {own}/lib/tool/libown.so )\n")
    );
    assert_eq!(
        text(&out, "bin/tool"),
        format!(
            "#!/nix/store/{DASH}/bin/bash\nexport PATH='{own}/libexec'\"${{PATH:+:$PATH}}\"\nif [ -z \"${{HOME+x}}\" ]; then export HOME='/x'\\'''; fi\nexport LANG='C'\nexec -a \"$0\" {own}/bin/.tool-wrapped \"$@\"\n"
        )
    );
}

#[test]
fn programs_find_their_libraries() {
    let mut store = Store::new();
    let out = build_all(&mut store);
    let bytes = fs::read(out.join("bin/tool-hard")).unwrap();
    let elf = common_elf::read(&bytes);
    assert_eq!(elf.interpreter, format!("/nix/store/{LIBC}/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"));
    let own = format!("/nix/store/{APP}");
    let folders = [
        "$ORIGIN/../x".to_owned(),
        format!("{own}/lib/tool"),
        format!("/nix/store/{LIB}/lib/x86_64-linux-gnu"),
        format!("/nix/store/{LIBC}/lib/x86_64-linux-gnu"),
        format!("/nix/store/{LIB}/lib/x86_64-linux-gnu/private"),
        format!("{own}/lib/extra"),
        "/run/x".to_owned(),
    ];
    assert_eq!(elf.run_path.split(':').collect::<Vec<_>>(), folders);
    assert_eq!(store.logs.iter().filter(|line| line.contains("'libmissing.so.3'")).count(), 2);
    assert_eq!(fs::read(out.join("bin/.tool-wrapped")).unwrap(), bytes);
    let linker = fs::read(store.real(LIBC).join("lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")).unwrap();
    assert_eq!(linker, Elf { needed: vec![], ..Elf::default() }.build(), "the dynamic linker is untouched");
}

/// Reads with another library what this crate wrote.
mod common_elf {
    use object::elf;
    use object::read::elf::{Dyn as _, FileHeader as _, ProgramHeader as _, SectionHeader as _};

    pub(crate) struct Read {
        pub(crate) interpreter: String,
        pub(crate) run_path: String,
        pub(crate) needed: Vec<String>,
        pub(crate) notes: usize,
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.split(|byte| *byte == 0).next().unwrap().to_vec()).unwrap()
    }

    pub(crate) fn read(bytes: &[u8]) -> Read {
        let endian = object::Endianness::Little;
        let header = elf::FileHeader64::<object::Endianness>::parse(bytes).unwrap();
        let segments = header.program_headers(endian, bytes).unwrap();
        let mut read =
            Read { interpreter: String::new(), run_path: String::new(), needed: Vec::new(), notes: 0 };
        let loads: Vec<_> =
            segments.iter().filter(|segment| segment.p_type(endian) == elf::PT_LOAD).collect();
        for pair in loads.windows(2) {
            let end = pair[0].p_vaddr(endian) + pair[0].p_memsz(endian);
            let next = pair[1].p_vaddr(endian);
            assert!(next >= end && next / 4096 > (end - 1) / 4096, "segments ascend and share no page");
        }
        for segment in segments {
            let content = segment.data(endian, bytes).unwrap();
            match segment.p_type(endian) {
                elf::PT_LOAD => assert_eq!(segment.p_vaddr(endian) % 4096, segment.p_offset(endian) % 4096),
                elf::PT_INTERP => read.interpreter = text(content),
                elf::PT_NOTE => {
                    let mut notes = segment.notes(endian, bytes).unwrap().unwrap();
                    while let Some(note) = notes.next().unwrap() {
                        assert!(matches!(note.name(), b"GNU" | b"FDO"));
                        read.notes += 1;
                    }
                }
                elf::PT_PHDR => assert_eq!(segment.p_filesz(endian), 56 * segments.len() as u64),
                _ => {}
            }
            if segment.p_type(endian) != elf::PT_LOAD {
                let (from, to) = (segment.p_vaddr(endian), segment.p_vaddr(endian) + segment.p_memsz(endian));
                let inside = |load: &&&elf::ProgramHeader64<_>| {
                    load.p_vaddr(endian) <= from && to <= load.p_vaddr(endian) + load.p_memsz(endian)
                };
                let load = loads.iter().find(inside).expect("every segment is loaded");
                assert_eq!(segment.p_offset(endian) - load.p_offset(endian), from - load.p_vaddr(endian));
            }
        }
        // As the dynamic linker does it: by addresses of segments.
        let dynamic = segments.iter().find_map(|segment| segment.dynamic(endian, bytes).unwrap()).unwrap();
        let value =
            |tag| dynamic.iter().find(|entry| entry.d_tag(endian) == tag).map(|entry| entry.d_val(endian));
        let strings = value(elf::DT_STRTAB).unwrap();
        let size = value(elf::DT_STRSZ).unwrap();
        let load = loads.iter().find(|load| {
            load.p_vaddr(endian) <= strings && strings + size <= load.p_vaddr(endian) + load.p_filesz(endian)
        });
        let load = load.expect("the string table is loaded");
        let at = (strings - load.p_vaddr(endian) + load.p_offset(endian)) as usize;
        let string = |offset: u64| text(&bytes[at + offset as usize..at + size as usize]);
        read.needed = dynamic
            .iter()
            .filter(|entry| entry.d_tag(endian) == elf::DT_NEEDED)
            .map(|entry| string(entry.d_val(endian)))
            .collect();
        read.run_path = value(elf::DT_RUNPATH).map(string).unwrap_or_default();
        assert!(dynamic.iter().any(|entry| entry.d_tag(endian) == elf::DT_NULL));
        // As the linker does it: by sections.
        let sections = header.sections(endian, bytes).unwrap();
        if let Some((dynamic, index)) = sections.dynamic(endian, bytes).unwrap() {
            let strings = sections.strings(endian, bytes, index).unwrap();
            let path = dynamic.iter().find(|entry| entry.d_tag(endian) == elf::DT_RUNPATH);
            let path = path.map(|entry| entry.string(endian, strings).unwrap());
            assert_eq!(path.map(text).unwrap_or_default(), read.run_path);
            for section in
                sections.iter().filter(|section| section.sh_flags(endian).0 & elf::SHF_ALLOC.0 != 0)
            {
                let (offset, address) = (section.sh_offset(endian), section.sh_addr(endian));
                assert!(loads.iter().any(|load| {
                    address >= load.p_vaddr(endian)
                        && address - load.p_vaddr(endian) == offset.wrapping_sub(load.p_offset(endian))
                        && address + section.sh_size(endian) <= load.p_vaddr(endian) + load.p_memsz(endian)
                }));
            }
        }
        read
    }
}

#[test]
fn all_shapes_of_elf_files() {
    let loads = Some(r#"[{"soname":["libtool.so.1"]}]"#);
    let plain = Elf { needed: vec!["libc.so.6", "libtool.so.1"], ..Elf::default() };
    let shapes = [
        ("usual", plain.clone(), 1),
        ("library", Elf { interpreter: false, ..plain.clone() }, 1),
        ("old run path", Elf { run_path: Some("/usr/lib/x"), spare: 1, ..plain.clone() }, 1),
        ("dynamic section moves", Elf { spare: 1, ..plain.clone() }, 1),
        ("two notes", Elf { loads, ..plain.clone() }, 2),
        ("nothing may move", Elf { blocked: true, ..plain.clone() }, 1),
        ("no sections", Elf { sections: false, ..plain.clone() }, 1),
        ("no sections, one note", Elf { sections: false, notes: false, loads, ..plain.clone() }, 0),
    ];
    for (shape, elf, notes) in shapes {
        let mut store = Store::new();
        store.build(LIBC, &[libc()], &[], &[], &[]).unwrap();
        store.build(LIB, &[library()], &[LIBC], &[], &[]).unwrap();
        let deb = Deb::new().program("./usr/bin/tool", elf.build());
        let out =
            store.build(APP, &[deb], &[LIB], &[], &[]).unwrap_or_else(|error| panic!("{shape}: {error}"));
        let read = common_elf::read(&fs::read(out.join("bin/tool")).unwrap());
        assert_eq!(read.needed, elf.needed, "{shape}");
        assert_eq!(
            read.run_path,
            format!("/nix/store/{LIBC}/lib/x86_64-linux-gnu:/nix/store/{LIB}/lib/x86_64-linux-gnu"),
            "{shape}"
        );
        assert_eq!(read.interpreter.is_empty(), !elf.interpreter, "{shape}");
        assert_eq!(read.notes, notes, "{shape}");
    }
    let mut store = Store::new();
    store.build(LIBC, &[libc()], &[], &[], &[]).unwrap();
    let tight = Elf { notes: false, sections: false, ..Elf::default() };
    let error = store
        .build(APP, &[Deb::new().program("./usr/bin/tool", tight.build())], &[LIBC], &[], &[])
        .unwrap_err();
    assert!(error.to_string().ends_with("there is no room for another program header"), "{error}");
}

#[test]
fn damaged_elf_files_never_panic() {
    let mut store = Store::new();
    store.build(LIBC, &[libc()], &[], &[], &[]).unwrap();
    let whole = Elf { loads: Some("[]"), ..Elf::default() }.build();
    let interesting: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0 || *at < 600).collect();
    let mut deb = Deb::new();
    for (index, at) in interesting.iter().enumerate() {
        for (suffix, value) in [("a", 0xff), ("b", 0x80), ("c", 0)] {
            let mut bytes = whole.clone();
            bytes[*at] = value;
            deb = deb.program(&format!("./usr/bin/{index}{suffix}"), bytes);
        }
        deb = deb.program(&format!("./usr/bin/{index}d"), &whole[..*at]);
    }
    // Most stay as they are; a few have no room. Both are fine, as long as it ends.
    let _ = store.build(APP, &[deb], &[LIBC], &[], &[]);
}

#[test]
fn hostile_packages_are_refused() {
    let long = format!("./{}", "d/".repeat(45));
    let cases: [(Deb, &str); 8] = [
        (Deb::new().file("./usr/../../evil", "x"), "is an invalid path"),
        (Deb::new().file("../evil", "x"), "is an invalid path"),
        (Deb::new().link("./usr/lib/x", "/etc").file("./usr/lib/x/passwd", "x"), "lies below"),
        (Deb::new().link("./x", "..").folder("./x/y"), "lies below"),
        (Deb::new().device("./dev/null"), "special file"),
        (Deb::new().hard_link("./usr/bin/x", "./etc/shadow"), "not there"),
        (Deb::new().hard_link("./usr/bin/x", "../../etc/shadow"), "is an invalid path"),
        (
            Deb::new().folder("./usr/bin/x").file("./usr/bin/x/y", "").file("./usr/bin/x", "f"),
            "is a folder and a file",
        ),
    ];
    for (deb, message) in cases {
        let mut store = Store::new();
        let error = store.build(APP, &[deb], &[], &[], &[]).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        assert!(
            !store.folder.path().join("evil").exists() && !store.folder.path().join("store/evil").exists()
        );
    }
    let mut store = Store::new();
    store.build(APP, &[Deb::new().file(&long, "")], &[], &[], &[]).unwrap();
}

#[test]
fn damaged_packages_are_refused() {
    let good = app().build(Packing::Xz);
    let half = good[..good.len() / 2].to_vec();
    let mut flipped = good.clone();
    let middle = good.len() - 200;
    flipped[middle] ^= 0xff;
    for bytes in [
        b"".to_vec(),
        b"!<arch>\n".to_vec(),
        b"not an archive".to_vec(),
        half,
        flipped,
        ar(&[("debian-binary", b"2.0\n")]),
        ar(&[("debian-binary", b"3.0\n"), ("control.tar", b""), ("data.tar", b"")]),
        ar(&[("debian-binary", b"2.0\n"), ("control.tar", b""), ("data.tar.lz9", b"")]),
        ar(&[("debian-binary", b"2.0\n"), ("control.tar", b""), ("data.tar.xz", b"nonsense")]),
        ar(&[("debian-binary", b"2.0\n"), ("control.tar", b""), ("data.tar", &[7; 700])]),
    ] {
        let mut store = Store::new();
        let error = store.build_bytes(APP, &[bytes], &[], &[], &[], "/nix/store").unwrap_err();
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn variables_that_make_no_sense_are_refused() {
    for (name, value, message) in [
        ("relocation", "2", "it is '2', but this program does relocation 1"),
        ("remove", "bin/none", "nothing is called 'bin/none'"),
        ("remove", "../x", "'../x' is not a path relative to the output"),
        ("replace", "bin/tool", "is not FILE, OLD and NEW with tabs between"),
        ("replace", "bin/tool\tabsent\tx", "'bin/tool' does not contain 'absent'"),
        ("links", "bin/x", "'bin/x' is not LINK=TARGET"),
        ("links", "/bin/x=y", "'/bin/x' is not a path relative to the output"),
        ("wrap", "bin/tool A-B=1", "'A-B' is not a name of a variable"),
        ("wrap", "bin/tool A=1", "neither the dependencies nor the essential units have bash"),
    ] {
        let mut store = Store::new();
        let deb = Deb::new().program("./usr/bin/tool", "x");
        let error = store.build(APP, &[deb], &[], &[], &[(name, value)]).unwrap_err().to_string();
        assert!(error.contains(message) && error.contains(&format!("'{name}'")), "{error}");
    }
}

#[test]
fn of_two_packages_the_later_wins() {
    let mut store = Store::new();
    let first =
        Deb::new().file("./usr/share/x", "first").file("./usr/share/y", "first").link("./usr/share/z", "x");
    let second = Deb::new().link("./usr/share/x", "y").file("./usr/share/z", "second");
    let out = store.build(APP, &[first, second], &[], &[], &[]).unwrap();
    assert_eq!(target(&out, "share/x"), "y");
    assert_eq!(text(&out, "share/z"), "second");
}

/// A program of this machine with its libraries, moved to where nothing of it was before, and run.
#[test]
fn a_real_program_runs_in_its_new_place() {
    let linker = Path::new("/lib64/ld-linux-x86-64.so.2");
    let program = Path::new("/bin/ls");
    let listed = std::process::Command::new(linker).arg("--list").arg(program).output();
    let Some(listed) = listed.ok().filter(|listed| listed.status.success()) else {
        println!("skipped: this machine has no dynamic /bin/ls of the GNU C library");
        return;
    };
    let mut libc =
        Deb::new().program("./usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", fs::read(linker).unwrap());
    let mut libraries = Deb::new();
    for line in String::from_utf8(listed.stdout).unwrap().lines() {
        let Some((name, rest)) = line.trim().split_once(" => ") else { continue };
        let content = fs::read(rest.split(' ').next().unwrap()).unwrap();
        let path = format!("./usr/lib/x86_64-linux-gnu/{name}");
        if name == "libc.so.6" {
            libc = libc.program(&path, content);
        } else {
            libraries = libraries.file(&path, content);
        }
    }
    let mut store = Store::new();
    let logical = store.folder.path().join("store").to_str().unwrap().to_owned();
    let app = Deb::new().program("./usr/bin/ls", fs::read(program).unwrap());
    let mut build = |name, deb: Deb, deps: &[&str]| {
        store.build_bytes(name, &[deb.bytes()], deps, &[], &[], &logical).unwrap()
    };
    build(LIBC, libc, &[]);
    build(LIB, libraries, &[LIBC]);
    let out = build(APP, app, &[LIB]);
    let read = common_elf::read(&fs::read(out.join("bin/ls")).unwrap());
    assert!(read.run_path.split(':').all(|folder| folder.starts_with(&logical)), "{}", read.run_path);
    let new_linker = Path::new(&read.interpreter);
    let listed =
        std::process::Command::new(new_linker).arg("--list").arg(out.join("bin/ls")).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    for line in listed.lines().filter(|line| line.contains(" => ")) {
        assert!(line.contains(&logical), "{line}");
    }
    let run = std::process::Command::new(out.join("bin/ls")).arg(&out).output().unwrap();
    assert!(run.status.success());
    assert_eq!(String::from_utf8(run.stdout).unwrap(), "bin\nnix-support\n");
}
