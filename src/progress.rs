//! Events → stderr: which stage runs, a line for each target, gone when it ends. The only user of indicatif; it writes nothing where
//! it is told to be silent, and never to stdout.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::model::text::escape;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A stage of a target's check begins.
    Stage {
        /// Which target, by its place on the command line, from 0.
        target: usize,
        /// What runs now, such as `resolving`.
        stage: &'static str,
    },
    /// A target's check ended.
    Done {
        /// Which target.
        target: usize,
    },
}

/// Whether and how progress is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawing {
    /// Not at all.
    Silent,
    /// On stderr, in ASCII.
    Ascii,
    /// On stderr.
    Unicode,
}

/// The lines on stderr.
#[derive(Debug)]
pub struct Progress {
    all: MultiProgress,
    lines: Vec<ProgressBar>,
}

impl Progress {
    /// A line for each target, by its label; drawn when its first stage begins.
    pub fn new<'a>(labels: impl IntoIterator<Item = &'a str>, drawing: Drawing) -> Self {
        let target = match drawing {
            Drawing::Silent => ProgressDrawTarget::hidden(),
            Drawing::Ascii | Drawing::Unicode => ProgressDrawTarget::stderr(),
        };
        let all = MultiProgress::with_draw_target(target);
        let ticks = if drawing == Drawing::Ascii {
            "-\\|/ "
        } else {
            "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "
        };
        // The template is constant; were it wrong, the plain spinner would do.
        let style = ProgressStyle::with_template("{spinner} {prefix}  {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner())
            .tick_chars(ticks);
        let lines = labels
            .into_iter()
            .map(|label| {
                let line = all.add(ProgressBar::new_spinner().with_style(style.clone()));
                line.set_prefix(escape(label));
                line
            })
            .collect();
        Self { all, lines }
    }

    /// Takes note of an event.
    pub fn handle(&self, event: Event) {
        match event {
            Event::Stage { target, stage } => {
                if let Some(line) = self.lines.get(target) {
                    line.set_message(stage);
                    if !self.all.is_hidden() {
                        line.enable_steady_tick(Duration::from_millis(100));
                    }
                }
            }
            Event::Done { target } => {
                if let Some(line) = self.lines.get(target) {
                    line.finish_and_clear();
                }
            }
        }
    }

    /// Takes all lines off the screen. That they can't be is no reason to fail.
    pub fn clear(&self) {
        for line in &self.lines {
            line.finish_and_clear();
        }
        let _ = self.all.clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::{Drawing, Event, Progress};

    #[test]
    fn an_event_of_a_target_that_is_not_there_is_ignored() {
        let progress = Progress::new(["db.example:5432"], Drawing::Silent);
        for target in [0, 1] {
            progress.handle(Event::Stage {
                target,
                stage: "resolving",
            });
            progress.handle(Event::Done { target });
        }
        progress.clear();
    }
}
