//! How several builds ended: sources × kernels.

use std::time::Duration;

use crate::builds::selection::{Job, Jobs};
use crate::ui::progress::duration;
use crate::ui::style::{Style, count, printable};

/// How one of several builds ended. The time is that since it had its turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Outcome {
    Built(Duration),
    Fresh,
    Failed(Duration),
    /// What it needs failed.
    NotBuilt,
    Stopped,
    NoKernel,
}

impl Outcome {
    /// As JSON has it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Outcome::Built(_) => "built",
            Outcome::Fresh => "fresh",
            Outcome::Failed(_) => "failed",
            Outcome::NotBuilt | Outcome::NoKernel => "not-built",
            Outcome::Stopped => "stopped",
        }
    }

    pub(crate) fn time(self) -> Duration {
        match self {
            Outcome::Built(time) | Outcome::Failed(time) => time,
            _ => Duration::ZERO,
        }
    }

    fn text(self) -> String {
        match self {
            Outcome::Built(time) => format!("built, {}", duration(time)),
            Outcome::Fresh => "up to date".to_owned(),
            Outcome::Failed(time) => format!("FAILED, {}", duration(time)),
            Outcome::NotBuilt => "not built".to_owned(),
            Outcome::Stopped => "stopped".to_owned(),
            Outcome::NoKernel => "no such kernel".to_owned(),
        }
    }
}

/// The outcome of each build.
pub(crate) struct Table {
    sources: Vec<String>,
    kernels: Vec<String>,
    /// A list for each source, as long as there are kernels.
    cells: Vec<Vec<Outcome>>,
}

impl Table {
    /// All that can be built, not built yet.
    pub(crate) fn new(jobs: &Jobs) -> Self {
        let row = jobs.kernels.iter().map(|kernel| match kernel.failure {
            Some(_) => Outcome::NoKernel,
            None => Outcome::Stopped,
        });
        Table {
            sources: jobs.names.iter().map(|s| printable(s).into()).collect(),
            kernels: jobs
                .kernels
                .iter()
                .map(|k| printable(&k.name).into())
                .collect(),
            cells: vec![row.collect(); jobs.sources.len()],
        }
    }

    pub(crate) fn set(&mut self, job: &Job, outcome: Outcome) {
        self.cells[job.source][job.column] = outcome;
    }

    /// The longer of the two lists goes down the page.
    pub(crate) fn lines(&self, style: Style) -> Vec<String> {
        let down_kernels = self.kernels.len() > self.sources.len();
        let (down, across) = match down_kernels {
            true => (&self.kernels, &self.sources),
            false => (&self.sources, &self.kernels),
        };
        let cell = |row: usize, column: usize| match down_kernels {
            true => self.cells[column][row],
            false => self.cells[row][column],
        };
        let width = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
        let first = width(&mut down.iter().map(|name| name.chars().count()));
        let widths: Vec<usize> = across
            .iter()
            .enumerate()
            .map(|(column, name)| {
                let cells = (0..down.len()).map(|row| cell(row, column).text().len());
                width(&mut cells.chain([name.chars().count()]))
            })
            .collect();
        let mut heading = " ".repeat(first);
        for (name, width) in across.iter().zip(&widths) {
            heading += &format!("  {name:width$}");
        }
        let mut lines = vec![heading.trim_end().to_owned()];
        for (row, name) in down.iter().enumerate() {
            let mut line = format!("{name:first$}");
            for (column, width) in widths.iter().enumerate() {
                let outcome = cell(row, column);
                let text = outcome.text();
                let room = " ".repeat(width - text.len());
                let painted = match outcome {
                    Outcome::Failed(_) | Outcome::NoKernel => style.error(&text),
                    _ => text.as_str().into(),
                };
                line += &format!("  {painted}{room}");
            }
            lines.push(line.trim_end().to_owned());
        }
        lines
    }

    /// "4 builds in 5.2 s: 2 built, 1 up to date, 1 failed".
    pub(crate) fn summary(&self, time: Duration) -> String {
        let all: Vec<Outcome> = self.cells.iter().flatten().copied().collect();
        let parts = [
            ("built", "built"),
            ("fresh", "up to date"),
            ("failed", "failed"),
            ("not-built", "not built"),
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
    use crate::args::build::ColorWhen;

    fn table(sources: &[&str], kernels: &[&str], cells: &[&[Outcome]]) -> Table {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Table {
            sources: own(sources),
            kernels: own(kernels),
            cells: cells.iter().map(|row| row.to_vec()).collect(),
        }
    }

    #[test]
    fn the_longer_list_goes_down_the_page() {
        let (built, fresh) = (Outcome::Built(Duration::from_millis(2100)), Outcome::Fresh);
        let failed = Outcome::Failed(Duration::from_millis(800));
        let plain = Style::stderr(ColorWhen::Never);
        let modules = table(
            &["ring", "user", "c"],
            &["6.1.0-56-amd64", "7.3.4"],
            &[
                &[built, fresh],
                &[failed, built],
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
        let kernels = table(&["."], &["6.1", "7.3"], &[&[built, Outcome::NoKernel]]);
        assert_eq!(
            kernels.lines(plain),
            ["     .", "6.1  built, 2.1 s", "7.3  no such kernel"]
        );
    }
}
