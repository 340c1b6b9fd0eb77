//! The exit status: what a CI job reads, and what a monitoring system reads.

/// What the process says at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExitStatus {
    /// Every check passed.
    Passed,
    /// A check failed: an error finding, or a criterion broken.
    Failed,
    /// Wrong usage: nothing was sent.
    Usage,
    /// The check could not be carried out, or proves neither.
    CouldNotTell,
}

impl ExitStatus {
    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::CouldNotTell => 3,
        }
    }

    /// The worse of two checks: 1 over 3 over 0.
    #[must_use]
    pub const fn worst(self, other: Self) -> Self {
        const fn rank(status: ExitStatus) -> u8 {
            match status {
                ExitStatus::Passed => 0,
                ExitStatus::CouldNotTell => 1,
                ExitStatus::Failed => 2,
                ExitStatus::Usage => 3,
            }
        }
        if rank(self) >= rank(other) {
            self
        } else {
            other
        }
    }
}

/// What a monitoring plugin says at its end, which has other numbers (Monitoring Plugins Development Guidelines, "Plugin Return Codes").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PluginState {
    /// It works.
    Ok,
    /// It works, and something is wrong.
    Warning,
    /// It does not work.
    Critical,
    /// The plugin was called wrongly, or could not tell.
    Unknown,
}

impl PluginState {
    /// The number that the monitoring system sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}

impl std::fmt::Display for PluginState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        })
    }
}
