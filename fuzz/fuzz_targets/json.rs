//! JSON of `fromJSON`: any bytes are read or refused, without a panic, at any depth.
#![no_main]

use firn_eval::text::json::{Visitor, read, write_float, write_int, write_string};
use libfuzzer_sys::fuzz_target;

/// Writes what it is told.
#[derive(Default)]
struct Echo(Vec<u8>);

type Done = Result<(), ()>;

impl Visitor for Echo {
    type Error = ();
    fn null(&mut self) -> Done {
        self.0.extend_from_slice(b"null");
        Ok(())
    }
    fn bool(&mut self, value: bool) -> Done {
        self.0.extend_from_slice(value.to_string().as_bytes());
        Ok(())
    }
    fn int(&mut self, value: i64) -> Done {
        write_int(value, &mut self.0);
        Ok(())
    }
    fn float(&mut self, value: f64) -> Done {
        write_float(value, &mut self.0);
        Ok(())
    }
    fn string(&mut self, value: &str) -> Done {
        write_string(value.as_bytes(), &mut self.0).map_err(|_| ())
    }
    fn begin_object(&mut self) -> Done {
        Ok(())
    }
    fn key(&mut self, key: &str) -> Done {
        self.string(key)
    }
    fn end_object(&mut self) -> Done {
        Ok(())
    }
    fn begin_array(&mut self) -> Done {
        Ok(())
    }
    fn end_array(&mut self) -> Done {
        Ok(())
    }
}

fuzz_target!(|text: &[u8]| {
    let _ = read(text, &mut Echo::default()).map_err(|e| e.to_string());
});
