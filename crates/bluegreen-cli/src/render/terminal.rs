//! For a person at a terminal: what happened stays as lines, how things stand moves below them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use bluegreen_core::drive::Ended;
use bluegreen_core::event::{Event, Reporter};
use bluegreen_core::journal::Record;
use bluegreen_core::model::{Color, RunId, Timestamp};
use bluegreen_core::observe::AlarmState;
use bluegreen_core::plan::Plan;
use bluegreen_core::view::{RunView, Tone};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::track::Tracker;
use super::words::{alarms, between, control, fleet, wait_end, weights, wrap};
use super::{Renderer, ending_lines};
use crate::exit::Exit;
use crate::{env, out};

/// A whole bar, in parts of a million.
const WHOLE: u64 = 1_000_000;

/// How far lines go in after the time of day.
const INDENT: usize = 10;

/// Bars below, lines above.
pub(super) struct Terminal {
    run: RunId,
    bars: Bars,
    clock: Arc<Mutex<Clock>>,
    shown: Mutex<Shown>,
    colors: bool,
}

struct Shown {
    tracker: Tracker,
    /// The last failed read, so that it is said once for as long as it lasts.
    failure: Option<String>,
}

/// What the wait's clock shows: the time left where the end is known, else the time passed.
#[derive(Default)]
struct Clock {
    since: Option<Timestamp>,
    ends: Option<Timestamp>,
}

impl Clock {
    fn read(&self, now: Timestamp) -> String {
        match (self.ends, self.since) {
            (Some(ends), _) => format!("{} left", between(now, ends)),
            (None, Some(since)) => format!("{} so far", between(since, now)),
            (None, None) => String::new(),
        }
    }
}

/// The lines that move.
struct Bars {
    all: MultiProgress,
    head: ProgressBar,
    weight: ProgressBar,
    blue: ProgressBar,
    green: ProgressBar,
    /// Where the plan has a control fleet.
    control: Option<ProgressBar>,
    alarms: ProgressBar,
    judge: ProgressBar,
    wait: ProgressBar,
}

impl Bars {
    fn new(clock: &Arc<Mutex<Clock>>, with_control: bool) -> Bars {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let line = |style: ProgressStyle| all.add(ProgressBar::new(WHOLE).with_style(style));
        let text = || style("  {prefix:7}{wide_msg}");
        let head = line(style("{wide_msg}"));
        let weight = line(style("  {prefix:7}{bar:20}  {wide_msg}").progress_chars("━━─"));
        let (blue, green) = (line(text()), line(text()));
        let control = with_control.then(|| line(text()).with_prefix("control"));
        let (alarms, judge) = (line(text()), line(text()));
        let named = [(&weight, "canary"), (&blue, "blue"), (&green, "green"), (&alarms, "alarms"), (&judge, "judge")];
        for (bar, name) in named {
            bar.set_prefix(name);
        }
        let wait = line(style("{spinner} {clock}  {wide_msg}").with_key("clock", ticking(clock.clone())));
        wait.enable_steady_tick(Duration::from_millis(200));
        Bars { all, head, weight, blue, green, control, alarms, judge, wait }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// The clock, read anew at each drawing.
fn ticking(
    clock: Arc<Mutex<Clock>>,
) -> impl Fn(&ProgressState, &mut dyn std::fmt::Write) + Clone + Send + Sync + 'static {
    move |_, text| {
        let _ = text.write_str(&clock.lock().unwrap_or_else(PoisonError::into_inner).read(env::now()));
    }
}

impl Terminal {
    pub(super) fn new(plan: &Plan, records: &[Record]) -> Terminal {
        let clock = Arc::default();
        let shown = Shown { tracker: Tracker::new(plan, records), failure: None };
        Terminal {
            run: plan.run.clone(),
            bars: Bars::new(&clock, plan.control.is_some()),
            clock,
            shown: Mutex::new(shown),
            colors: out::stderr_has_colors(),
        }
    }

    fn paint(&self, tone: Tone, text: &str) -> String {
        match color_of(tone).filter(|_| self.colors) {
            Some(style) => format!("{style}{text}{style:#}"),
            None => text.to_owned(),
        }
    }

    /// A line that stays.
    fn keep(&self, at: Timestamp, tone: Tone, text: &str) {
        let line = wrap(&format!("{} {text}", at.strftime("%H:%M:%SZ")), INDENT);
        let _ = self.bars.all.println(self.paint(tone, &line));
    }

    fn draw(&self, view: &RunView) {
        let bars = &self.bars;
        bars.head.set_message(self.paint(view.tone, &view.headline));
        let share = view.routes.iter().filter_map(|route| route.configured_ppm.or(route.written_ppm)).max();
        bars.weight.set_position(share.unwrap_or(0).into());
        bars.weight.set_message(weights(view));
        bars.blue.set_message(fleet(view, Color::Blue));
        bars.green.set_message(fleet(view, Color::Green));
        if let Some((bar, message)) = bars.control.as_ref().zip(control(view)) {
            bar.set_message(message);
        }
        let tone = match view.alarms.iter().any(|alarm| alarm.state == Some(AlarmState::Alarm)) {
            true => Tone::Bad,
            false => Tone::Plain,
        };
        bars.alarms.set_message(self.paint(tone, &alarms(view)));
        match &view.analysis {
            Some(judge) => bars.judge.set_message(judge.line()),
            // A plan without a judge has no line for one.
            None => bars.judge.finish_and_clear(),
        }
        let wait = view.wait.as_ref();
        let clock = Clock { since: wait.map(|wait| wait.since), ends: wait_end(view) };
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = clock;
        bars.wait.set_message(wait.map(|wait| wait.why.clone()).unwrap_or_default());
    }
}

fn color_of(tone: Tone) -> Option<Style> {
    let color = match tone {
        Tone::Plain => return None,
        Tone::Good => AnsiColor::Green,
        Tone::Warn => AnsiColor::Yellow,
        Tone::Bad => AnsiColor::Red,
    };
    Some(Style::new().fg_color(Some(color.into())))
}

impl Reporter for Terminal {
    fn event(&self, event: &Event) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let told = shown.tracker.follow(event);
        match event {
            Event::Recorded(record) => {
                if let Some(told) = told {
                    self.keep(record.at, told.tone, &told.to_string());
                }
            }
            Event::ReadFailed { at, error } => {
                let text = error.to_string();
                if shown.failure.as_ref() != Some(&text) {
                    self.keep(*at, Tone::Warn, &format!("read failed: {text}"));
                }
                shown.failure = Some(text);
            }
            Event::Looked(_) => shown.failure = None,
            Event::Warning { at, text } => self.keep(*at, Tone::Warn, &format!("warning: {text}")),
            Event::Waiting { .. } => {}
        }
        if let Some(view) = shown.tracker.view() {
            self.draw(view);
        }
    }
}

impl Renderer for Terminal {
    fn note(&self, text: &str) {
        self.keep(env::now(), Tone::Plain, text);
    }

    fn end(&self, ended: &Ended, _: Exit) {
        self.close();
        ending_lines(ended, &self.run).iter().for_each(out::say);
    }

    fn close(&self) {
        self.bars.wait.disable_steady_tick();
        let _ = self.bars.all.clear();
    }
}
