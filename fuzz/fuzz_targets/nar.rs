//! Any bytes are read as an archive or refused. What is accepted is canonical: writing it again gives the same bytes.
#![no_main]

use std::io::Read;

use firn_nar::{Event, Listing, NarReader, NarWriter};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let listing = Listing::read(bytes);
    let mut reader = NarReader::new(bytes);
    let mut writer = NarWriter::new(Vec::new());
    loop {
        let written = match reader.next_event() {
            Err(_) => {
                assert!(listing.is_err());
                return;
            }
            Ok(None) => break,
            Ok(Some(Event::StartDirectory)) => writer.start_directory(),
            Ok(Some(Event::EndDirectory)) => writer.end_directory(),
            Ok(Some(Event::Entry(name))) => writer.entry(name),
            Ok(Some(Event::Symlink(target))) => writer.symlink(target),
            Ok(Some(Event::File { executable, size })) => {
                let mut contents = Vec::new();
                if reader.read_to_end(&mut contents).is_err() {
                    assert!(listing.is_err());
                    return;
                }
                assert_eq!(contents.len() as u64, size);
                writer.file_bytes(executable, &contents)
            }
        };
        written.expect("what was read can be written");
    }
    let size = reader.position() as usize;
    let again = writer.finish().expect("a whole archive was written");
    assert_eq!(again, &bytes[..size]);
    let listing = listing.expect("what can be read can be listed");
    if let Ok(json) = listing.to_file() {
        assert_eq!(Listing::from_file(&json).expect("a listing comes back"), listing);
    }
});
