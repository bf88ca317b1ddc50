//! The figures as a page of tables.

use crate::bounds::{self, find};
use crate::grid::{self, BURST_CELLS, Outcome, RATIOS, Tally};
use crate::methods::{NAMES, OURS};
use crate::traffic::{Cell, Noise};

const INTRODUCTION: &str = "\
# The judge, measured

Written by `bash tests/bench/judge-grid.sh`; `--check` makes it fail where a bound is broken. Everything is simulated:
requests arrive independently of each other, each fails with its arm's rate, all methods see the same minutes, look once
a minute and stop at the first rollback or after 60 minutes. A release that is not sent back counts 60 minutes and all of
that hour's harm. The methods and where their rules come from are in `tests/measure/src/methods/`, the kinds of bursts in
`tests/measure/src/traffic.rs`.

The judge is what `stats::Comparison` and the tripwire say of one metric at an α of 1 %, with the settings that a release
has when it names none. With a horizon it is told that it is looked at for an hour (`docs/internals/judge.md`).
";

const WHERE_SLOWER: &str = "\
## Where others are earlier

- **Gross failures.** An alarm on 2 of 3 minutes fires in the second minute, the judge in the third: one minute multiplies
  its evidence by five at most, so that a burst of one or two minutes does not send a healthy canary back. The price shows
  in the table above; what it buys in the columns `hiccup1`, `hiccup3` and the clusters.
- **Thresholds that happen to fit.** A fixed rate or count lies between the healthy and the broken rate in some cells. There
  it is earlier, and in the next cell it sends back everything or nothing: see its worst cell.
- **The repeated z-test** is early everywhere because it does not pay for its looks: it sends back a quarter to a third of
  all healthy canaries.
- **Small regressions in little traffic** are found by nobody within the hour, except by methods that send back healthy
  canaries as often.
";

/// The whole page.
pub fn page(outcomes: &[Outcome]) -> String {
    let mut page = String::from(INTRODUCTION);
    let runs = |bad: bool| outcomes.iter().find(|outcome| (outcome.job.ratio > 1.0) == bad).map_or(0, |o| o.job.runs);
    page += &format!("\nHealthy releases in each cell: {}; bad ones: {}.\n", runs(false), runs(true));
    page += &summary(outcomes);
    page += &bursts(outcomes);
    page += &late(outcomes);
    page += &frontier(outcomes);
    page += WHERE_SLOWER;
    page += &detail(outcomes);
    page
}

fn percent(rate: f64) -> String {
    match 100.0 * rate {
        0.0 => "0".to_owned(),
        percent if percent < 10.0 => format!("{percent:.2}"),
        percent => format!("{percent:.0}"),
    }
}

fn table(head: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = vec!["---".to_owned(); head.len()];
    let body: String = rows.iter().map(|row| line(row)).collect();
    format!("\n{}{}{body}", line(head), line(&rule))
}

fn names(first: &str) -> Vec<String> {
    std::iter::once(first).chain(NAMES).map(str::to_owned).collect()
}

/// The mean and the worst over all cells.
fn summary(outcomes: &[Outcome]) -> String {
    let of = |noise: Noise, ratio: f64| -> Vec<&Outcome> {
        grid::cells().into_iter().filter_map(|cell| find(outcomes, cell, noise, ratio)).collect()
    };
    let each = |name: &str, outcomes: &[&Outcome], value: &dyn Fn(&mut dyn Iterator<Item = &Tally>) -> String| {
        let values = (0..NAMES.len()).map(|index| value(&mut outcomes.iter().map(|outcome| &outcome.tallies[index])));
        std::iter::once(name.to_owned()).chain(values).collect::<Vec<String>>()
    };
    let count = |outcomes: &[&Outcome]| outcomes.len().max(1) as f64;
    let mut rows = Vec::new();
    for (noise, name) in [(Noise::Independent, "independent"), (Noise::Common, "common cause")] {
        let all = of(noise, 1.0);
        let n = count(&all);
        rows.push(each(&format!("false, {name}: mean %"), &all, &|tallies| {
            percent(tallies.map(Tally::rate).sum::<f64>() / n)
        }));
        rows.push(each(&format!("false, {name}: worst %"), &all, &|tallies| {
            percent(tallies.map(Tally::rate).fold(0.0, f64::max))
        }));
        rows.push(each(&format!("false, {name}: cells above 1 %"), &all, &|tallies| {
            tallies.filter(|tally| tally.rate() > bounds::ALPHA).count().to_string()
        }));
    }
    for ratio in RATIOS {
        let all = of(Noise::Independent, ratio);
        let n = count(&all);
        rows.push(each(&format!("×{ratio} missed: mean %"), &all, &|tallies| {
            percent(tallies.map(|tally| 1.0 - tally.rate()).sum::<f64>() / n)
        }));
        rows.push(each(&format!("×{ratio} minutes: mean"), &all, &|tallies| {
            format!("{:.1}", tallies.map(|tally| tally.minutes().0).sum::<f64>() / n)
        }));
    }
    let head = names("48 cells");
    format!("\n## All cells together\n{}", table(&head, &rows))
}

fn short(cell: Cell) -> String {
    format!("{} / {} % / {} %", cell.rps, 100.0 * cell.share, 100.0 * cell.base)
}

fn bursts(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "\n## Healthy canaries in bursts\n\nFalse rollbacks, %. The promise holds for the first two columns; the rest is robustness.\n",
    );
    let head: Vec<String> = std::iter::once("method".to_owned()).chain(Noise::ALL.map(Noise::name)).collect();
    for cell in BURST_CELLS {
        let row = |(index, name): (usize, &str)| {
            let rate = |noise: Noise| {
                find(outcomes, cell, noise, 1.0).map_or_else(String::new, |found| percent(found.tallies[index].rate()))
            };
            std::iter::once(name.to_owned()).chain(Noise::ALL.map(rate)).collect()
        };
        let rows: Vec<Vec<String>> = NAMES.into_iter().enumerate().map(row).collect();
        text += &format!("\nRequests a second / share / base: {}\n{}", short(cell), table(&head, &rows));
    }
    text
}

/// Canaries that become bad on the way.
fn late(outcomes: &[Outcome]) -> String {
    let late: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.job.onset > 0).collect();
    let Some(first) = late.first() else { return String::new() };
    let (minute, cell) = (first.job.onset, short(first.job.cell));
    let row = |outcome: &&Outcome| {
        let after = |minute: usize| minute.saturating_sub(outcome.job.onset).to_string();
        let value = |tally: &Tally| {
            let median = tally.median().map_or_else(|| "–".to_owned(), after);
            format!("{}, {median}", percent(tally.rate()))
        };
        std::iter::once(format!("×{}", outcome.job.ratio)).chain(outcome.tallies.iter().map(value)).collect()
    };
    let rows: Vec<Vec<String>> = late.iter().map(row).collect();
    let table = table(&names("ratio"), &rows);
    format!(
        "\n## Bad from minute {minute} on\n\nRequests a second / share / base: {cell}. % found by the end of the hour, and how \
         many minutes after it began (median).\n{table}"
    )
}

fn frontier(outcomes: &[Outcome]) -> String {
    let overtaken = bounds::overtaken(outcomes);
    let beyond = overtaken.iter().filter(|case| case.everywhere).count();
    let mut text = format!(
        "\n## The frontier\n\nCells in which a method has fewer false rollbacks than the judge and is earlier at some ratio and \
         later at none: {beyond} of {}.\nDifferences count beyond {} standard errors.\n",
        grid::cells().len() * (NAMES.len() - OURS),
        bounds::ERRORS
    );
    if !overtaken.is_empty() {
        text += "\nFewer false rollbacks, and earlier at some ratio but later at others:\n\n";
        text.extend(overtaken.iter().filter(|case| !case.everywhere).map(|case| format!("- {case}\n")));
    }
    text.push('\n');
    text
}

/// Every cell: false rollbacks, and for each ratio what was found, when, and at what price.
fn detail(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "\n## Every cell\n\nFirst column: requests a second / share / base / ratio. For ×1, false rollbacks in %; else % found, \
         median minute, failed requests of the canary.\n",
    );
    let mut rows = Vec::new();
    for cell in grid::cells() {
        for ratio in std::iter::once(1.0).chain(RATIOS) {
            let Some(outcome) = find(outcomes, cell, Noise::Independent, ratio) else { continue };
            let value = |tally: &Tally| {
                if ratio <= 1.0 {
                    return percent(tally.rate());
                }
                let median = tally.median().map_or_else(|| "–".to_owned(), |minute| minute.to_string());
                format!("{}, {median}, {:.1}", percent(tally.rate()), tally.harmed().0)
            };
            let first = format!("{} / ×{ratio}", short(cell));
            rows.push(std::iter::once(first).chain(outcome.tallies.iter().map(value)).collect());
        }
    }
    text += &table(&names("cell"), &rows);
    text
}
