//! What was seen over a run, thinned, in one file beside the journal: for reports after the run.
//!
//! Like the look itself it may be lost or cut off: it tells what a curve looked like, never what a run did.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bluegreen_core::event::Look;
use bluegreen_core::journal::FileStore;
use bluegreen_core::model::RunId;
use serde::{Deserialize, Serialize};

/// The version of a line's form; others are passed over.
const VERSION: u32 = 1;

/// So many lines are kept: at one a minute, two days.
const LINES_MAX: usize = 3000;

/// A look that shows nothing new is kept once in so many seconds.
const EVERY_SECONDS: i64 = 60;

#[derive(Serialize, Deserialize)]
struct Line {
    v: u32,
    look: Look,
}

/// Adds looks to a run's history.
pub(super) struct History {
    path: PathBuf,
    lines_max: usize,
    /// How many lines there are; `None` until the first look of this process.
    lines: Option<usize>,
    last: Option<Look>,
    /// The newest look, where it was passed over: until then nothing changed.
    passed_over: Option<Look>,
}

impl History {
    pub(super) fn new(store: &FileStore, run: &RunId) -> History {
        History { path: path(store, run), lines_max: LINES_MAX, lines: None, last: None, passed_over: None }
    }

    /// Adds a look, if it shows something new or the last one is a while ago. A failure costs a report one point.
    pub(super) fn add(&mut self, look: &Look) {
        let same = |last: &Look| Look { at: last.at, ..look.clone() } == *last;
        let (same, soon) = self
            .last
            .as_ref()
            .map_or((false, false), |last| (same(last), look.at.duration_since(last.at).as_secs() < EVERY_SECONDS));
        match (same, soon) {
            (true, true) => self.passed_over = Some(look.clone()),
            (true, false) => {
                self.passed_over = None;
                self.keep(look);
            }
            // News come with the last look before them: it tells until when nothing had changed.
            (false, _) => {
                self.flush();
                self.keep(look);
            }
        }
    }

    /// Keeps the newest look too: nothing follows it, or something new does.
    pub(super) fn flush(&mut self) {
        if let Some(look) = self.passed_over.take() {
            self.keep(&look);
        }
    }

    fn keep(&mut self, look: &Look) {
        let lines = self.lines.unwrap_or_else(|| read_lines(&self.path).len());
        let lines = if lines >= self.lines_max { self.thin() } else { lines };
        let added = append(&self.path, look).is_ok();
        self.lines = Some(lines + usize::from(added));
        self.last = Some(look.clone());
    }

    /// Leaves half of the lines or fewer. Those before and after a change of a weight or an alarm go last.
    fn thin(&self) -> usize {
        let looks = read_lines(&self.path);
        let half = self.lines_max / 2;
        let news = |index: usize| index == 0 || looks.get(index).is_some_and(|look| differs(&looks[index - 1], look));
        let (edges, mut others): (Vec<usize>, Vec<usize>) =
            (0..looks.len()).partition(|index| news(*index) || news(index + 1));
        let mut kept = edges;
        while kept.len() > half {
            kept = kept.into_iter().step_by(2).collect();
        }
        while kept.len() + others.len() > half {
            others = if others.len() == 1 { Vec::new() } else { others.into_iter().step_by(2).collect() };
        }
        kept.extend(others);
        kept.sort_unstable();
        let mut text = Vec::new();
        for look in kept.iter().map(|index| &looks[*index]) {
            text.extend(encode(look).unwrap_or_default());
        }
        match super::put(&self.path, &text) {
            Ok(()) => kept.len(),
            Err(_) => looks.len(),
        }
    }
}

/// Whether a curve bends between these two.
fn differs(before: &Look, after: &Look) -> bool {
    (&before.set, &before.configured, &before.alarms) != (&after.set, &after.configured, &after.alarms)
}

/// The looks that were kept of a run, oldest first. What cannot be read is passed over.
pub(crate) fn read(store: &FileStore, run: &RunId) -> Vec<Look> {
    let mut looks = read_lines(&path(store, run));
    looks.sort_by_key(|look| look.at);
    looks
}

fn path(store: &FileStore, run: &RunId) -> PathBuf {
    store.run_path(run).with_extension("looks.jsonl")
}

fn read_lines(path: &Path) -> Vec<Look> {
    let text = std::fs::read(path).unwrap_or_default();
    let lines = text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Line>(line).ok());
    lines.filter(|line| line.v == VERSION).map(|line| line.look).collect()
}

fn encode(look: &Look) -> std::io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&Line { v: VERSION, look: look.clone() })?;
    line.push(b'\n');
    Ok(line)
}

/// One write of a whole line. After one that was cut off a new line begins.
fn append(path: &Path, look: &Look) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let mut line = if is_cut_off(&mut file)? { vec![b'\n'] } else { Vec::new() };
    line.extend(encode(look)?);
    file.write_all(&line)
}

fn is_cut_off(file: &mut File) -> std::io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{look, place};
    use super::*;

    #[test]
    fn what_shows_nothing_new_is_kept_once_a_minute() {
        let (store, run) = place("history");
        let mut history = History::new(&store, &run);
        for second in 0..130 {
            history.add(&look(second));
        }
        let news = Look { observed: Some(5), ..look(130) };
        history.add(&news);
        let kept = [look(0), look(60), look(120), look(129), news];
        assert_eq!(read(&store, &run), kept, "news come with the last look before them");
        history.add(&Look { at: super::super::tests::at(133), ..kept[4].clone() });
        assert_eq!(read(&store, &run).len(), 5);
        history.flush();
        history.flush();
        assert_eq!(read(&store, &run).len(), 6, "the newest is kept at the end, once");
    }

    #[test]
    fn it_is_bounded_and_keeps_what_bends() {
        let (store, run) = place("bounded");
        let mut history = History::new(&store, &run);
        history.lines_max = 40;
        let share = |tenths| bluegreen_core::model::Percent::from_tenths(tenths).unwrap();
        for second in 0..500 {
            let set = share(if second == 255 { 100 } else { 0 });
            history.add(&Look { set, ..look(second * 60) });
            assert!(read(&store, &run).len() <= 40);
        }
        let mut again = History::new(&store, &run);
        again.lines_max = 40;
        again.add(&look(99_999));
        let kept = read(&store, &run);
        assert!((10..=40).contains(&kept.len()), "{}", kept.len());
        assert_eq!(kept[0], look(0));
        let bend = kept.iter().position(|look| look.set != share(0)).expect("what bends is kept");
        assert_eq!([254, 255, 256].map(|minute| look(minute * 60).at), [bend - 1, bend, bend + 1].map(|i| kept[i].at));
        assert_eq!(kept.last(), Some(&look(99_999)));
    }

    #[test]
    fn damage_costs_a_line_alone() {
        let (store, run) = place("damage");
        let mut history = History::new(&store, &run);
        history.add(&look(0));
        let file = path(&store, &run);
        let mut text = std::fs::read_to_string(&file).unwrap();
        text += "{\"v\":2,\"look\":{}}\n{\"v\":1,\"lo";
        std::fs::write(&file, text).unwrap();
        history.add(&look(60));
        assert_eq!(read(&store, &run), [look(0), look(60)]);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;

        let (store, run) = place("history-mode");
        History::new(&store, &run).add(&look(0));
        let mode = std::fs::metadata(path(&store, &run)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn it_is_no_run() {
        let (store, run) = place("no-run");
        History::new(&store, &run).add(&look(0));
        assert!(store.runs().unwrap().is_empty(), "{:?}", store.runs());
    }
}
