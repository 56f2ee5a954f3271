//! Counters, in the text form of Prometheus.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What was counted since the start.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    answers: Mutex<BTreeMap<u16, u64>>,
    bytes_sent: AtomicU64,
    uploads: AtomicU64,
    collections: AtomicU64,
    bytes_freed: AtomicU64,
}

impl Metrics {
    pub(super) fn count(&self, status: u16) {
        *self.answers.lock().unwrap_or_else(PoisonError::into_inner).entry(status).or_default() += 1;
    }

    pub(super) fn sent(&self, bytes: u64) {
        self.bytes_sent.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn uploaded(&self) {
        self.uploads.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn collected(&self, freed: u64) {
        self.collections.fetch_add(1, Ordering::Relaxed);
        self.bytes_freed.fetch_add(freed, Ordering::Relaxed);
    }

    pub(super) fn render(&self, connections: usize) -> String {
        let mut text = String::from("# TYPE firn_cache_answers_total counter\n");
        for (status, count) in self.answers.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            text.push_str(&format!("firn_cache_answers_total{{status=\"{status}\"}} {count}\n"));
        }
        let counters = [
            ("firn_cache_bytes_sent_total", &self.bytes_sent),
            ("firn_cache_uploads_total", &self.uploads),
            ("firn_cache_collections_total", &self.collections),
            ("firn_cache_bytes_freed_total", &self.bytes_freed),
        ];
        for (name, value) in counters {
            text.push_str(&format!("# TYPE {name} counter\n{name} {}\n", value.load(Ordering::Relaxed)));
        }
        text.push_str(&format!(
            "# TYPE firn_cache_connections gauge\nfirn_cache_connections {connections}\n"
        ));
        text
    }
}
