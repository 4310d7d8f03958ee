//! The outcomes of several builds, sources × kernels, and their table.

use std::time::Duration;

use super::selection::{SelectedBuild, Selection};
use crate::ui::style::Style;
use crate::ui::table::{Cell, aligned};
use crate::ui::text::{count, duration, printable};

/// The end of one of several builds. Its time begins when the build starts.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    Built(Duration),
    /// The products came from the cache.
    Cached(Duration),
    Fresh,
    Failed(Duration),
    /// A provider failed.
    NotBuilt,
    /// The kernel does not meet these requirements.
    Skipped(Vec<String>),
    Stopped,
    NoKernel,
}

impl Outcome {
    /// The name in JSON.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Outcome::Built(_) => "built",
            Outcome::Cached(_) => "cached",
            Outcome::Fresh => "fresh",
            Outcome::Failed(_) => "failed",
            Outcome::NotBuilt | Outcome::NoKernel => "not-built",
            Outcome::Skipped(_) => "skipped",
            Outcome::Stopped => "stopped",
        }
    }

    pub(super) fn time(&self) -> Duration {
        match self {
            Outcome::Built(time) | Outcome::Cached(time) | Outcome::Failed(time) => *time,
            _ => Duration::ZERO,
        }
    }

    fn text(&self) -> String {
        match self {
            Outcome::Built(time) => format!("built, {}", duration(*time)),
            Outcome::Cached(time) => format!("cached, {}", duration(*time)),
            Outcome::Fresh => "up to date".to_owned(),
            Outcome::Failed(time) => format!("FAILED, {}", duration(*time)),
            Outcome::NotBuilt => "not built".to_owned(),
            Outcome::Skipped(checks) => match &checks[..] {
                [] => "skipped".to_owned(),
                [check] => format!("skipped, {check}"),
                [check, others @ ..] => format!("skipped, {check} and {} more", others.len()),
            },
            Outcome::Stopped => "stopped".to_owned(),
            Outcome::NoKernel => "no such kernel".to_owned(),
        }
    }

    fn cell(&self, style: Style) -> Cell {
        let text = self.text();
        match self {
            Outcome::Failed(_) | Outcome::NoKernel => {
                let painted = style.error(&text).into_owned();
                Cell::painted(text, painted)
            }
            _ => text.into(),
        }
    }
}

/// The outcome of each build.
pub(super) struct Results {
    sources: Vec<String>,
    kernels: Vec<String>,
    /// One list for each source, with an entry for each kernel.
    outcomes: Vec<Vec<Outcome>>,
}

impl Results {
    /// All possible builds, not built yet.
    pub(super) fn new(selection: &Selection) -> Self {
        let names = |names: &mut dyn Iterator<Item = &String>| {
            names.map(|name| printable(name).into_owned()).collect()
        };
        let kernels = &selection.kernels;
        let row = kernels.iter().map(|kernel| match kernel.is_missing {
            true => Outcome::NoKernel,
            false => Outcome::Stopped,
        });
        Results {
            sources: names(&mut selection.sources.iter().map(|source| &source.name)),
            kernels: names(&mut kernels.iter().map(|kernel| &kernel.name)),
            outcomes: vec![row.collect(); selection.sources.len()],
        }
    }

    pub(super) fn set(&mut self, build: &SelectedBuild, outcome: Outcome) {
        self.outcomes[build.source][build.kernel] = outcome;
    }

    /// The table. The longer of the two lists becomes the rows.
    pub(super) fn lines(&self, style: Style) -> Vec<String> {
        let down_kernels = self.kernels.len() > self.sources.len();
        let (down, across) = match down_kernels {
            true => (&self.kernels, &self.sources),
            false => (&self.sources, &self.kernels),
        };
        let outcome = |row: usize, column: usize| match down_kernels {
            true => &self.outcomes[column][row],
            false => &self.outcomes[row][column],
        };
        let heading = across.iter().map(Cell::from);
        let mut rows = vec![std::iter::once(Cell::from("")).chain(heading).collect()];
        for (i, name) in down.iter().enumerate() {
            let cells = (0..across.len()).map(|column| outcome(i, column).cell(style));
            rows.push(std::iter::once(Cell::from(name)).chain(cells).collect());
        }
        aligned(&rows)
    }

    /// "4 builds in 5.2 s: 2 built, 1 up to date, 1 failed".
    pub(super) fn summary(&self, time: Duration) -> String {
        let all: Vec<&Outcome> = self.outcomes.iter().flatten().collect();
        let parts = [
            ("built", "built"),
            ("cached", "cached"),
            ("fresh", "up to date"),
            ("failed", "failed"),
            ("not-built", "not built"),
            ("skipped", "skipped"),
            ("stopped", "stopped"),
        ];
        let parts = parts.iter().filter_map(|(word, text)| {
            let number = all.iter().filter(|o| o.word() == *word).count();
            (number > 0).then(|| format!("{number} {text}"))
        });
        format!(
            "{} in {}: {}",
            count(all.len(), "build"),
            duration(time),
            parts.collect::<Vec<_>>().join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::ColorWhen;

    fn results(sources: &[&str], kernels: &[&str], rows: &[&[Outcome]]) -> Results {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Results {
            sources: own(sources),
            kernels: own(kernels),
            outcomes: rows.iter().map(|row| row.to_vec()).collect(),
        }
    }

    #[test]
    fn the_longer_list_goes_down_the_page() {
        let (built, fresh) = (Outcome::Built(Duration::from_millis(2100)), Outcome::Fresh);
        let failed = Outcome::Failed(Duration::from_millis(800));
        let plain = Style::stderr(ColorWhen::Never);
        let modules = results(
            &["ring", "user", "c"],
            &["6.1.0-56-amd64", "7.3.4"],
            &[
                &[built.clone(), fresh.clone()],
                &[failed, built.clone()],
                &[fresh, Outcome::NotBuilt],
            ],
        );
        assert_eq!(
            modules.lines(plain),
            [
                "      6.1.0-56-amd64  7.3.4",
                "ring  built, 2.1 s    up to date",
                "user  FAILED, 0.8 s   built, 2.1 s",
                "c     up to date      not built",
            ]
        );
        assert_eq!(
            modules.summary(Duration::from_secs(5)),
            "6 builds in 5.0 s: 2 built, 2 up to date, 1 failed, 1 not built"
        );
        let skipped = Outcome::Skipped(vec!["CONFIG_NET".to_owned(), "arm64".to_owned()]);
        let kernels = results(
            &["."],
            &["6.1", "7.2", "7.3"],
            &[&[built, Outcome::NoKernel, skipped]],
        );
        assert_eq!(
            kernels.lines(plain),
            [
                "     .",
                "6.1  built, 2.1 s",
                "7.2  no such kernel",
                "7.3  skipped, CONFIG_NET and 1 more"
            ]
        );
        assert_eq!(
            kernels.summary(Duration::from_secs(5)),
            "3 builds in 5.0 s: 1 built, 1 not built, 1 skipped"
        );
    }
}
