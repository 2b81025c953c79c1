//! Progress on stderr: bars when it is a terminal, plain lines when not.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::remedy;
use crate::terminal::tell;
use alignscope::{Advice, Progress, in_lines, in_one_line};
use indicatif::{ProgressBar, ProgressStyle};

/// What is at work says how far it is in a plain line so long after the last line, or after the
/// beginning: also where each of many tasks is short. Who is done before says nothing.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// How often it is looked whether a line is due: the work itself need not tell anything meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A task whose bar was there for less than this leaves no line on a terminal.
const SHORT: Duration = Duration::from_secs(1);

/// Progress as the user's stderr can show it.
pub fn progress(quiet: bool) -> Box<dyn Progress> {
    if quiet {
        Box::new(alignscope::Silent)
    } else if std::io::stderr().is_terminal() {
        Box::new(Bars(Mutex::new(None)))
    } else {
        Box::new(Lines::new(Box::new(std::io::stderr()), LINE_EVERY, LOOK_EVERY))
    }
}

/// One bar for each task.
struct Bars(Mutex<Option<ProgressBar>>);

impl Progress for Bars {
    fn begin(&self, task: &str, steps: u64) {
        let template = match steps {
            0 => "{msg}  {spinner}",
            _ => "{msg}  {wide_bar} {percent:>3} %  {eta} left",
        };
        let bar = ProgressBar::new(steps);
        bar.set_style(ProgressStyle::with_template(template).expect("a template of our own"));
        bar.set_message(in_one_line(task).into_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        *self.0.lock().expect("no thread panics here") = Some(bar);
    }

    fn advance(&self, steps: u64) {
        if let Some(bar) = &*self.0.lock().expect("no thread panics here") {
            bar.inc(steps);
        }
    }

    fn end(&self) {
        if let Some(bar) = self.0.lock().expect("no thread panics here").take() {
            bar.finish_and_clear();
            if bar.elapsed() >= SHORT {
                tell!("{}: {:.1} s", bar.message(), bar.elapsed().as_secs_f64());
            }
        }
    }

    fn note(&self, message: &str) {
        match &*self.0.lock().expect("no thread panics here") {
            Some(bar) => bar.suspend(|| tell!("{message}")),
            None => tell!("{message}"),
        }
    }

    fn advise(&self, advice: &Advice) {
        self.note(&advice.in_words(remedy::words));
    }
}

/// A line now and then, from a thread of its own.
struct Lines {
    shared: Arc<Shared>,
    /// Dropped to end the thread.
    _ends: Sender<()>,
}

struct Shared {
    out: Mutex<Out>,
    /// Steps of the present task that are done.
    done: AtomicU64,
}

/// What is written to, and the present task.
struct Out {
    stream: Box<dyn Write + Send>,
    task: Option<Task>,
    begun: Instant,
    pace: Pace,
}

struct Task {
    name: String,
    steps: u64,
    begun: Instant,
    /// How many lines told of it.
    lines: u32,
}

impl Lines {
    fn new(stream: Box<dyn Write + Send>, line_every: Duration, look_every: Duration) -> Self {
        let (begun, pace) = (Instant::now(), Pace::default());
        let out = Mutex::new(Out { stream, task: None, begun, pace });
        let shared = Arc::new(Shared { out, done: AtomicU64::new(0) });
        let (ends, ended) = channel::<()>();
        let looks = Arc::clone(&shared);
        std::thread::spawn(move || {
            while ended.recv_timeout(look_every) == Err(RecvTimeoutError::Timeout) {
                looks.look(line_every);
            }
        });
        Self { shared, _ends: ends }
    }
}

impl Shared {
    fn with(&self, act: impl FnOnce(&mut Out)) {
        act(&mut self.out.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Says how far the task is, if a line is due.
    fn look(&self, line_every: Duration) {
        self.with(|out| {
            let Some(task) = &mut out.task else { return };
            if out.pace.is_due(out.begun.elapsed(), line_every) {
                task.lines += 1;
                let done = self.done.load(Ordering::Relaxed);
                let said = how_far(done, task.steps, task.begun.elapsed());
                let line = format!("{} {said}", task.name);
                out.say(&line);
            }
        });
    }
}

impl Out {
    /// Where nobody reads, nothing can be said.
    fn say(&mut self, line: &str) {
        let _ = writeln!(self.stream, "{}", in_lines(line));
        let _ = self.stream.flush();
    }
}

/// When something was last said of a task, counted from the beginning of all.
#[derive(Debug, Default)]
struct Pace {
    said: Option<Duration>,
}

impl Pace {
    /// Whether so much time has passed since the beginning or the last line, which then is now.
    fn is_due(&mut self, elapsed: Duration, line_every: Duration) -> bool {
        let due = elapsed.saturating_sub(self.said.unwrap_or_default()) >= line_every;
        if due {
            self.said = Some(elapsed);
        }
        due
    }
}

/// How far a task is: how much of it, and how long it will still take at this rate; else since when
/// it goes on.
fn how_far(done: u64, steps: u64, elapsed: Duration) -> String {
    let so_far = || format!("({} so far)", in_words(elapsed));
    if steps == 0 {
        return so_far();
    }
    let done = done.min(steps);
    // 100 % is what is done.
    let percent = (100 * u128::from(done) / u128::from(steps)).min(99);
    if done == 0 {
        return format!("{percent} % {}", so_far());
    }
    let left = elapsed.as_secs_f64() * (steps - done) as f64 / done as f64;
    format!("{percent} % ({} left)", in_words(Duration::from_secs_f64(left)))
}

/// A time in the two largest units that it has.
fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s:02} s"),
        (h, m, _) => format!("{h} h {m:02} min"),
    }
}

impl Progress for Lines {
    fn begin(&self, task: &str, steps: u64) {
        self.shared.done.store(0, Ordering::Relaxed);
        let name = in_one_line(task).into_owned();
        let begun = Instant::now();
        self.shared.with(|out| out.task = Some(Task { name, steps, begun, lines: 0 }));
    }

    fn advance(&self, steps: u64) {
        self.shared.done.fetch_add(steps, Ordering::Relaxed);
    }

    fn end(&self) {
        self.shared.with(|out| {
            // Who was told several times that it goes on is told that it has ended.
            if let Some(task) = out.task.take().filter(|task| task.lines > 1) {
                out.say(&format!("{}: done in {}", task.name, in_words(task.begun.elapsed())));
            }
        });
    }

    fn note(&self, message: &str) {
        self.shared.with(|out| out.say(message));
    }

    fn advise(&self, advice: &Advice) {
        self.note(&advice.in_words(remedy::words));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that is read elsewhere.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("a lock").extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Kept {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().expect("a lock").clone()).expect("text")
        }
    }

    #[test]
    fn a_line_is_due_every_five_seconds_and_not_before() {
        let mut pace = Pace::default();
        let mut due = |tenths: u64| pace.is_due(Duration::from_millis(100 * tenths), LINE_EVERY);
        let said: Vec<u64> = (0..=200).filter(|tenths| due(*tenths)).collect();
        assert_eq!(said, [50, 100, 150, 200]);
        // Where nobody could look for a while, one line is enough.
        let mut pace = Pace::default();
        assert!(pace.is_due(Duration::from_secs(95), LINE_EVERY));
        assert!(!pace.is_due(Duration::from_secs(96), LINE_EVERY));
    }

    #[test]
    fn a_line_says_how_much_since_when_and_how_long_still() {
        let far = |done, steps, seconds| how_far(done, steps, Duration::from_secs(seconds));
        assert_eq!(far(0, 0, 61), "(1 min 01 s so far)");
        assert_eq!(far(0, 10, 12), "0 % (12 s so far)");
        assert_eq!(far(1, 4, 20), "25 % (1 min 00 s left)");
        assert_eq!(far(10, 10, 20), "99 % (0 s left)");
        assert_eq!(far(11, 10, 4000), "99 % (0 s left)");
        assert_eq!(far(u64::MAX / 2, u64::MAX, 5), "49 % (5 s left)");
    }

    #[test]
    fn a_task_that_tells_nothing_is_told_of_and_a_short_one_is_not() {
        let kept = Kept::default();
        let every = Duration::from_millis(200);
        let lines = Lines::new(Box::new(kept.clone()), every, Duration::from_millis(5));
        lines.begin("short", 3);
        lines.advance(3);
        lines.end();
        assert_eq!(kept.text(), "");
        lines.begin("long", 0);
        let begun = Instant::now();
        while kept.text().matches("long (0 s so far)\n").count() < 2 {
            assert!(begun.elapsed() < Duration::from_secs(60), "no line: {}", kept.text());
            std::thread::sleep(Duration::from_millis(5));
        }
        lines.end();
        assert!(kept.text().ends_with("long: done in 0 s\n"), "{}", kept.text());
        lines.note("a note");
        assert!(kept.text().ends_with("a note\n"));
    }

    #[test]
    fn one_short_task_after_the_other_is_told_of_now_and_then() {
        let kept = Kept::default();
        let every = Duration::from_millis(200);
        let lines = Lines::new(Box::new(kept.clone()), every, Duration::from_millis(5));
        let begun = Instant::now();
        while kept.text().lines().count() < 3 {
            assert!(begun.elapsed() < Duration::from_secs(60), "no lines: {}", kept.text());
            lines.begin("short", 2);
            lines.advance(1);
            std::thread::sleep(Duration::from_millis(20));
            lines.end();
        }
        assert!(kept.text().lines().all(|line| line.starts_with("short ")), "{}", kept.text());
        let longest = begun.elapsed().as_millis() / every.as_millis() + 1;
        assert!(kept.text().lines().count() as u128 <= longest, "{}", kept.text());
    }
}
