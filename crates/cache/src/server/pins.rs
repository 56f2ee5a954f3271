//! Pins: closures that no collection takes. A pin is a link in the server's folder that is registered as a root; its name is
//! the user's, its target a store path.

use std::path::PathBuf;

use firn_store::Store;

use super::Server;
use super::connection::{Request, Response, Stream};

/// A name that is no path: letters, digits, `-`, `_`, `.`, not starting with a dot.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 200
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

impl Server {
    fn pin(&self, name: &str) -> PathBuf {
        self.options.state_dir.join("pins").join(name)
    }

    pub(super) fn read_pin(&self, name: &str) -> Response {
        if name.is_empty() {
            let mut names: Vec<String> = std::fs::read_dir(self.options.state_dir.join("pins"))
                .into_iter()
                .flatten()
                .filter_map(|e| e.ok()?.file_name().into_string().ok())
                .filter(|n| is_name(n))
                .collect();
            names.sort();
            return Response::text(200, &names.iter().map(|n| format!("{n}\n")).collect::<String>());
        }
        match std::fs::read_link(self.pin(name)) {
            Ok(target) if is_name(name) => Response::text(200, &format!("{}\n", target.display())),
            _ => Response::not_found(),
        }
    }

    /// `PUT`: the body is the store path. `DELETE`: the pin goes.
    pub(super) fn change_pin(&self, name: &str, request: &mut Request, stream: &mut Stream) -> Response {
        let mut body = Vec::new();
        if let Err(e) = request.read_body(stream, 4096, &mut body) {
            return Response::text(400, &format!("{e}\n"));
        }
        if !is_name(name) {
            return Response::text(400, "a pin's name is made of letters, digits, '-', '_' and '.'\n");
        }
        if request.method == "DELETE" {
            return match std::fs::remove_file(self.pin(name)) {
                Ok(()) => Response::text(200, ""),
                Err(_) => Response::not_found(),
            };
        }
        let text = String::from_utf8_lossy(&body);
        let path = match self.dir().parse(text.trim()) {
            Ok(path) => path,
            Err(e) => return Response::text(400, &format!("{e}\n")),
        };
        match self.store.is_valid(&path) {
            Ok(true) => {}
            Ok(false) => return Response::text(409, "the path is not valid; upload it first\n"),
            Err(e) => return Response::text(500, &format!("{e}\n")),
        }
        match self.store.add_permanent_root(&path, &self.pin(name)) {
            Ok(_) => Response::text(201, ""),
            Err(e) => Response::text(500, &format!("{e}\n")),
        }
    }
}
