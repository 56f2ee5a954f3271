//! `multiline`: what runs, a line each, as a tree: builds, fetches, copies, and what else there is.

use firn_events::ActivityKind;

use super::bar::{Running, State, mebibytes};
use super::times::show;

/// The branches of the tree.
const BRANCHES: [(&str, &[ActivityKind]); 4] = [
    ("building", &[ActivityKind::Build, ActivityKind::PostBuildHook]),
    ("fetching", &[ActivityKind::Substitute, ActivityKind::FileTransfer, ActivityKind::FetchTree]),
    ("copying", &[ActivityKind::CopyPath, ActivityKind::FetchToStore]),
    ("doing", &[ActivityKind::Unknown, ActivityKind::OptimiseStore, ActivityKind::VerifyPaths]),
];

impl State {
    /// The lines, at most as many as the screen has, the totals last.
    pub(super) fn tree(&mut self, height: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for (title, kinds) in BRANCHES {
            let shown: Vec<&Running> = self
                .activities
                .values()
                .filter(|a| kinds.contains(&a.kind) && !a.text.is_empty() && !self.is_inside(a))
                .collect();
            if shown.is_empty() {
                continue;
            }
            lines.push(format!("{title} \x1b[1m{}\x1b[0m", shown.len()));
            let last = shown.len() - 1;
            for (i, activity) in shown.iter().enumerate() {
                let branch = if i == last { "└─" } else { "├─" };
                lines.push(format!("{branch} {}", self.describe(activity)));
            }
        }
        let room = height.saturating_sub(2).max(1);
        if lines.len() > room {
            let more = lines.len() - (room - 1);
            lines.truncate(room - 1);
            lines.push(format!("… and {more} more"));
        }
        lines.push(self.status());
        lines
    }

    /// A download that is part of a fetch is shown as that fetch.
    fn is_inside(&self, activity: &Running) -> bool {
        activity.kind == ActivityKind::FileTransfer
            && self.activities.get(&activity.parent).is_some_and(|p| p.kind == ActivityKind::Substitute)
    }

    fn describe(&self, activity: &Running) -> String {
        let seconds = activity.started.elapsed().as_secs_f64();
        let mut text = match activity.kind {
            ActivityKind::Build => {
                let whole = self.times.of(&activity.name).map(|s| format!(" of about {}", show(s)));
                format!("\x1b[1m{}\x1b[0m ({}{})", activity.name, show(seconds), whole.unwrap_or_default())
            }
            ActivityKind::Substitute => {
                format!("\x1b[1m{}\x1b[0m ({})", activity.name, show(seconds))
            }
            _ => activity.text.clone(),
        };
        let progress = activity.progress;
        let bytes = matches!(activity.kind, ActivityKind::FileTransfer | ActivityKind::CopyPath);
        if bytes && progress.done > 0 {
            text += &format!(" {}", mebibytes(progress.done));
            if progress.expected > progress.done {
                text += &format!("/{}", mebibytes(progress.expected));
            }
        }
        if !activity.phase.is_empty() {
            text += &format!(" \x1b[1m{}\x1b[0m", activity.phase);
        }
        if !activity.last_line.is_empty() {
            text += &format!(": {}", activity.last_line.trim());
        }
        text
    }
}
